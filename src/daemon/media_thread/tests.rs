//! The media threads with real sockets and real time.

use super::*;
use crate::daemon::inbox::Messages;
use crate::daemon::recorder;
use centralino::config::RecordingSettings;
use centralino::ids::{ClipId, LegId};
use centralino::media::{Clip, Codec, Event, Settings, Stream};
use std::net::{IpAddr, Ipv4Addr};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

struct Bench {
    handle: MediaHandle,
    threads: Vec<JoinHandle<()>>,
    messages: Messages,
    clip: Clip,
}

fn bench() -> Bench {
    bench_with(1)
}

fn bench_with(threads: u8) -> Bench {
    let settings = Settings { silent_after: None, ..Settings::default() };
    let clip = Clip::from_samples((0..1_600).map(|n| n * 20).collect()).unwrap();
    let engine = |number| MediaEngine::new(settings.clone(), vec![clip.clone()], [number; 32]);
    let (inbox, messages) = Inbox::new().unwrap();
    let engines = (0..threads).map(engine).collect();
    let (handle, threads) = spawn(engines, &inbox, &nowhere(inbox.clone()), Clock::start()).unwrap();
    Bench { handle, threads, messages, clip }
}

/// A recorder whom nobody gives anything to record.
fn nowhere(inbox: Inbox) -> Recorder {
    let settings = RecordingSettings { directory: "/nowhere".into(), days: 0 };
    recorder::spawn(settings, inbox).unwrap().0
}

/// The next message, quiet ones included, as the engine thread's heartbeat finds them.
fn heard(messages: &Messages) -> Message {
    let beats = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(1));
        messages.next()
    });
    beats.take(10_000).flatten().next().unwrap()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

impl Bench {
    /// Opens a leg towards this address; its own address is the answer.
    fn leg(&self, leg: LegId, remote: SocketAddr) -> SocketAddr {
        let ours = bind(SocketAddr::new(LOCALHOST, 0)).unwrap();
        let address = ours.local_addr().unwrap();
        assert!(self.handle.send(Command::Open { leg, port: address.port() }, Some((ours, address))));
        let stream = Stream::plain(remote, Codec::Pcma);
        assert!(self.handle.send(Command::Direct { leg, stream }, None));
        address
    }

    fn tell(&self, command: Command) {
        self.handle.send(command, None);
        self.handle.ring_if_awaited();
    }

