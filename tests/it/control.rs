//! The control API as a desktop uses it, with its token.

use crate::configuration::Configuration;
use crate::daemon::Daemon;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// The token of all daemons of the tests.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A desktop that may change what agents do.
pub struct Desktop {
    http: SocketAddr,
}

/// Where the token is.
pub fn token_file() -> PathBuf {
    std::env::temp_dir().join(format!("centralino-token-{}", std::process::id()))
}

/// Lets desktops with the token control agents.
pub fn allow(configuration: &mut Configuration) {
    std::fs::write(token_file(), format!("{TOKEN}\n")).expect("a token file");
    configuration.set("http", "control_token_file", token_file().to_str().expect("a path"));
}

impl Desktop {
    /// One for this daemon.
    pub fn of(daemon: &Daemon) -> Desktop {
        Desktop { http: daemon.http }
    }

    /// A request with the token: status and body.
    pub fn post(&self, path: &str) -> (u16, String) {
        self.send("POST", path, Some(TOKEN))
    }

    /// A request with any token, or none.
    pub fn send(&self, method: &str, path: &str, token: Option<&str>) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
        let token = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{token}\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        (head.split(' ').nth(1).expect("a status").parse().expect("a number"), body.to_owned())
    }
}
