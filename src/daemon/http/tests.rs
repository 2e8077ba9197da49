//! The HTTP thread on a free port, talked to by plain sockets.

use super::*;
use centralino::stats::prometheus::Info;
use centralino::stats::snapshot::{self, Publisher};
use centralino::stats::{QueueShape, Shape, Tally};
use jiff::tz::TimeZone;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A served tally, its writer's end and its clock.
struct Served {
    server: HttpServer,
    tally: Tally,
    publisher: Publisher,
    clock: Arc<AtomicU64>,
    show: watch::Sender<Arc<Shown>>,
}

fn served(queues: u32, limits: HttpLimits) -> Served {
    let queue = |number: u32| QueueShape {
        name: format!("queue{number}"),
        thresholds: vec![Duration::from_secs(30)],
        target_percent: 90,
        steps: 1,
        ..QueueShape::default()
    };
    let shape = Shape { queues: (0..queues).map(queue).collect(), ..Shape::default() };
    let tally = Tally::new(shape, Time::ZERO);
    let (publisher, reader) = snapshot::channel(tally.layout().len());
    let clock = Arc::new(AtomicU64::new(0));
    let engine_clock = Arc::clone(&clock);
    let (_, live) =
        super::super::facts_thread::LiveNumbers::new(&tally.layout(), reader.clone(), TimeZone::UTC, Time::ZERO, None);
    let exposition = Exposition::new(tally.layout(), Info::default());
    let (show, shown) = watch::channel(Arc::new(Shown { reader, exposition, live }));
    let state = HttpState {
        shown,
        clock: Arc::new(move || Time::from_millis(engine_clock.load(Ordering::Relaxed))),
        trace: None,
        inbox: None,
        control_token: None,
        limits,
    };
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.set_send_buffer_size(4_096).expect("a small buffer");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    listener.listen(64).expect("listens");
    let server = serve(listener.into(), state).expect("serves");
    Served { server, tally, publisher, clock, show }
}

impl Served {
    fn connect(&self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        socket.connect(&self.server.address.into()).expect("connects");
        socket.into()
    }

    fn ask(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").expect("sent");
        stream
    }

    /// Status and body.
    fn get(&self, path: &str) -> (u16, String) {
        rest(self.ask(path))
    }
}

