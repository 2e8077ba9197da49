//! What a stretch of time saw.

use std::time::Duration;

/// Requests of one kind that want a 200.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub sent: u64,
    pub granted: u64,
    pub failed: u64,
}

impl Asked {
    /// Of those whose end is known.
    pub fn percent(self) -> f64 {
        100.0 * self.granted as f64 / (self.granted + self.failed).max(1) as f64
    }
}

#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub lasted: Duration,
    /// New calls.
    pub offered: u64,
    /// Agents' phones whose 200 was acknowledged.
    pub joined: u64,
    /// 503 to new calls.
    pub refused: u64,
    /// Refused by another status.
    pub otherwise: u64,
    /// New calls that heard nothing in time, and calls that ended by nothing that we know.
    pub lost: u64,
    /// INVITEs sent again.
    pub repeated: u64,
    /// From a caller's first INVITE to the ACK at the agent's phone.
    pub setups: Vec<Duration>,
    /// From a caller's first INVITE to its 503.
    pub refusals: Vec<Duration>,
    /// BYE and re-INVITE.
    pub within: Asked,
    /// REGISTER of phones that are registered.
    pub registered: Asked,
    /// Calls that should have stayed and were hung up.
    pub cut: u64,
    /// How much later or sooner than after 20 ms the next packet of music came.
    pub jitter: Vec<Duration>,
    /// When the last new call of this stretch was refused, lost or set up slowly, since its beginning.
    pub last_trouble: Duration,
}

impl Tally {
    pub fn goodput(&self) -> f64 {
        self.joined as f64 / self.lasted.as_secs_f64()
    }
}

/// In milliseconds; 0 of nothing.
pub fn percentile(values: &[Duration], percent: f64) -> f64 {
    let mut values = values.to_vec();
    let at = (values.len() as f64 * percent / 100.0) as usize;
    let at = at.min(values.len().saturating_sub(1));
    if values.is_empty() {
        return 0.0;
    }
    values.select_nth_unstable(at).1.as_secs_f64() * 1e3
}
