//! RTP of the real daemon at its edges: no port left, silence, comfort noise, a source that changes.

use crate::caller;
use crate::daemon::{Daemon, Metrics};
use crate::phone::{Phone, audio_port, sdp};
use crate::sound::{Headset, Law, best_share_of_tone, decode, tone};
use rsip::Method;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(10);

/// Hostile-world G8: two ports a leg, RTP and RTCP; each of the hundred can be had again once it has rested.
#[test]
fn a_hundred_ports_are_fifty_callers_and_one_more_is_told_so() {
    let daemon = Daemon::start(|configuration| {
        // Below those that the system gives to the test's own sockets.
        configuration.set("media", "ports", "20000-20099");
        configuration.set("service.switchboard", "welcome", "none");
    });
    let phone = caller::Phone::at(daemon.address, &daemon);
    for round in ["a", "b"] {
        let began = Instant::now();
        let mut calls = Vec::new();
        // Ports of the round before may still rest.
        while calls.len() < 50 {
            let (status, call) = phone.calls(&format!("{round}-{}-{}", calls.len(), began.elapsed().as_millis()));
            match status {
                200 => calls.push(call),
                status => {
                    assert_eq!((status, round), (503, "b"), "call {}", calls.len() + 1);
                    assert!(began.elapsed() < Duration::from_secs(5), "{} of 50 after 5 s", calls.len());
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
        assert_eq!(phone.calls(&format!("{round}-more")).0, 503, "no hang, and nobody's internal error");
        let metrics = daemon.wait_for("its name", LIMIT, |metrics| {
            metrics.sum("acd_turned_total", &[("kind", "rtp_port_exhausted")]) >= 1.0
        });
        assert_eq!(metrics.sum("acd_queue_waiting_calls", &[]), 50.0, "nobody who is there is any worse");
        calls.iter().for_each(|call| phone.hangs_up(call));
    }
    daemon.wait_for("no port in use", LIMIT, |metrics| metrics.sum("acd_rtp_ports_in_use", &[]) == 0.0);
    assert_eq!(daemon.metrics().sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}

/// Comfort noise (RFC 3389) is a sign of life and no sound; nothing at all is the end of the call, for both.
#[test]
fn comfort_noise_keeps_a_call_a_new_source_is_heard_and_silence_ends_it() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.switchboard", "welcome", "none");
        configuration.set("media", "rtp_timeout", "2 s");
    });
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let mut at_agent = Headset::new(daemon.address);
    let at_caller = UdpSocket::bind((daemon.address, 0)).expect("a port for RTP");
    let port = at_caller.local_addr().expect("a bound socket").port();
    let mut caller = Phone::new(daemon.address, daemon.sip, "39000");
    let (_, answer) = caller.connect("800000200", &sdp(daemon.address, port, &[Law::A]));
    let to = SocketAddr::new(daemon.address, audio_port(answer.body()));
    let invite = agent.serve_with(Method::Invite, LIMIT, &sdp(daemon.address, at_agent.port(), &[Law::A]));
    at_agent.hum(SocketAddr::new(daemon.address, audio_port(invite.body())), Law::A, 440.0);
    agent.serve(Method::Ack, LIMIT);

    // The sequence numbers and the clock go on while the source is another one from second to second.
    let packet = |ssrc: u32, kind: u8, number: u32, payload: &[u8]| {
        let mut packet = vec![0x80, kind];
        packet.extend((number as u16).to_be_bytes());
        packet.extend(number.wrapping_mul(160).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(payload);
        at_caller.send_to(&packet, to).expect("a sent datagram");
        std::thread::sleep(Duration::from_millis(20));
    };
    for (ssrc, hz) in [(7, 1020.0), (0xffff_0001, 620.0)] {
        for (number, samples) in (ssrc..).zip(tone(hz, 0.8).chunks(160)) {
            let payload: Vec<u8> = samples.iter().map(|&sample| Law::A.encode(sample)).collect();
            packet(ssrc, 8, number, &payload);
        }
    }
    for number in 0..8 {
        packet(0xffff_0001, 13, 60_000 + number * 20, &[40]);
        std::thread::sleep(Duration::from_millis(380));
    }
    let talks = |metrics: &Metrics| metrics.sum("acd_calls_talking", &[]) == 1.0;
    assert!(talks(&daemon.metrics()), "3 s of comfort noise are no silence");
    let silent = Instant::now();
    agent.serve(Method::Bye, LIMIT);
    assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&silent.elapsed()), "{:?}", silent.elapsed());
    caller.serve(Method::Bye, LIMIT);
    let metrics = daemon.wait_for("the end", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    assert!(metrics.sum("acd_turned_total", &[("kind", "rtp_timeout")]) >= 1.0);
    let heard = decode(&at_agent.hang_up(), Law::A);
    for hz in [1020.0, 620.0] {
        assert!(best_share_of_tone(&heard, hz) > 0.98, "{hz} Hz");
    }
    daemon.stops();
}
