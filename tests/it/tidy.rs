//! The import rule: imports point down only, and only the shell touches the world. Also sizes and names of files.
//!
//! One package shares its dependencies, so the compiler alone cannot say which room may use what; this reads the
//! sources. Tests inside the sources are left out: they may compare with anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A room of the library: what it may import, and which crates it stands on.
struct Room {
    name: &'static str,
    rooms: &'static [&'static str],
    crates: &'static [&'static str],
}

const fn room(name: &'static str, rooms: &'static [&'static str], crates: &'static [&'static str]) -> Room {
    Room { name, rooms, crates }
}

const ROOMS: &[Room] = &[
    room("time", &[], &[]),
    room("ids", &[], &[]),
    room("facts", &["time", "ids"], &[]),
    room("sip", &["time"], &["rsipstack", "bytes", "md5", "sha2", "hmac", "subtle", "rand_chacha", "slab", "ipnet"]),
    room(
        "media",
        &["facts", "time", "ids"],
        &[
            "rtp_rs",
            "rtcp_types",
            "aes",
            "sha1",
            "hmac",
            "subtle",
            "base64",
            "audio_codec",
            "ropus",
            "sdp_types",
            "hound",
            "bytes",
            "rand_chacha",
            "slab",
        ],
    ),
    room("acd", &["facts", "time", "ids"], &["rand_chacha", "slab"]),
    room("b2bua", &["acd", "sip", "media", "facts", "time", "ids"], &["bytes", "rand_chacha", "slab", "ipnet"]),
    room("stats", &["facts", "time", "ids"], &["prometheus", "hdrhistogram", "serde"]),
    room("journal", &["acd", "facts", "time", "ids"], &["serde"]),
    room("report", &["stats", "journal", "acd", "facts", "time", "ids"], &["jiff", "csv", "serde_json"]),
    room(
        "config",
        &["acd", "b2bua", "sip", "media", "stats", "time", "ids"],
        &["serde", "toml", "annotate_snippets", "strsim", "ipnet", "jiff", "sha2"],
    ),
];

/// Rooms of the daemon's own crate, which may use everything.
const SHELL: &[&str] = &["main", "daemon", "cli", "ledger"];

/// What of the standard library the library's rooms leave to the shell.
const WORLD: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "ToSocketAddrs"],
    &["std", "net", "UdpSocket"],
    &["std", "os"],
    &["std", "process"],
    &["std", "sync", "Condvar"],
    &["std", "sync", "Mutex"],
    &["std", "sync", "RwLock"],
    &["std", "sync", "mpsc"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "manager", "types", "misc"];

/// Most lines of a file, its tests left out; 100 to 400 is the aim.
const MOST_LINES: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file below `src/`, by its path there.
fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("a readable directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let source = root().join("src");
    let mut found = Vec::new();
    walk(&source, &mut found);
    let relative = |path: &PathBuf| path.strip_prefix(&source).expect("below src").to_path_buf();
    found.iter().map(|path| (relative(path), fs::read_to_string(path).expect("a source file"))).collect()
}

/// The module path of a file: `stats/tally.rs` is `[stats, tally]`, `stats/mod.rs` is `[stats]`.
fn module(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// The code that is not a test: without comments, and cut where the tests begin.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens_tests = lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if line.starts_with("#[cfg(test)]") && opens_tests {
            break;
        }
        kept += line.split("//").next().unwrap_or_default();
        kept.push('\n');
    }
    kept
}

/// Every path written in the code, groups unfolded: `std::{fs, net::UdpSocket}` is two paths.
fn paths(code: &str) -> Vec<Vec<String>> {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(letter) {
        rest = &rest[start..];
        let mut tail = rest;
        unfold(&mut tail, &[], &mut found);
        let consumed = rest.len() - tail.len();
        rest = &rest[consumed.max(rest.chars().next().map_or(1, char::len_utf8))..];
    }
    found
}

/// Reads one path at the start of `rest`, and every path of a group that ends it.
fn unfold(rest: &mut &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    let mut path = before.to_vec();
    loop {
        let end = rest.find(|c| !letter(c)).unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        path.push(rest[..end].to_owned());
        *rest = &rest[end..];
        let Some(next) = rest.strip_prefix("::") else { break };
        *rest = next;
        let Some(group) = rest.strip_prefix('{') else { continue };
        *rest = group;
        loop {
            *rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '*');
            let Some(first) = rest.chars().next() else { return };
            if first == '}' {
                *rest = &rest[1..];
                return;
            }
            let length = rest.len();
            unfold(rest, &path, found);
            if rest.len() == length {
                *rest = &rest[first.len_utf8()..];
            }
        }
    }
    if path.len() > before.len() {
        found.push(path);
    }
}

/// The crates of `[dependencies]`, as they are called in code.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let section = manifest.split("\n[dependencies]\n").nth(1).expect("dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let called = |name: &str| if name == "md-5" { "md5".to_owned() } else { name.replace('-', "_") };
    lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| called(name)).collect()
}

