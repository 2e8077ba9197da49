//! Where names are (RFC 3263), as the shell has looked them up: which place a call of ours goes to, and where it goes
//! when nobody serves it there.
//!
//! Names are looked up before anybody calls: no call waits for the DNS, and what was found stays in use while the DNS
//! says nothing.

use super::{Core, Owner, Turn};
use crate::sip::api::{Event, Flow, RefusedBy};
use crate::sip::dialog::{Cancel, OwnInvite};
use crate::sip::lookup::{HostName, Place};
use crate::sip::message::Response;
use crate::sip::transaction::TransactionId;
use crate::time::{Duration, Time};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A place that did not answer is asked last for so long.
const DISTRUST: Duration = Duration::from_secs(30);
/// Nobody stays closed for longer, whatever they say.
const LONGEST_CLOSED: Duration = Duration::from_secs(3_600);

/// Every name that is known, and what is known of its places.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<HostName, Vec<Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    place: Place,
    /// It asked not to be called before (Retry-After).
    closed_until: Time,
    /// It did not answer: until then others go first.
    distrusted_until: Time,
}

impl Names {
    /// What was found out about a name; no places is to know nothing of it.
    pub(super) fn learn(&mut self, name: HostName, places: Vec<Place>) {
        let before = self.0.remove(&name).unwrap_or_default();
        let known = |place: Place| {
            let same = before.iter().find(|known| known.place.address == place.address);
            let same = same.filter(|known| known.place.transport == place.transport);
            let (closed_until, distrusted_until) =
                same.map_or((Time::ZERO, Time::ZERO), |known| (known.closed_until, known.distrusted_until));
            Known { place, closed_until, distrusted_until }
        };
        if !places.is_empty() {
            self.0.insert(name, places.into_iter().map(known).collect());
        }
    }

    /// Where to call, of the places not yet tried: by priority, then by weight (RFC 2782), those that did not answer of
    /// late after all others.
    fn choose(&self, name: &HostName, tried: &[SocketAddr], now: Time, draw: u32) -> Option<Place> {
        let known = self.0.get(name)?.iter();
        let open = known.filter(|it| it.closed_until <= now && !tried.contains(&it.place.address));
        let rank = |it: &Known| (it.distrusted_until > now, it.place.priority);
        let best = open.clone().map(rank).min()?;
        by_weight(open.filter(|it| rank(it) == best).map(|it| it.place), draw)
    }

    /// Others go first for a while.
    pub(super) fn distrust(&mut self, invite: &OwnInvite, now: Time) {
        if let Some(name) = &invite.name {
            self.mark(name, invite.flow.remote, |known| known.distrusted_until = now + DISTRUST);
        }
    }

    fn mark(&mut self, name: &HostName, address: SocketAddr, mark: impl Fn(&mut Known)) {
        let known = self.0.get_mut(name).into_iter().flatten();
        known.filter(|known| known.place.address == address).for_each(mark);
    }
}

/// RFC 2782: a running sum of the weights, those of weight 0 first, and the first place that reaches the draw.
fn by_weight(places: impl Iterator<Item = Place> + Clone, draw: u32) -> Option<Place> {
    let sum: u32 = places.clone().map(|place| u32::from(place.weight)).sum();
    let drawn = draw.checked_rem(sum + 1)?;
    let weightless = places.clone().filter(|place| place.weight == 0);
    // Where nobody has a weight, all are alike.
    if sum == 0 {
        let count = u32::try_from(weightless.clone().count()).ok()?;
        return weightless.clone().nth(usize::try_from(draw.checked_rem(count)?).ok()?);
    }
    let mut running = 0;
    weightless.chain(places.filter(|place| place.weight > 0)).find(|place| {
        running += u32::from(place.weight);
        running >= drawn
    })
}

impl Core {
    /// A place of the name; none when it has none that may be called now.
    pub(super) fn place_of(&mut self, name: &HostName, tried: &[SocketAddr], now: Time) -> Option<Place> {
        let draw = self.tokens.u32();
        self.names.choose(name, tried, now, draw)
    }

    /// Our INVITE as it is to go out again because this place does not serve it (RFC 3263 4.3); none when its host is no
    /// name, when there is no other place, or when nobody wants it any more.
    pub(super) fn elsewhere(&mut self, invite: &OwnInvite, now: Time) -> Option<Box<OwnInvite>> {
        let name = invite.name.as_ref()?;
        if self.cancel_of(invite.dialog) != Some(Cancel::No) || self.transactions.is_full() {
            return None;
        }
        let place = self.place_of(name, &invite.tried, now)?;
        let mut next = Box::new(invite.clone());
        next.go_to(place);
        next.authorization = None;
        self.renumber(&mut next);
        Some(next)
    }