fn rest(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, then the end: one request a connection");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

#[test]
fn metrics_are_the_published_numbers_and_those_of_the_process() {
    let mut served = served(1, HttpLimits::default());
    served.tally.gauges(centralino::stats::Gauges { sip_dialogs: 7, ..Default::default() });
    assert!(served.get("/metrics").1.contains("\nacd_sip_dialogs 0\n"), "not published yet");
    served.tally.publish(Time::ZERO, &mut served.publisher);
    let (status, text) = served.get("/metrics");
    assert_eq!(status, 200);
    for line in [
        "acd_sip_dialogs 7\n",
        "acd_queue_waiting_calls{queue=\"queue0\"} 0\n",
        "acd_speed_of_answer_seconds{queue=\"queue0\",quantile=\"0.9\"} NaN\n",
        "process_resident_memory_bytes ",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert_eq!(served.get("/nothing").0, 404);
    served.server.stop();
}

#[test]
fn after_a_reload_the_new_numbers_are_shown_with_those_counted_before() {
    let mut served = served(1, HttpLimits::default());
    served.tally.gauges(centralino::stats::Gauges { sip_dialogs: 7, ..Default::default() });
    let old = served.tally.layout();
    let queue = |number| QueueShape { name: format!("queue{number}"), ..QueueShape::default() };
    let shape = old.shape.grown(Shape { queues: (0..2).map(queue).collect(), ..Shape::default() });
    let layout = Arc::new(centralino::stats::Layout::new(shape));
    served.tally.relay(Arc::clone(&layout), &layout.origins(&old));
    let (mut publisher, reader) = snapshot::channel(layout.len());
    served.tally.publish(Time::ZERO, &mut publisher);
    let (_, live) =
        super::super::facts_thread::LiveNumbers::new(&layout, reader.clone(), TimeZone::UTC, Time::ZERO, None);
    let info = Info { config_hash: "abc".to_owned(), ..Info::default() };
    assert!(!served.get("/metrics").1.contains("queue1"));
    served.show.send_replace(Arc::new(Shown { reader, exposition: Exposition::new(layout, info), live }));
    let page = served.get("/metrics").1;
    for line in
        ["acd_sip_dialogs 7\n", "acd_queue_waiting_calls{queue=\"queue1\"} 0\n", "acd_config_info{hash=\"abc\"} 1\n"]
    {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    assert!(served.get("/stats").1.contains("\"queue1\""));
    served.server.stop();
}

#[test]
fn alive_is_a_fresh_heartbeat_and_ready_is_taking_calls() {
    let mut served = served(1, HttpLimits::default());
    let statuses = |served: &Served| (served.get("/livez").0, served.get("/readyz").0);
    assert_eq!(statuses(&served), (200, 503), "starting");
    served.tally.phase(Phase::Ready);
    served.tally.publish(Time::ZERO, &mut served.publisher);
    assert_eq!(statuses(&served), (200, 200));
    served.clock.store(5_001, Ordering::Relaxed);
    assert_eq!(statuses(&served), (503, 503), "silent for too long");
    served.tally.phase(Phase::Draining);
    served.tally.publish(Time::from_millis(5_000), &mut served.publisher);
    assert_eq!(statuses(&served), (200, 503));
    assert_eq!(served.get("/readyz").1, "draining\n");
    served.server.stop();
}

#[test]
fn a_scraper_too_many_is_refused_until_a_slow_one_has_its_page() {
    let limits = HttpLimits { scrapes: 2, lifetime: Duration::from_secs(60), ..HttpLimits::default() };
    // The page must not fit into the sockets' buffers.
    let served = served(300, limits);
    let mut slow: Vec<TcpStream> = (0..2).map(|_| served.ask("/metrics")).collect();
    let mut byte = [0];
    slow.iter_mut().for_each(|stream| stream.read_exact(&mut byte).expect("the page begins"));
    let (status, words) = served.get("/metrics");
    assert_eq!((status, words.as_str()), (503, "too many scrapes at once\n"));
    assert_eq!(served.get("/livez").0, 200, "others are served meanwhile");
    let mut page = String::new();
    slow.pop().expect("two").read_to_string(&mut page).expect("the whole page");
    assert!(page.contains("queue299"));
    assert_eq!(served.get("/metrics").0, 200);
    served.server.stop();
}

#[test]
fn slow_readers_of_stats_take_the_places_of_scrapes_and_nobody_waits_for_them() {
    let limits = HttpLimits { scrapes: 2, lifetime: Duration::from_secs(60), ..HttpLimits::default() };
    let mut served = served(300, limits);
    let mut slow: Vec<TcpStream> = (0..2).map(|_| served.ask("/stats")).collect();
    let mut byte = [0];
    slow.iter_mut().for_each(|stream| stream.read_exact(&mut byte).expect("the page begins"));
    assert_eq!((served.get("/metrics").0, served.get("/stats").0), (503, 503), "places are few");
    served.tally.phase(Phase::Ready);
    served.tally.publish(Time::ZERO, &mut served.publisher);
    assert_eq!(served.get("/readyz").0, 200, "publishing goes on, and others see it");
    let mut page = String::from_utf8_lossy(&byte).into_owned();
    slow.pop().expect("two").read_to_string(&mut page).expect("the rest");
    let body = page.split_once("\r\n\r\n").expect("a head").1;
    let page: serde_json::Value = serde_json::from_str(body).expect("the rest of a whole page");
    assert_eq!(page["queues"].as_array().map(Vec::len), Some(300));
    served.server.stop();
}

#[test]
fn a_connection_ends_with_its_time_however_it_dawdles() {
    let lifetime = Duration::from_secs(1);
    let served = served(300, HttpLimits { lifetime, connections: 2, ..HttpLimits::default() });
    let began = Instant::now();
    // One never finishes its request, one never reads its answer; there is no room for a third.
    let mut half = served.connect();
    half.write_all(b"GET /livez HTTP/1.1\r\nHos").expect("sent");
    let _deaf = served.ask("/metrics");
    assert_eq!(served.get("/livez").0, 200);
    assert!(began.elapsed() >= lifetime, "the third waited for a place");
    let mut nothing = Vec::new();
    let ended = half.read_to_end(&mut nothing);
    assert!(ended.is_err() || nothing.is_empty() || nothing.starts_with(b"HTTP/1.1 4"), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(15));
    served.server.stop();
}
