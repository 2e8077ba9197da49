//! Streams cut into messages by Content-Length (RFC 3261 18.3).
//!
//! Nothing is judged here but where a message ends; `intake` judges the rest. Once that cannot be known any more the
//! stream is lost: the error says what to answer, and the connection is to be closed.

use super::intake::{Lines, content_length, find_head_end};
use super::message::{Malformed, long_name};
use super::settings::Limits;
use bytes::{Buf, Bytes, BytesMut};

/// One connection's unfinished bytes: never more than one message of the longest allowed.
#[derive(Debug)]
pub struct Framing {
    buffer: BytesMut,
    /// Start line, headers and body of the message at the front, once its headers are whole.
    wanted: Option<usize>,
    /// How much of the front was searched for the empty line already.
    searched: usize,
    limit: usize,
    broken: bool,
}

/// What a stream held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Bytes),
    /// A keep-alive: CR LF is to be sent back (RFC 5626 3.5.1).
    Ping,
}

/// The stream can be cut no further. Answer (`Intake::reject`), then close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Status and reason.
    pub wrong: Malformed,
    /// The start of the message at fault.
    pub bytes: Bytes,
}

impl Framing {
    /// For a new connection.
    pub fn new(limits: &Limits) -> Framing {
        let limit = limits.message_bytes;
        Framing { buffer: BytesMut::new(), wanted: None, searched: 0, limit, broken: false }
    }

    /// Takes what was read and adds what it completes to `frames`, in order. After an error nothing more is taken.
    pub fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Broken> {
        if self.broken {
            return Ok(());
        }
        self.buffer.extend_from_slice(bytes);
        while let Some(frame) = self.cut().inspect_err(|_| self.broken = true)? {
            frames.push(frame);
        }
        Ok(())
    }

    /// Whether a message has begun and is not whole yet: a stream may not stay so for long.
    pub fn is_partial(&self) -> bool {
        self.buffer.first().is_some_and(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    fn cut(&mut self) -> Result<Option<Frame>, Broken> {
        if self.wanted.is_none() {
            if let Some(ping) = self.skip_line_ends() {
                return Ok(Some(ping));
            }
            // The empty line may have begun in what was searched before.
            let from = self.searched.saturating_sub(3);
            let found = find_head_end(self.buffer.get(from..).unwrap_or_default()).map(|end| from + end);
            let Some(head) = found else {
                self.searched = self.buffer.len();
                return match self.buffer.len() > self.limit {
                    true => Err(self.broken(513, "headers above the limit")),
                    false => Ok(None),
                };
            };
            self.searched = 0;
            self.wanted = Some(self.whole_length(head)?);
        }
        match self.wanted {
            Some(length) if self.buffer.len() >= length => {
                self.wanted = None;
                Ok(Some(Frame::Message(self.buffer.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// Between messages: two line ends are a ping, a single one is nothing (RFC 3261 7.5, RFC 5626 4.4.1). What may
    /// still become a ping is left, so that the outcome does not depend on how the stream was read.
    fn skip_line_ends(&mut self) -> Option<Frame> {
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return Some(Frame::Ping);
                }
                [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return None,
                [b'\r' | b'\n', ..] => self.buffer.advance(1),
                _ => return None,
            }
            self.searched = 0;
        }
    }

    /// The length of the message whose headers are the first `head` bytes.
    fn whole_length(&mut self, head: usize) -> Result<usize, Broken> {
        let length = match length_line(self.buffer.get(..head).unwrap_or_default()) {
            Ok(length) => length,
            Err(why) => return Err(self.broken(400, why)),
        };
        match head.checked_add(length).filter(|&whole| whole <= self.limit) {
            Some(whole) => Ok(whole),
            None => Err(self.broken(400, "Content-Length above the limit")),
        }
    }

    fn broken(&mut self, status: u16, why: &'static str) -> Broken {
        Broken { wrong: Malformed { status, why }, bytes: self.buffer.split().freeze() }
    }
}

/// Content-Length, of which there must be exactly one. Equal repetitions are refused too: two readers of a stream
/// must never differ about its seams.
fn length_line(head: &[u8]) -> Result<usize, &'static str> {
    let text = String::from_utf8_lossy(head);
    let mut lines = Lines::of(&text).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = long_name(name.trim()).eq_ignore_ascii_case("Content-Length");
        named.then(|| content_length(value))
    });
    match (lines.next(), lines.next()) {
        (None, _) => Err("no Content-Length on a stream"),
        (Some(Some(length)), None) => Ok(length),
        (Some(None), None) => Err("Content-Length"),
        (Some(_), Some(_)) => Err("Content-Length twice"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &str = "OPTIONS sip:a@b SIP/2.0\r\nl: 3\r\n\r\n\r\n\r";

    fn cut(pieces: &[&[u8]]) -> (Vec<Frame>, Option<Malformed>) {
        let mut framing = Framing::new(&Limits { message_bytes: 200, ..Limits::default() });
        let (mut frames, mut wrong) = (Vec::new(), None);
        for piece in pieces {
            if let Err(broken) = framing.push(piece, &mut frames) {
                assert_eq!(wrong, None, "one error a stream");
                wrong = Some(broken.wrong);
            }
            assert!(framing.buffer.len() <= 200 + piece.len());
        }
        (frames, wrong)
    }

    #[test]
    fn a_length_that_is_none_ends_the_stream() {
        for (line, status) in [
            ("l: 1\r\nContent-Length: 1", 400),
            ("Content-Length: -1", 400),
            ("Content-Length: +1", 400),
            ("Content-Length: 1, 1", 400),
            ("Content-Length: 0x1", 400),
            ("Content-Length:", 400),
            ("Content-Length: 99999999999999999999999999", 400),
            ("Content-Length: 18446744073709551615", 400),
            ("Content-Length: 200", 400),
            ("X: y", 400),
            (&"x".repeat(300), 513),
        ] {
            let text = format!("OPTIONS sip:a@b SIP/2.0\r\n{line}\r\n");
            let end: &[u8] = if status == 513 { b"" } else { b"\r\n" };
            let (frames, wrong) = cut(&[text.as_bytes(), end, MESSAGE.as_bytes()]);
            assert_eq!((frames.len(), wrong.map(|wrong| wrong.status)), (0, Some(status)), "{line}");
        }
    }

    #[test]
    fn a_ping_is_two_line_ends_between_messages() {
        let text = format!("\r\n{MESSAGE}\r\n\r\n\r\n{MESSAGE}\r\n\r\n");
        let (frames, wrong) = cut(&[text.as_bytes()]);
        let message = Frame::Message(Bytes::from_static(MESSAGE.as_bytes()));
        assert_eq!((frames, wrong), (vec![message.clone(), Frame::Ping, message, Frame::Ping], None));
    }

    proptest! {
        #[test]
        fn how_it_was_read_makes_no_difference(
            parts in prop::collection::vec(0..8usize, 0..12),
            cuts in prop::collection::vec(0..600usize, 0..40),
        ) {
            let long = format!("INVITE sip:a@b SIP/2.0\r\nSubject: x\r\n y\r\nContent-Length : 90\r\n\r\n{}", "\r\n".repeat(45));
            let choices = [MESSAGE, "\r\n", "\r\n\r\n", &long, "\r", "\n", MESSAGE, "BYE sip:a@b SIP/2.0\r\nl: -1\r\n\r\n"];
            let text: String = parts.iter().map(|&part| choices[part]).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            let whole = cut(&[text.as_bytes()]);
            prop_assert_eq!(&cut(&pieces), &whole);
            prop_assert_eq!(&cut(&bytes), &whole);
        }
    }
}
