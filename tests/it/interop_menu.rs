//! The menu of the shipped configuration on the wire: every key, however it comes, and who hears it again.

use crate::daemon::Daemon;
use crate::phone::{Call, Phone, audio_port, sdp};
use crate::sound::{Headset, Law, RATE};
use centralino::media::embedded;
use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::time::Duration;

const CONTACT: &str = "800000400";
const LIMIT: Duration = Duration::from_secs(10);
const EVENTS: u8 = 96;

/// How a caller's keys come.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// RFC 4733.
    Events,
    Info,
    /// As tones in the sound, from a side that agreed to no events.
    Tones,
}

struct Caller {
    phone: Phone,
    call: Call,
    ear: Headset,
    to: SocketAddr,
    way: Way,
}

impl Caller {
    fn dials(daemon: &Daemon, way: Way) -> Caller {
        let ear = Headset::new(daemon.address);
        let mut phone = Phone::new(daemon.address, daemon.sip, "390612345678");
        let offer = sdp(daemon.address, ear.port(), &[Law::A]);
        let offer = match way {
            Way::Events => {
                offer.replace(" 8\r\n", &format!(" 8 {EVENTS}\r\na=rtpmap:{EVENTS} telephone-event/8000\r\n"))
            }
            Way::Info | Way::Tones => offer,
        };
        let (call, answer) = phone.connect(CONTACT, &offer);
        let to = SocketAddr::new(daemon.address, audio_port(answer.body()));
        Caller { phone, call, ear, to, way }
    }

    fn presses(&mut self, sign: char) {
        let code = "0123456789*#".find(sign).expect("a key") as u8;
        match self.way {
            Way::Events => self.ear.press(self.to, EVENTS, code),
            Way::Info => assert_eq!(self.phone.info_key(&mut self.call, sign), 200),
            Way::Tones => self.ear.say(self.to, Law::A, &tones(sign)),
        }
    }

    fn hangs_up(mut self) -> Vec<Vec<u8>> {
        assert_eq!(self.phone.bye(&mut self.call), 200);
        self.ear.hang_up().into_iter().map(|packet| packet.payload).collect()
    }
}

/// 120 ms of a key as ITU-T Q.23 has it, and silence around it.
fn tones(sign: char) -> Vec<i16> {
    let place = "123A456B789C*0#D".find(sign).expect("a key");
    let (row, column) = ([697.0, 770.0, 852.0, 941.0][place / 4], [1_209.0, 1_336.0, 1_477.0, 1_633.0][place % 4]);
    let at = |hz: f64, n: u32| (TAU * hz * f64::from(n) / f64::from(RATE)).sin();
    let sound = (0..960).map(|n| (6_000.0 * (at(row, n) + at(column, n))) as i16);
    std::iter::repeat_n(0, 320).chain(sound).chain(std::iter::repeat_n(0, 640)).collect()
}

fn daemon() -> Daemon {
    Daemon::start(|configuration| {
        configuration.set("service.contact", "welcome", "none");
        configuration.set("media", "dtmf", "inband");
    })
}

#[test]
fn every_key_leads_where_it_should_however_it_comes() {
    let daemon = daemon();
    let queues = [('1', "information"), ('2', "information_english"), ('9', "complaints"), ('0', "switchboard")];
    for way in [Way::Events, Way::Info, Way::Tones] {
        let mut callers = queues.map(|(sign, queue)| (Caller::dials(&daemon, way), sign, queue));
        for (caller, sign, queue) in &mut callers {
            caller.presses(*sign);
            let waits = [("queue", *queue)];
            daemon.wait_for(&format!("{sign} by {way:?} in {queue}"), LIMIT, |metrics| {
                metrics.sum("acd_queue_waiting_calls", &waits) == 1.0
            });
        }
        callers.into_iter().for_each(|(caller, ..)| drop(caller.hangs_up()));
        daemon.wait_for("nobody", LIMIT, |metrics| metrics.sum("acd_queue_waiting_calls", &[]) == 0.0);
    }
    daemon.stops();
}

/// A key cuts what is said within a packet or two; the star has it said again, from its start.
#[test]
fn the_star_has_the_menu_said_again() {
    let daemon = daemon();
    let sound: Vec<u8> =
        embedded::clip("it/menu").expect("a clip").samples().iter().map(|&sample| Law::A.encode(sample)).collect();
    let menu: Vec<&[u8]> = sound.chunks_exact(160).collect();
    for way in [Way::Events, Way::Info, Way::Tones] {
        let mut caller = Caller::dials(&daemon, way);
        std::thread::sleep(Duration::from_millis(500));
        caller.presses('*');
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(daemon.metrics().sum("acd_calls_entered_total", &[]), 0.0, "{way:?}");
        let heard = caller.hangs_up();
        let first = heard.iter().zip(&menu).take_while(|(heard, said)| heard == *said).count();
        assert!((20..45).contains(&first), "{way:?}: {first} packets before the key");
        let again = heard[first..].iter().zip(&menu).take_while(|(heard, said)| heard == *said).count();
        assert!(again >= 20 && first + again == heard.len(), "{way:?}: {again} of {}", heard.len() - first);
    }
    daemon.stops();
}