/// What a file of the library imports that its room may not.
fn complaints(module: &[String], text: &str, dependencies: &[String]) -> Vec<String> {
    let Some(room) = ROOMS.iter().find(|room| room.name == module[0]) else {
        return vec![format!("no room is called {}", module[0])];
    };
    let may_import = |other: &str| other == room.name || room.rooms.contains(&other);
    let is_room = |name: &str| ROOMS.iter().any(|room| room.name == name) || SHELL.contains(&name);
    let paths = paths(&code(text));
    // `use rsipstack::rsip;` makes `rsip::…` a module of that crate, whatever else is called so.
    let imported = |name: &String| paths.iter().any(|path| path.len() > 1 && path.last() == Some(name));
    let mut complaints = Vec::new();
    for path in &paths {
        let climbs = path.iter().take_while(|part| *part == "super").count();
        let other = match path[0].as_str() {
            "crate" => path.get(1),
            _ if climbs >= module.len() => path.get(climbs),
            _ => None,
        };
        if other.is_some_and(|other| is_room(other) && !may_import(other)) {
            complaints.push(format!("imports another room: {}", path.join("::")));
        }
        let is_crate = path.len() > 1 && dependencies.contains(&path[0]) && !imported(&path[0]);
        if is_crate && !room.crates.contains(&path[0].as_str()) {
            complaints.push(format!("uses a crate that is not the room's: {}", path.join("::")));
        }
        if WORLD.iter().any(|world| path.len() >= world.len() && path.iter().zip(*world).all(|(a, b)| a == b)) {
            complaints.push(format!("touches the world: {}", path.join("::")));
        }
    }
    complaints
}

#[test]
fn imports_point_down_and_only_the_shell_touches_the_world() {
    let dependencies = dependencies();
    assert!(dependencies.len() > 10 && dependencies.contains(&"crossbeam_channel".to_owned()));
    let mut all = Vec::new();
    let mut files = 0;
    for (path, text) in sources() {
        let module = module(&path);
        if SHELL.contains(&module[0].as_str()) || module[0] == "lib" || module.last().is_some_and(|m| m == "tests") {
            continue;
        }
        files += 1;
        let found = complaints(&module, &text, &dependencies);
        all.extend(found.into_iter().map(|complaint| format!("src/{}: {complaint}", path.display())));
    }
    assert!(files > 20, "the walk found the library");
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn the_library_declares_rooms_and_the_shell_stays_outside() {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    let declared: Vec<&str> = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(declared.len() > 5);
    for name in declared {
        assert!(ROOMS.iter().any(|room| room.name == name), "{name} is no room of the library");
    }
}

#[test]
fn files_can_be_read_from_the_top() {
    let mut all = Vec::new();
    for (path, text) in sources() {
        let lines = code(&text).lines().count();
        let module = module(&path);
        if lines > MOST_LINES && module.last().is_none_or(|m| m != "tests") {
            all.push(format!("src/{}: {lines} lines without its tests", path.display()));
        }
        if module.iter().any(|part| EMPTY_NAMES.contains(&part.as_str())) {
            all.push(format!("src/{}: the name says nothing", path.display()));
        }
        if !text.starts_with("//!") {
            all.push(format!("src/{}: does not begin with its duty", path.display()));
        }
    }
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn what_is_forbidden_is_found() {
    let dependencies = ["tokio", "prometheus"].map(str::to_owned);
    let judge = |module: &[&str], text: &str| {
        complaints(&module.iter().copied().map(str::to_owned).collect::<Vec<_>>(), text, &dependencies)
    };
    let tally = &["stats", "tally"];
    for fine in [
        "use crate::facts::Fact;",
        "use super::layout::Layout;",
        "use super::super::time::Time;",
        "use ::prometheus::proto::Metric;",
        "// use std::fs;",
        "use std::net::IpAddr;",
        "use std::sync::Arc;",
        "fn thread(env: u8) {}",
        "#[cfg(test)]\nmod tests {\n    use std::fs;\n}",
    ] {
        assert_eq!(judge(tally, fine), Vec::<String>::new(), "{fine}");
    }
    for wrong in [
        "use crate::acd::Plan;",
        "use crate::{facts::Fact, acd::Plan};",
        "fn f(plan: &crate::acd::Plan) {}",
        "use super::super::acd;",
        "use tokio::net::UdpSocket;",
        "use std::{collections::BTreeMap, fs};",
        "use std::net::{IpAddr, UdpSocket};",
        "std::thread::spawn(f)",
        "let now = std::time::Instant::now();",
        "#[cfg(test)]\nmod tests;\nuse std::fs;",
    ] {
        assert_eq!(judge(tally, wrong).len(), 1, "{wrong}");
    }
    assert_eq!(judge(&["time"], "use crate::ids::CallId;").len(), 1);
    assert_eq!(judge(&["kitchen"], "").len(), 1);
}
