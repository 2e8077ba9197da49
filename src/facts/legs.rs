//! What is told of a leg beside what becomes of its call.

use crate::time::Duration;

/// How one leg fared: what came from its other side, and what that side says of what we sent (RFC 3550 6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// RTP packets received.
    pub received: u64,
    /// RTP packets that never came.
    pub lost: u64,
    /// The largest jitter of any report's interval.
    pub jitter: Duration,
    /// RTP packets sent.
    pub sent: u64,
    /// Of these, converted from the other leg's codec.
    pub converted: u64,
    /// Of these, missed by the other side, if it reports.
    pub sent_lost: Option<u64>,
    /// To the other side and back, the mean of what its reports allow to tell.
    pub round_trip: Option<Duration>,
}

/// What the other end of a leg said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The phone sent its call elsewhere, where the configuration allows it.
    Redirected,
    /// Why it ended (RFC 3326).
    Reason {
        /// A status of SIP.
        sip: Option<u16>,
        /// A cause of ISDN (ITU-T Q.850).
        q850: Option<u8>,
    },
}

impl Note {
    /// In words, for logs and traces.
    pub fn words(self) -> String {
        match self {
            Note::Redirected => "sent elsewhere".to_owned(),
            Note::Reason { sip, q850 } => {
                let sip = sip.map(|status| format!("SIP {status}"));
                let causes: Vec<String> = sip.into_iter().chain(q850.map(|cause| format!("Q.850 {cause}"))).collect();
                format!("its reason is {}", causes.join(", "))
            }
        }
    }
}