    fn event(&self) -> Event {
        loop {
            match heard(&self.messages) {
                Message::Media(_, event) => return event,
                Message::Fact(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn end(self) {
        drop(self.handle);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn hear(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2_048];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

#[test]
fn a_clip_goes_out_over_a_socket_at_its_pace() {
    let bench = bench();
    let phone = socket();
    let (leg, clip) = (LegId(1), ClipId(0));
    bench.leg(leg, phone.local_addr().unwrap());
    let began = Clock::start();
    bench.tell(Command::PlayOnce { leg, clip });
    let heard: Vec<u8> = (0..10).flat_map(|_| hear(&phone).split_off(12)).collect();
    let took = began.now().since(Time::ZERO);
    assert_eq!(heard, bench.clip.bytes(Codec::Pcma));
    assert!(took >= Duration::from_millis(150), "ten packets in {took:?}");
    assert_eq!(bench.event(), Event::ClipEnded { leg, clip });
    bench.end();
}

#[test]
fn two_phones_hear_each_other() {
    let bench = bench();
    let (one, other) = (socket(), socket());
    let (a, b) = (LegId(1), LegId(2));
    let to_a = bench.leg(a, one.local_addr().unwrap());
    let to_b = bench.leg(b, other.local_addr().unwrap());
    bench.tell(Command::Join { a, b });
    assert_eq!(bench.event(), Event::Joined { a, b });
    let mut packet = vec![0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9];
    packet.resize(172, 0x55);
    one.send_to(&packet, to_a).unwrap();
    assert_eq!(hear(&other)[12..], packet[12..]);
    packet[12..].fill(0xAA);
    other.send_to(&packet, to_b).unwrap();
    assert_eq!(hear(&one)[12..], packet[12..]);
    bench.tell(Command::Close { leg: a });
    bench.tell(Command::Close { leg: b });
    bench.end();
}

#[test]
fn packets_that_come_close_are_all_passed_on_in_order() {
    let bench = bench();
    let (one, other) = (socket(), socket());
    let (a, b) = (LegId(1), LegId(2));
    let to_a = bench.leg(a, one.local_addr().unwrap());
    bench.leg(b, other.local_addr().unwrap());
    bench.handle.send(Command::Join { a, b }, None);
    assert_eq!(bench.event(), Event::Joined { a, b });
    for number in 0..100u8 {
        let header = [0x80, 8, 0, number, 0, 0, number, 160, 0, 0, 0, 9];
        one.send_to(&[&header[..], &[number; 160]].concat(), to_a).unwrap();
        if number % 7 == 0 {
            std::thread::sleep(Duration::from_micros(700));
        }
    }
    let heard: Vec<u8> = (0..100).map(|_| hear(&other)[12]).collect();
    assert_eq!(heard, (0..100).collect::<Vec<u8>>());
    bench.end();
}

#[test]
fn threads_share_the_legs_and_what_all_have_to_know_reaches_all() {
    let bench = bench_with(2);
    let (one, other, third) = (socket(), socket(), socket());
    // Odd legs are one thread's, even ones the other's.
    let (a, b, c) = (LegId(1), LegId(3), LegId(4));
    let to_a = bench.leg(a, one.local_addr().unwrap());
    bench.leg(b, other.local_addr().unwrap());
    bench.leg(c, third.local_addr().unwrap());
    bench.tell(Command::Join { a, b });
    assert_eq!(bench.event(), Event::Joined { a, b });
    one.send_to(&[&[0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9][..], &[0x55; 160]].concat(), to_a).unwrap();
    assert_eq!(hear(&other)[12..], [0x55; 160]);
    let clip = ClipId(1);
    let sound = Arc::new(Clip::from_samples(vec![4_000; 160]).unwrap());
    bench.tell(Command::Learn { clip, sound: Arc::clone(&sound) });
    for (leg, phone) in [(a, &one), (c, &third)] {
        bench.tell(Command::PlayOnce { leg, clip });
        assert_eq!(hear(phone)[12..], *sound.bytes(Codec::Pcma));
    }
    bench.end();
}

#[test]
fn reports_leave_from_the_next_port_and_the_last_one_says_goodbye() {
    let bench = bench();
    // A phone with two neighbouring ports.
    let (phone, control) = std::iter::repeat_with(socket)
        .find_map(|phone| {
            let next = phone.local_addr().unwrap().port().checked_add(1)?;
            Some((phone, UdpSocket::bind((LOCALHOST, next)).ok()?))
        })
        .unwrap();
    control.set_read_timeout(Some(PATIENCE)).unwrap();
    let leg = LegId(1);
    let ours = bench.leg(leg, phone.local_addr().unwrap());
    bench.tell(Command::Close { leg });
    bench.handle.ring();
    let mut buffer = [0; 200];
    let (length, from) = control.recv_from(&mut buffer).unwrap();
    assert_eq!((from.ip(), from.port()), (ours.ip(), ours.port() + 1));
    assert_eq!(buffer[1], 201, "nothing was sent: a receiver report");
    assert_eq!(buffer[length - 7], 203, "and a goodbye");
    bench.end();
}

#[test]
fn icmp_errors_are_counted_and_end_nothing() {
    let bench = bench();
    let phone = socket();
    let nobody = socket().local_addr().unwrap();
    let (leg, clip) = (LegId(1), ClipId(0));
    let port = bench.leg(leg, nobody);
    bench.tell(Command::PlayMusic { leg, clip: Some(clip) });
    let told = heard(&bench.messages);
    let Message::Fact(Record { fact, .. }) = told else { panic!("{told:?}") };
    assert_eq!(fact, Fact::Turned(Turned::RtpSendFailed));
    // The phone turns up elsewhere on the same host and is heard at once.
    phone.send_to(&[0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9, 0xD5], port).unwrap();
    assert_eq!(hear(&phone).len(), 172);
    bench.end();
}

#[test]
fn a_flood_of_trouble_is_told_in_portions_and_completely() {
    let (inbox, messages) = Inbox::new().unwrap();
    let mut trouble = Trouble::default();
    trouble.count(Turned::RtpStranger, 250, Time::ZERO);
    let mut told = Vec::new();
    for step in 0..5 {
        let _ = trouble.tell(&inbox, Time::from_millis(100 * step));
        told.push(std::iter::from_fn(|| messages.next()).count());
    }
    assert_eq!(told, [0, 100, 100, 50, 0]);
    assert_eq!(trouble.due(), None);
}

#[test]
fn a_dead_thread_makes_commands_count_as_dropped() {
    let Bench { handle, threads, messages, .. } = bench();
    drop(messages);
    // Something to say finds nobody to say it to.
    for leg in [LegId(1), LegId(2)] {
        let address = SocketAddr::new(LOCALHOST, 0);
        handle.send(Command::Open { leg, port: 1 }, Some((bind(address).unwrap(), address)));
    }
    handle.send(Command::Join { a: LegId(1), b: LegId(2) }, None);
    handle.ring_if_awaited();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!((handle.send(Command::Part { leg: LegId(1) }, None), handle.dropped()), (false, 1));
}
