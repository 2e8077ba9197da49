//! Words for what is turned away, lost or survived at the edge.

use super::closed_set;

closed_set! {
    /// What was turned away, lost or survived at the edge; each is a counter.
    Turned {
        /// A SIP message that could not be understood and could not be answered.
        SipGarbage = "sip_garbage",
        /// A SIP request answered with a 4xx or 5xx of ours.
        SipRejected = "sip_rejected",
        /// A SIP response, or an ACK, that matches nothing of ours.
        SipStrayResponse = "sip_stray_response",
        /// A SIP message lost because a table or a channel of ours was full.
        SipOverflow = "sip_overflow",
        /// A SIP message or request that could not be sent.
        SipSendFailed = "sip_send_failed",
        /// A request of ours that timed out.
        SipTimeout = "sip_timeout",
        /// A call of ours to a host name that the DNS knows no place of, or all of whose places are closed.
        SipNoPlace = "sip_no_place",
        /// Wrong credentials at REGISTER.
        AuthFailed = "auth_failed",
        /// A request from a program that only looks for holes; it got no answer.
        SipScanner = "sip_scanner",
        /// A request of a stranger above the rate of one address; it got 503 or no answer.
        SipFlood = "sip_flood",
        /// RTP from an address other than the one latched to.
        RtpStranger = "rtp_stranger",
        /// RTP that is no RTP.
        RtpGarbage = "rtp_garbage",
        /// SRTP or SRTCP that was cut, or that another key was used for.
        SrtpForged = "srtp_forged",
        /// SRTP or SRTCP that came a second time, or too late to tell.
        SrtpRepeated = "srtp_repeated",
        /// RTCP that is no RTCP.
        RtcpGarbage = "rtcp_garbage",
        /// The port beside a leg's, for RTCP, belonged to another program: the leg goes without reports.
        RtcpPortTaken = "rtcp_port_taken",
        /// An ICMP error or a failed send on an RTP socket.
        RtpSendFailed = "rtp_send_failed",
        /// A talking leg sent no RTP for the configured time.
        RtpTimeout = "rtp_timeout",
        /// Sound that was put together anew without it: it came too late.
        RtpLate = "rtp_late",
        /// Opus was left out of an offer or an answer of ours: as many legs of it as may be have to be converted.
        OpusFull = "opus_full",
        /// Nothing more is played to a caller who does not seem to be there; it goes on with the next packet from there.
        RtpUnheard = "rtp_unheard",
        /// A command to the media thread was lost because its channel was full.
        MediaOverflow = "media_overflow",
        /// A call, or a line for another program, that could not be kept: the disk is too slow or full.
        LedgerLost = "ledger_lost",
        /// A recording, or a piece of one, that could not be written: the disk is too slow or full.
        RecordingLost = "recording_lost",
        /// No RTP port was free, or none could be opened.
        RtpPortExhausted = "rtp_port_exhausted",
    }
}
