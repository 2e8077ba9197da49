//! INFO within a dialog: keys, as phones and gateways have written them since before there was a rule for it (RFC 6086
//! calls it legacy). We take part in no Info Package.

use super::{Core, Turn};
use crate::sip::api::{DialogId, Event};
use crate::sip::message::{Request, Writer};

/// A line `Signal=5` and others.
const RELAY: &str = "application/dtmf-relay";
/// The sign alone.
const SIGN: &str = "application/dtmf";

impl Core {
    /// INFO on a leg: a key, nothing (some ask so whether we are there), or what we do not know and say so.
    pub(super) fn informed(&mut self, id: DialogId, mut request: Request, turn: &mut Turn<'_>) {
        if !self.has_no_requirement(&request, turn) {
            return;
        }
        if request.head.header("Info-Package").is_some() {
            // RFC 6086 4.2.2; 8.2.5: an empty list.
            return self.reject_with(&request, 469, |writer| writer.header("Recv-Info", ""), turn);
        }
        request.head.leave_out_optional_body(&[RELAY, SIGN]);
        let is_known = [RELAY, SIGN].map(Some).contains(&request.head.content_type().as_deref());
        if !request.head.body.is_empty() && !is_known {
            let accepted = format_args!("{RELAY}, {SIGN}").to_string();
            return self.reject_with(&request, 415, |writer| writer.header("Accept", accepted), turn);
        }
        let response = Writer::answer(&request, 200, None).finish();
        self.settle(&request, 200, response, turn);
        if let Some(sign) = pressed(&request) {
            turn.event(Event::KeyPressed { dialog: id, sign });
        }
    }
}

/// The key in an INFO of the kinds that phones and gateways send (no RFC has them; RFC 6086 calls them legacy):
/// `application/dtmf-relay` with a line `Signal=5`, and `application/dtmf` with the sign alone. 10 and 11 are `*` and
/// `#` for those who write event codes.
fn pressed(request: &Request) -> Option<char> {
    let body = request.head.body()?;
    let text = std::str::from_utf8(&body).ok()?;
    let sign = match request.head.content_type()?.as_ref() {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?,
        SIGN => text.trim(),
        _ => return None,
    };
    let mut signs = sign.chars();
    match (sign, signs.next(), signs.next()) {
        ("10", ..) => Some('*'),
        ("11", ..) => Some('#'),
        (_, Some(sign @ ('0'..='9' | '*' | '#' | 'A'..='D' | 'a'..='d')), None) => Some(sign.to_ascii_uppercase()),
        _ => None,
    }
}