    /// A 503 of one place is not the answer of the name (RFC 3261 21.5.4): that place rests, and another one is asked.
    pub(super) fn unserved(&mut self, id: TransactionId, response: &Response, now: Time) -> Option<Box<OwnInvite>> {
        let Some(Owner::Inviting(invite)) = self.transactions.user(id) else { return None };
        if response.status != 503 {
            return None;
        }
        let invite = invite.clone();
        let name = invite.name.as_ref()?;
        let seconds = response.head.header("Retry-After").and_then(|value| {
            let digits = value.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse().ok().map(Duration::from_secs)
        });
        self.names.mark(name, invite.flow.remote, |known| match seconds {
            Some(seconds) => known.closed_until = now + seconds.min(LONGEST_CLOSED),
            None => known.distrusted_until = now + DISTRUST,
        });
        self.elsewhere(&invite, now)
    }

    /// Nobody answers there, or nothing can be sent there: others go first for a while, and the call goes to one of them.
    pub(super) fn unanswered(&mut self, invite: &OwnInvite, cause: RefusedBy, turn: &mut Turn<'_>) {
        self.names.distrust(invite, turn.now);
        match self.elsewhere(invite, turn.now) {
            Some(next) => self.follow(next, turn),
            None => {
                self.forget(invite.dialog, turn);
                turn.event(Event::Refused { dialog: invite.dialog, cause });
            }
        }
    }
}

impl OwnInvite {
    /// The next place of its name.
    fn go_to(&mut self, place: Place) {
        self.flow = place.flow();
        self.tried.push(place.address);
    }
}

impl Place {
    /// The way there.
    pub(super) fn flow(self) -> Flow {
        Flow { transport: self.transport, remote: self.address, connection: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::api::Transport;
    use crate::sip::message::Uri;

    fn place(last: u8, priority: u16, weight: u16) -> Place {
        let address = ([192, 0, 2, last], 5060).into();
        Place { transport: Transport::Udp, address, priority, weight }
    }

    fn name() -> HostName {
        HostName::of(&Uri::parse("sip:1@carrier.example").expect("a URI")).expect("a name")
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn shares_are_those_of_the_weights() {
        let mut names = Names::default();
        names.learn(name(), vec![place(1, 1, 0), place(2, 1, 30), place(3, 1, 70), place(4, 2, 100)]);
        let mut counts = [0u32; 5];
        for draw in 0..10_100 {
            let chosen = names.choose(&name(), &[], at(1), draw).expect("a place");
            let SocketAddr::V4(address) = chosen.address else { panic!("IPv6") };
            counts[usize::from(address.ip().octets()[3])] += 1;
        }
        assert_eq!(counts, [0, 100, 3_000, 7_000, 0], "RFC 2782: a weight of 0 has a very small chance");
        names.learn(name(), vec![place(1, 1, 0), place(2, 1, 0)]);
        let chosen: Vec<_> = (0..4).filter_map(|draw| names.choose(&name(), &[], at(1), draw)).collect();
        assert_eq!(chosen, [place(1, 1, 0), place(2, 1, 0), place(1, 1, 0), place(2, 1, 0)]);
    }

    #[test]
    fn those_who_do_not_answer_come_last_and_the_closed_not_at_all() {
        let mut names = Names::default();
        let all = vec![place(1, 1, 0), place(2, 2, 0), place(3, 3, 0)];
        names.learn(name(), all.clone());
        let choose = |names: &Names, tried: &[u8], seconds| {
            let tried: Vec<_> = tried.iter().map(|last| place(*last, 0, 0).address).collect();
            names.choose(&name(), &tried, at(seconds), 0).map(|place| place.priority)
        };
        assert_eq!(choose(&names, &[], 1), Some(1));
        assert_eq!(choose(&names, &[1], 1), Some(2));
        assert_eq!(choose(&names, &[1, 2, 3], 1), None);
        names.mark(&name(), all[0].address, |known| known.distrusted_until = at(30));
        names.mark(&name(), all[1].address, |known| known.closed_until = at(60));
        assert_eq!(choose(&names, &[], 1), Some(3));
        assert_eq!(choose(&names, &[3], 1), Some(1), "distrusted is better than nothing");
        assert_eq!(choose(&names, &[1, 3], 1), None, "closed is closed");
        names.learn(name(), all);
        assert_eq!(choose(&names, &[], 1), Some(3), "looked up again, that is not forgotten");
        assert_eq!((choose(&names, &[], 30), choose(&names, &[1], 60)), (Some(1), Some(2)));
        names.learn(name(), Vec::new());
        assert_eq!(choose(&names, &[], 100), None);
    }
}
