//! A trace as a ladder: the caller on the left, phones on the right, what the engine decided between them.

use super::{Entry, Passed, Trace, header};
use centralino::sip::Transport;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Letters between two lines of life.
const WIDTH: usize = 36;

/// The ladder as text, one line an entry. `wall_time` tells the civil time of a moment; with `people` what callers typed
/// is shown.
pub fn ladder(trace: &Trace, wall_time: impl Fn(centralino::time::Time) -> String, people: bool) -> String {
    let mut text = String::new();
    // Into memory: cannot fail.
    if let Some(call) = trace.call {
        let _ = writeln!(text, "call {call}");
    }
    let places = places(trace);
    for (number, id) in trace.call_ids.iter().enumerate() {
        let who = if number == 0 { "caller".to_owned() } else { format!("phone {number}") };
        let place = places.get(id.as_str()).map(String::as_str).unwrap_or("no message kept");
        let _ = writeln!(text, "{who:>8}  {place}  Call-ID {id}");
    }
    let _ = writeln!(text, "\n{:<12}  {:<width$}{:<width$}phones", "", "caller", "centralino", width = WIDTH + 1);
    let mut seen = BTreeSet::new();
    for entry in &trace.entries {
        let (at, line) = match entry {
            Entry::Fact(at, words, personal) => {
                let words = personal.as_ref().filter(|_| people).unwrap_or(words);
                (*at, format!("│{:WIDTH$}● {words}", ""))
            }
            Entry::Message(passed) => {
                let again = !seen.insert((passed.inward, passed.bytes.clone()));
                (passed.at, arrow(trace, passed, again))
            }
        };
        let _ = writeln!(text, "{}  {line}", wall_time(at));
    }
    text
}

/// Where each leg's other side is, by Call-ID.
fn places(trace: &Trace) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for entry in &trace.entries {
        let Entry::Message(passed) = entry else { continue };
        let Some(id) = header(&passed.bytes, "Call-ID", "i") else { continue };
        let transport = match passed.flow.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        places.entry(id).or_insert_with(|| format!("{transport} {}", passed.flow.remote));
    }
    places
}

fn arrow(trace: &Trace, passed: &Passed, again: bool) -> String {
    let id = header(&passed.bytes, "Call-ID", "i");
    let leg = trace.call_ids.iter().position(|each| Some(each) == id.as_ref()).unwrap_or(0);
    let label = label(passed, again);
    let is_caller = leg == 0;
    let rightward = is_caller == passed.inward;
    let fill = |length: usize| "─".repeat(WIDTH.saturating_sub(length + 5).max(1));
    let length = label.chars().count();
    let drawn = match rightward {
        true => format!("── {label} {}►", fill(length)),
        false => format!("◄{} {label} ──", fill(length)),
    };
    match is_caller {
        true => format!("│{drawn}│{:WIDTH$}│", ""),
        false => format!("│{:WIDTH$}│{drawn}│ {leg}", ""),
    }
}

/// `INVITE (SDP)`, `200 OK to INVITE (SDP), again`.
fn label(passed: &Passed, again: bool) -> String {
    let text = String::from_utf8_lossy(&passed.bytes);
    let first = text.lines().next().unwrap_or_default();
    let mut label = match first.strip_prefix("SIP/2.0 ") {
        Some(status) => {
            let number = header(&passed.bytes, "CSeq", "CSeq").unwrap_or_default();
            let method = number.split_ascii_whitespace().nth(1).unwrap_or_default();
            match method {
                "INVITE" => status.to_owned(),
                other => format!("{status} ({other})"),
            }
        }
        None => first.split(' ').next().unwrap_or_default().to_owned(),
    };
    label.retain(|letter| !letter.is_control());
    if text.contains("\r\n\r\nv=0") {
        label += " (SDP)";
    }
    if again {
        label += ", again";
    }
    label
}
