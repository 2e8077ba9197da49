//! Records of calls as a ledger would give them back, and questions about them.

use centralino::facts::{OfferOutcome, Party};
use centralino::ids::CallId;
use centralino::report::record::{Ending, Interaction, Moment, Offer, Talk, ThresholdOfTheDay, Visit, VisitOutcome};
use centralino::report::{Closing, Counter, Period, Question, Report};
use centralino::time::{Duration, Time};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub const CONTRACT: [u64; 3] = [30, 20, 40];

pub fn rome() -> TimeZone {
    TimeZone::get("Europe/Rome").expect("a zone that is compiled in")
}

/// A moment by the clock on Rome's wall; the earlier one where it comes twice.
pub fn moment(text: &str) -> Moment {
    let civil: DateTime = text.parse().expect("a civil moment");
    at_utc(civil.to_zoned(rome()).expect("a moment").timestamp().as_nanosecond())
}

pub fn at_utc(nanos: i128) -> Moment {
    Moment { at: Time::from_nanos(u64::try_from(nanos).expect("since 1970")), utc: i64::try_from(nanos).expect("fits") }
}

/// A call that entered a queue after 8 s of greeting.
#[derive(Clone)]
pub struct Call {
    pub entered: Moment,
    pub waited: Duration,
    pub outcome: VisitOutcome,
    pub thresholds: Vec<u64>,
    pub service: &'static str,
    pub pool: &'static str,
}

pub fn call(entered: &str, waited_millis: u64, outcome: VisitOutcome) -> Call {
    Call {
        entered: moment(entered),
        waited: Duration::from_millis(waited_millis),
        outcome,
        thresholds: CONTRACT.to_vec(),
        service: "urp",
        pool: "first_line",
    }
}

pub fn answered(entered: &str, waited_millis: u64) -> Call {
    call(entered, waited_millis, VisitOutcome::Answered)
}

pub fn abandoned(entered: &str, waited_millis: u64) -> Call {
    call(entered, waited_millis, VisitOutcome::Abandoned { lost: false })
}

const GREETING: Duration = Duration::from_secs(8);

impl Call {
    pub fn record(&self) -> Interaction {
        let Call { entered, waited, outcome, .. } = self.clone();
        let limits = self.thresholds.iter().copied().map(Duration::from_secs);
        let visit = Visit {
            service: None,
            queue: "urp".into(),
            entered,
            waited,
            outcome,
            thresholds: limits.map(|length| ThresholdOfTheDay { length, passed: waited > length }).collect(),
            target_percent: 90,
            steps: Vec::new(),
            offers: Vec::new(),
            offers_left_out: 0,
            talk: (outcome == VisitOutcome::Answered).then(|| self.talk()),
        };
        let offers = visit.talk.iter().map(|talk| Offer {
            pool: talk.pool.clone(),
            agent: None,
            step: 0,
            made: entered.at,
            rang: waited,
            outcome: OfferOutcome::Accepted,
        });
        let visit = Visit { offers: offers.collect(), ..visit };
        let arrived = Moment { at: entered.at - GREETING, utc: entered.utc - 8_000_000_000 };
        Interaction { visits: vec![visit], ..greeting(self.service, arrived, entered.after(waited), Ending::Entered) }
    }

    fn talk(&self) -> Talk {
        Talk {
            pool: self.pool.into(),
            agent: None,
            talked: Duration::from_secs(150),
            held: Duration::ZERO,
            consulted: Duration::ZERO,
            wrap_up: Some(Duration::from_secs(20)),
            ended_by: Party::Caller,
            legs: Vec::new(),
        }
    }
}

/// A call that entered no queue.
pub fn greeting(service: &str, arrived: Moment, ended: Moment, ending: Ending) -> Interaction {
    Interaction {
        origin: "run".into(),
        call: Some(CallId(1)),
        service: Some(service.into()),
        caller: None,
        reference: None,
        config: "c0ffee".into(),
        arrived,
        received: (!matches!(ending, Ending::Refused(_))).then_some(arrived),
        ended,
        ending,
        visits: Vec::new(),
    }
}

pub fn month(text: &str) -> Question {
    question(Period::month(text, &rome()).expect("a month"))
}

pub fn question(period: Period) -> Question {
    Question {
        period,
        service: None,
        every: None,
        thresholds: Vec::new(),
        formulas: false,
        profiles: Vec::new(),
        advanced_percent: 95,
    }
}

/// The report, made when the period has long been over.
pub fn report(question: Question, records: &[Interaction]) -> Report {
    let closing = Closing { made_utc: question.period.utc().end + 32_400_000_000_000, ..Closing::default() };
    report_with(question, records, closing)
}

pub fn report_with(question: Question, records: &[Interaction], closing: Closing) -> Report {
    let mut counter = Counter::new(question).expect("an answerable question");
    records.iter().for_each(|record| counter.add(record));
    counter.finish(closing)
}

/// A month of some hundred calls, every outcome among them; the same each time.
pub fn october() -> Vec<Interaction> {
    let mut records = Vec::new();
    let mut dice = 12_345u64;
    let mut throw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for day in 1..=31u64 {
        for _ in 0..(if day % 7 == 4 { 2 } else { 14 }) {
            let (hour, minute) = (8 + throw(10), throw(60));
            let entered = format!("2026-10-{day:02}T{hour:02}:{minute:02}:{:02}", throw(60));
            let waited = throw(25) * 1_000 + if throw(6) == 0 { throw(60_000) } else { 0 };
            let mut it = match throw(20) {
                0 | 1 => abandoned(&entered, waited),
                2 if day < 12 => call(&entered, waited, VisitOutcome::Failed),
                3 if day > 20 => call(&entered, waited, VisitOutcome::FlowedOut(centralino::facts::FlowOut::MaxWait)),
                _ => answered(&entered, waited),
            };
            it.service = if throw(3) == 0 { "cup" } else { "urp" };
            it.pool = ["first_line", "first_line", "first_line", "back_office"][throw(4) as usize];
            records.push(it.record());
            if throw(10) == 0 {
                let at = moment(&entered);
                let ending = match throw(4) {
                    0 => Ending::Refused(centralino::facts::Refusal::Closed),
                    1 => Ending::EndedInMenu,
                    _ => Ending::LeftInGreeting { lost: false },
                };
                records.push(greeting("urp", at, at.after(Duration::from_secs(5)), ending));
            }
        }
    }
    records.sort_by_key(|record| record.filed().utc);
    records
}
