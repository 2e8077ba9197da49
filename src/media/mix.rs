//! Mixing: what each party of a conversation hears. Samples in, samples out; it knows no packet and no clock, and a
//! party that only listens has nothing to put in.
//!
//! Three-way consultation uses it (`engine::conference`), with talkers alone; listening and whispering have no user yet.
//!
//! ```text
//!              hears                                    is heard by
//!   talker     all talkers, whispers meant for it       all but the one it would hear itself
//!   whisperer  all talkers                              one party only
//!   listener   all talkers                              nobody: there is no way in
//! ```

use std::fmt;

/// Samples of a turn: 20 ms at 8 kHz.
pub const TURN: usize = 160;

/// Most parties of one conversation.
pub const MOST_PARTIES: usize = 16;

/// What a party may do. Who is heard is decided here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Hears and is heard.
    Talker,
    /// Hears; heard by this party alone, if it is there.
    WhispersTo(PartyId),
    /// Hears.
    Listener,
}

/// One party of a conversation, as long as it is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub u8);

/// Why a party's sound was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHeard {
    /// There is no such party.
    Unknown,
    /// It listens only.
    Listens,
}

/// The conversation is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a conversation has at most {MOST_PARTIES} parties")
    }
}

#[derive(Clone, Debug)]
struct Party {
    id: PartyId,
    role: Role,
    /// What it said this turn; silence when nothing came.
    said: [i16; TURN],
}

/// A conversation of any number of parties.
#[derive(Clone, Debug, Default)]
pub struct Mixer {
    parties: Vec<Party>,
    next: u8,
}

impl Mixer {
    /// A conversation with nobody in it.
    pub fn new() -> Mixer {
        Mixer::default()
    }

