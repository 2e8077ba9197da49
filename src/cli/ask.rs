//! One question to the running daemon, over HTTP on this machine.

use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Exit status: there is no such thing.
pub const UNKNOWN: u8 = 1;
/// Exit status: the daemon could not be asked.
pub const UNREACHABLE: u8 = 2;
/// A daemon that does not answer within this does not work.
const PATIENCE: Duration = Duration::from_secs(5);
/// A longer answer is not ours.
const ANSWER_BYTES: u64 = 64 << 20;

/// Status and body; the daemon closes the connection after its answer.
pub fn ask(path: &str, daemon: SocketAddr) -> Result<(u16, Vec<u8>)> {
    send("GET", path, "", daemon)
}

/// The same with another method and more headers, each a whole line with its end.
pub fn send(method: &str, path: &str, headers: &str, daemon: SocketAddr) -> Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&daemon, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {daemon}\r\n{headers}Connection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let head = String::from_utf8_lossy(answer.get(..end.unwrap_or(0)).unwrap_or_default()).into_owned();
    match (head.split(' ').nth(1).and_then(|status| status.parse().ok()), end) {
        (Some(status), Some(end)) => Ok((status, answer.split_off(end))),
        _ => Err(Error::other("the answer is no HTTP")),
    }
}
