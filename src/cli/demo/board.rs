//! The live line: how the help desk is doing, twice a second on a terminal, every five seconds elsewhere.

use super::numbers::Numbers;
use centralino::stats::layout::VisitEnd;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Shows the line when it is time to.
pub struct Board {
    began: Instant,
    next: Instant,
    is_terminal: bool,
}

impl Board {
    /// A board that has shown nothing yet.
    pub fn new(began: Instant) -> Board {
        let is_terminal = io::stdout().is_terminal();
        Board { began, next: began + pace(is_terminal), is_terminal }
    }

    /// Shows the line if it is due. On a terminal it takes the place of the one before.
    pub fn show(&mut self, numbers: &Numbers) -> io::Result<()> {
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        self.next = now + pace(self.is_terminal);
        let line = line(now.duration_since(self.began), numbers);
        let mut out = io::stdout().lock();
        match self.is_terminal {
            true => write!(out, "\r\x1b[K{line}")?,
            false => writeln!(out, "{line}")?,
        }
        out.flush()
    }

    /// Shows it for the last time.
    pub fn end(mut self, numbers: &Numbers) -> io::Result<()> {
        self.next = Instant::now();
        self.show(numbers)?;
        if self.is_terminal { writeln!(io::stdout()) } else { Ok(()) }
    }
}

/// A log does not want two lines a second.
fn pace(is_terminal: bool) -> Duration {
    if is_terminal { Duration::from_millis(500) } else { Duration::from_secs(5) }
}

fn line(elapsed: Duration, numbers: &Numbers) -> String {
    let level = numbers.events(0, 0).service_level().and_then(|level| {
        let percent = level.percent().to_string();
        Some(format!("{:>3} %", percent.split('.').next()?))
    });
    // Narrower than 80 columns: a line that is wrapped cannot be written over. Ringing is waiting.
    format!(
        "{:>3} s  received {:<3} waiting {:<3} talking {:<3} answered {:<3} abandoned {:<3} SL {}",
        elapsed.as_secs(),
        numbers.received(),
        numbers.waiting(),
        numbers.talking(),
        numbers.finished(VisitEnd::Answered),
        numbers.finished(VisitEnd::Abandoned),
        level.as_deref().unwrap_or("  -"),
    )
}
