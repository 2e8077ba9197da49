//! linphonec, Linphone without a screen, as a phone: driven by its own commands, sends a tone and records what it hears.

use crate::daemon::free_port;
use crate::peers::Peer;
use crate::sound::{RATE, tone, write_wav};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command};
use std::time::{Duration, Instant};

/// Where it lives.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// What it speaks of its own accord: everything must be named, for what is not is added.
const CODECS: [(&str, u32); 9] = [
    ("opus", 48_000),
    ("speex", 16_000),
    ("speex", 8_000),
    ("speex", 32_000),
    ("PCMU", 8_000),
    ("PCMA", 8_000),
    ("GSM", 8_000),
    ("G722", 8_000),
    ("G729", 8_000),
];

/// A Linphone to be started.
pub struct Linphone<'a> {
    /// Its user name, and the number it shows.
    pub user: &'a str,
    /// Its digest password; without one it does not register.
    pub password: Option<&'a str>,
    /// `udp` or `tcp`.
    pub transport: &'a str,
    /// The codecs it speaks, by their names in SDP.
    pub codecs: &'a [&'a str],
    /// Its `media_encryption`: `none`, or `srtp` for keys in SDP.
    pub encryption: &'a str,
    /// What it sends, in Hz.
    pub hums: f64,
    /// Where it registers and calls.
    pub server: SocketAddr,
}

/// A running Linphone.
pub struct Running {
    pub peer: Peer,
    keys: ChildStdin,
    folder: PathBuf,
    server: SocketAddr,
    transport: String,
}

impl Linphone<'_> {
    /// Starts it; it takes every call at once.
    pub fn start(&self, folder: &Path) -> Running {
        let name = format!("linphone-{}", self.user);
        let folder = folder.join(&name);
        // Without a folder for its data base it starts and never opens a port.
        std::fs::create_dir_all(folder.join(".local/share/linphone")).expect("a folder for linphonec");
        std::fs::write(folder.join("linphonerc"), self.config()).expect("linphonec's configuration");
        write_wav(&folder.join("tone.wav"), &tone(self.hums, 120.0));
        let mut command = Command::new("linphonec");
        command.args(["-a", "-d", "0", "-c", "linphonerc"]).env("HOME", &folder);
        let (peer, keys) = Peer::start_with_keys(&name, &folder, &mut command);
        let mut running = Running { peer, keys, folder, server: self.server, transport: self.transport.to_owned() };
        running.does("soundcard use files");
        running.does(&format!("play {}", running.folder.join("tone.wav").display()));
        running.does(&format!("record {}", running.recording().display()));
        running.says("record ");
        running
    }

    fn config(&self) -> String {
        let Linphone { user, server, transport, encryption, .. } = self;
        let (port, rtp, domain) = (free_port(ADDRESS), free_port(ADDRESS), server.ip());
        let registers = u8::from(self.password.is_some());
        let codecs: String = (CODECS.iter().enumerate())
            .map(|(at, (mime, rate))| {
                let enabled = u8::from(self.codecs.contains(mime) && (*mime != "speex" || *rate == 8_000));
                let channels = if *mime == "opus" { 2 } else { 1 };
                format!("[audio_codec_{at}]\nmime={mime}\nrate={rate}\nchannels={channels}\nenabled={enabled}\n")
            })
            .collect();
        let login = self.password.map_or(String::new(), |password| {
            format!("[auth_info_0]\nusername={user}\nuserid={user}\npasswd={password}\nrealm=centralino\n")
        });
        format!(
            "[sip]\nsip_port={port}\nsip_tcp_port={port}\nsip_tls_port=0\nbind_address={ADDRESS}\nuse_ipv6=0\n\
             ipv6_migration_done=1\ndefault_proxy=0\nguess_hostname=0\nmedia_encryption={encryption}\nregister_only_when_network_is_up=0\n\
             [net]\nauto_net_state_mon=0\n[rtp]\nbind_address={ADDRESS}\naudio_rtp_port={rtp}\nrtp_bundle=0\n\
             [proxy_0]\nreg_proxy=<sip:{server};transport={transport}>\nreg_identity=sip:{user}@{domain}\n\
             reg_expires=120\nreg_sendregister={registers}\npublish=0\n{login}{codecs}"
        )
    }
}

impl Running {
    /// One of its commands: `pause`, `resume 1`, `transfer 1 URI`, `terminate`.
    pub fn does(&mut self, command: &str) {
        writeln!(self.keys, "{command}").expect("a command sent");
    }

    /// A URI for its commands.
    pub fn uri(&self, number: &str) -> String {
        format!("sip:{number}@{};transport={}", self.server, self.transport)
    }

    /// Dials a number.
    pub fn dials(&mut self, number: &str) {
        let uri = self.uri(number);
        self.does(&format!("call {uri}"));
    }

    /// Waits until it has printed this.
    pub fn says(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.peer.printed().contains(text) {
            assert!(Instant::now() < deadline, "linphonec has not said {text:?}:\n{}", self.peer.printed());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it.
    pub fn quits(&mut self) {
        self.does("quit");
        self.peer.ends_within(Duration::from_secs(10));
    }

    /// What it heard since its last answer, call or retrieval, up to the hold or end after it.
    pub fn heard(&self) -> Vec<i16> {
        let mut reader = hound::WavReader::open(self.recording()).expect("a recording");
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.bits_per_sample), (1, 16));
        // The file may not be as long as its head says: linphonec writes what is left a little later.
        let samples: Vec<i16> = reader.samples().map_while(Result::ok).collect();
        samples.into_iter().step_by((spec.sample_rate / RATE) as usize).collect()
    }

    fn recording(&self) -> PathBuf {
        self.folder.join("heard.wav")
    }
}