    /// Somebody joins.
    pub fn add(&mut self, role: Role) -> Result<PartyId, Full> {
        if self.parties.len() >= MOST_PARTIES {
            return Err(Full);
        }
        // Ids of parties who left come back only after all others.
        while self.parties.iter().any(|party| party.id.0 == self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let id = PartyId(self.next);
        self.next = self.next.wrapping_add(1);
        self.parties.push(Party { id, role, said: [0; TURN] });
        Ok(id)
    }

    /// Somebody leaves; whispers to them are heard by nobody from then on.
    pub fn remove(&mut self, id: PartyId) {
        self.parties.retain(|party| party.id != id);
    }

    /// A listener begins to whisper, a whisperer to talk, and back.
    pub fn change(&mut self, id: PartyId, role: Role) {
        if let Some(party) = self.parties.iter_mut().find(|party| party.id == id) {
            party.role = role;
            party.said.fill(0);
        }
    }

    /// What a party says in this turn; what is missing at the end is silence. A listener has no way in.
    pub fn say(&mut self, id: PartyId, samples: &[i16]) -> Result<(), NotHeard> {
        let party = self.parties.iter_mut().find(|party| party.id == id).ok_or(NotHeard::Unknown)?;
        if party.role == Role::Listener {
            return Err(NotHeard::Listens);
        }
        party.said.fill(0);
        for (said, sample) in party.said.iter_mut().zip(samples) {
            *said = *sample;
        }
        Ok(())
    }

    /// Ends the turn: hands each party what it hears, itself left out, and forgets what was said. Loud sums are cut at
    /// full scale.
    pub fn turn(&mut self, mut hears: impl FnMut(PartyId, &[i16; TURN])) {
        let mut sum = [0; TURN];
        for talker in self.parties.iter().filter(|party| party.role == Role::Talker) {
            add(&mut sum, &talker.said);
        }
        for ear in &self.parties {
            let mut heard = sum;
            if ear.role == Role::Talker {
                heard.iter_mut().zip(&ear.said).for_each(|(heard, own)| *heard -= i32::from(*own));
            }
            for whisperer in self.parties.iter().filter(|party| party.role == Role::WhispersTo(ear.id)) {
                add(&mut heard, &whisperer.said);
            }
            hears(ear.id, &heard.map(|sum| sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16));
        }
        self.parties.iter_mut().for_each(|party| party.said.fill(0));
    }
}

fn add(sum: &mut [i32; TURN], said: &[i16; TURN]) {
    sum.iter_mut().zip(said).for_each(|(sum, said)| *sum += i32::from(*said));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::g711::{self, Law};
    use crate::media::tone;
    use crate::time::Duration;
    use std::collections::BTreeMap;
    use std::f64::consts::TAU;

    const TURNS: usize = 50;

    /// A second of conversation in G.711, each party humming its own tone; what each hears.
    fn converse(mixer: &mut Mixer, law: Law, tones: &[(PartyId, u16)]) -> BTreeMap<PartyId, Vec<i16>> {
        let hum = |hz: u16| {
            let linear = tone::samples(hz, Duration::from_secs(1));
            linear.iter().map(|&sample| g711::encode(law, sample)).collect::<Vec<u8>>()
        };
        let hums: Vec<(PartyId, Vec<u8>)> = tones.iter().map(|&(party, hz)| (party, hum(hz))).collect();
        let mut heard: BTreeMap<PartyId, Vec<i16>> = BTreeMap::new();
        for turn in 0..TURNS {
            for (party, hum) in &hums {
                let packet = &hum[turn * TURN..][..TURN];
                let samples: Vec<i16> = packet.iter().map(|&byte| g711::decode(law, byte)).collect();
                let _ = mixer.say(*party, &samples);
            }
            mixer.turn(|party, samples| {
                let sent = samples.iter().map(|&sample| g711::decode(law, g711::encode(law, sample)));
                heard.entry(party).or_default().extend(sent);
            });
        }
        heard
    }

    /// Goertzel: the level of a tone in dB of that of one party humming, `None` below -40.
    fn level(samples: &[i16], hz: u16) -> Option<f64> {
        let turn = 2.0 * (TAU * f64::from(hz) / 8_000.0).cos();
        let (mut before, mut last) = (0.0, 0.0);
        for &sample in samples {
            (before, last) = (last, f64::from(sample) + turn * last - before);
        }
        let power = before * before + last * last - turn * before * last;
        let amplitude = power.sqrt() / (samples.len() as f64 / 2.0);
        let level = 20.0 * (amplitude / 8_000.0).log10();
        (level > -40.0).then_some(level)
    }

    /// Which of the tones a party hears, each at its own level.
    fn hears(heard: &BTreeMap<PartyId, Vec<i16>>, party: PartyId, tones: &[(PartyId, u16)]) -> Vec<u16> {
        let audible = tones.iter().filter_map(|&(_, hz)| level(&heard[&party], hz).map(|level| (hz, level)));
        audible.map(|(hz, level)| (assert!(level.abs() < 0.5, "{hz} Hz at {level} dB"), hz).1).collect()
    }

    #[test]
    fn everybody_hears_the_talkers_but_themselves_and_a_whisper_is_for_one() {
        for law in [Law::A, Law::Mu] {
            let mut mixer = Mixer::new();
            let [caller, agent, colleague] = [(); 3].map(|()| mixer.add(Role::Talker).unwrap());
            let coach = mixer.add(Role::WhispersTo(agent)).unwrap();
            let listener = mixer.add(Role::Listener).unwrap();
            let tones = [(caller, 400), (agent, 700), (colleague, 1_100), (coach, 1_500), (listener, 1_900)];
            let heard = converse(&mut mixer, law, &tones);
            assert_eq!(hears(&heard, caller, &tones), [700, 1_100]);
            assert_eq!(hears(&heard, agent, &tones), [400, 1_100, 1_500]);
            assert_eq!(hears(&heard, colleague, &tones), [400, 700]);
            assert_eq!(hears(&heard, coach, &tones), [400, 700, 1_100]);
            assert_eq!(hears(&heard, listener, &tones), [400, 700, 1_100]);
        }
    }

    #[test]
    fn a_listener_has_no_way_in_and_nor_has_who_left() {
        let mut mixer = Mixer::new();
        let [talker, gone] = [(); 2].map(|()| mixer.add(Role::Talker).unwrap());
        let listener = mixer.add(Role::Listener).unwrap();
        mixer.remove(gone);
        assert_eq!(mixer.say(listener, &[1; TURN]), Err(NotHeard::Listens));
        assert_eq!(mixer.say(gone, &[1; TURN]), Err(NotHeard::Unknown));
        // Whoever becomes a listener in the middle of a turn has not said what was in it.
        mixer.say(talker, &[9_000; TURN]).unwrap();
        mixer.change(talker, Role::Listener);
        mixer.turn(|party, heard| assert_eq!(*heard, [0; TURN], "{party:?}"));
    }

    #[test]
    fn a_whisper_to_nobody_is_heard_by_nobody() {
        let mut mixer = Mixer::new();
        let [caller, agent] = [(); 2].map(|()| mixer.add(Role::Talker).unwrap());
        let coach = mixer.add(Role::WhispersTo(agent)).unwrap();
        mixer.remove(agent);
        let newcomer = mixer.add(Role::Talker).unwrap();
        assert_ne!(newcomer, agent, "the id of who left is not given to the next one");
        mixer.say(coach, &[5_000; TURN]).unwrap();
        mixer.turn(|party, heard| assert_eq!(*heard, [0; TURN], "{party:?} {caller:?}"));
    }

    #[test]
    fn loud_sums_are_cut_and_short_packets_end_in_silence() {
        let mut mixer = Mixer::new();
        let ids = [(); 4].map(|()| mixer.add(Role::Talker).unwrap());
        for id in &ids[..3] {
            mixer.say(*id, &[30_000, -30_000]).unwrap();
        }
        let mut heard = BTreeMap::new();
        mixer.turn(|party, samples| drop(heard.insert(party, samples[..3].to_vec())));
        assert_eq!(heard[&ids[3]], [i16::MAX, i16::MIN, 0]);
        assert_eq!(heard[&ids[0]], [i16::MAX, i16::MIN, 0], "two others");
        mixer.turn(|_, samples| assert_eq!(*samples, [0; TURN], "what was said is said once"));
    }

    #[test]
    fn a_conversation_has_a_bound_and_ids_come_back_last() {
        let mut mixer = Mixer::new();
        let first: Vec<PartyId> = (0..MOST_PARTIES).map(|_| mixer.add(Role::Listener).unwrap()).collect();
        assert_eq!(mixer.add(Role::Talker), Err(Full));
        mixer.remove(first[3]);
        for _ in 0..1_000 {
            let next = mixer.add(Role::Talker).unwrap();
            assert!(next == first[3] || !first.contains(&next));
            mixer.remove(next);
        }
    }
}
