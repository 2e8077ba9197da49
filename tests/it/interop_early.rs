//! Services that answer only when an agent does: welcome and music as early media (RFC 3960), and the ways out of it.

use crate::daemon::{Daemon, free_port};
use crate::phone::{Phone, audio_port, sdp};
use crate::sound::{self, Headset, Law};
use rsip::Method;
use rsip::prelude::*;
use std::time::Duration;

const EARLY: &str = "800000300";
const CALLER: &str = "390612345678";
const SECONDS_10: Duration = Duration::from_secs(10);

#[test]
fn a_caller_hears_the_welcome_before_the_answer_and_the_agent_after_it() {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    let mut call = phone.invite(EARLY, Some(&sdp(daemon.address, ear.port(), &[Law::Mu])));
    let progress = phone.progress(&mut call);
    assert_eq!(progress.status_code.code(), 183);
    let early_port = audio_port(&progress.body);
    daemon.wait_for("a caller waiting", SECONDS_10, |it| it.sum("acd_queue_waiting_calls", &[]) == 1.0);
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let ring =
        agent.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, free_port(daemon.address), &[Law::Mu]));
    assert!(ring.from_header().expect("a From").value().contains(CALLER), "the agent sees who calls: {ring}");
    let answer = phone.answer(&mut call, Method::Invite);
    assert_eq!((answer.status_code.code(), audio_port(&answer.body)), (200, early_port));
    assert_eq!(answer.body, progress.body, "the 200 says what the 183 said (RFC 3261 13.2.1)");
    phone.ack(&mut call, &answer, None);
    daemon.wait_for("a talk", SECONDS_10, |it| it.sum("acd_agents", &[("state", "talking")]) == 1.0);
    let heard = sound::decode(&ear.hang_up(), Law::Mu);
    assert!(heard.iter().filter(|sample| sample.unsigned_abs() > 200).count() > 2000, "the welcome is to be heard");
    assert_eq!(phone.bye(&mut call), 200);
    agent.serve(Method::Bye, SECONDS_10);
    daemon.wait_for("the end", SECONDS_10, |it| it.sum("acd_calls_finished_total", &[("outcome", "answered")]) == 1.0);
    daemon.stops();
}

/// CANCEL within the welcome and within the queue: each is its own outcome, and 487 each time.
#[test]
fn who_gives_up_early_is_counted_by_how_far_they_were() {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    for (waits, outcome) in [(false, "left_in_greeting"), (true, "abandoned")] {
        let mut call = phone.invite(EARLY, Some(&sdp(daemon.address, ear.port(), &[Law::Mu])));
        phone.progress(&mut call);
        if waits {
            daemon.wait_for("a caller waiting", SECONDS_10, |it| it.sum("acd_queue_waiting_calls", &[]) == 1.0);
        }
        phone.cancel(&call);
        let answer = phone.answer(&mut call, Method::Invite);
        assert_eq!(answer.status_code.code(), 487);
        phone.ack(&mut call, &answer, None);
        daemon.wait_for(outcome, SECONDS_10, |it| it.sum("acd_calls_finished_total", &[("outcome", outcome)]) == 1.0);
    }
    daemon.stops();
}

/// The queue's longest wait ends a call that was never answered: 480, not a BYE.
#[test]
fn the_longest_wait_ends_an_early_call_with_480() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("queue.switchboard", "max_wait", "1 s");
        configuration.set("queue.switchboard", "thresholds", vec!["500 ms"]);
    });
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let mut call = phone.invite(EARLY, Some(&sdp(daemon.address, ear.port(), &[Law::Mu])));
    phone.progress(&mut call);
    let answer = phone.answer(&mut call, Method::Invite);
    assert_eq!(answer.status_code.code(), 480);
    phone.ack(&mut call, &answer, None);
    daemon.stops();
}

/// Without an offer there is nothing that a 183 could answer: 200 at once.
#[test]
fn a_late_offer_is_answered_at_once() {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let mut call = phone.invite(EARLY, None);
    let answer = phone.answer(&mut call, Method::Invite);
    assert_eq!(answer.status_code.code(), 200);
    phone.ack(&mut call, &answer, Some(&sdp(daemon.address, ear.port(), &[Law::Mu])));
    daemon.wait_for("a call received", SECONDS_10, |it| it.sum("acd_calls_received_total", &[]) == 1.0);
    assert_eq!(phone.bye(&mut call), 200);
    daemon.stops();
}

/// RFC 3262 5: with an offer of ours in a reliable 183 such a caller, too, is answered by an agent alone; its PRACK
/// brings the answer, and an UPDATE may change it before the call is answered (RFC 3311).
#[test]
fn a_late_offer_is_early_media_for_who_acknowledges() {
    let daemon = Daemon::start(|configuration| configuration.set("service.switchboard_early", "welcome", "none"));
    let ear = Headset::new(daemon.address);
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let mut call = phone.invite_reliably(EARLY);
    let progress = phone.progress(&mut call);
    assert_eq!((progress.status_code.code(), progress.body.is_empty()), (183, false));
    let answer = sdp(daemon.address, ear.port(), &[Law::Mu]);
    assert_eq!(phone.prack(&mut call, &progress, &answer), 200);
    daemon.wait_for("a caller who waits", SECONDS_10, |it| it.sum("acd_queue_waiting_calls", &[]) == 1.0);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    agent.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, free_port(daemon.address), &[Law::Mu]));
    agent.serve(Method::Ack, SECONDS_10);
    let ok = phone.answer_to_invite(&mut call);
    assert_eq!((ok.status_code.code(), ok.body.is_empty()), (200, true), "answered with all agreed");
    phone.ack_first(&mut call, &ok);
    daemon.wait_for("a talk", SECONDS_10, |it| it.sum("acd_agents", &[("state", "talking")]) == 1.0);
    assert_eq!(phone.bye(&mut call), 200);
    agent.serve(Method::Bye, SECONDS_10);
    assert!(sound::decode(&ear.hang_up(), Law::Mu).len() > 2_000, "the music was heard before the answer");
    daemon.stops();
}
