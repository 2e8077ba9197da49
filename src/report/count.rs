//! Interactions of a period folded into the rows of its report, one at a time.
//!
//! Every service-level figure comes out of the tally ([`Fold`]): one fold a row and set of contract terms, judged as on
//! its day, and one under the thresholds that were asked for. Nothing here decides hit or miss.

use super::model::{Closing, Lengths, Level, Note, PauseRow, Percentiles, PoolRow, Question, Report, Row, Terms};
use super::period::{NoPeriod, half_hour, nanos};
use super::profile::{Judged, Profile};
use super::record::{Interaction, Name, Pause, Visit, VisitOutcome};
use super::replay::{Figures, Fold};
use crate::facts::OfferOutcome;
use crate::stats::shape::THRESHOLDS_AT_ONCE;
use crate::time::Duration;
use jiff::Zoned;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Folds interactions into a report.
#[derive(Debug)]
pub struct Counter {
    question: Question,
    /// Thresholds that are computed beside the official ones: asked for, then the profiles' own.
    asked: Vec<Duration>,
    begins: Vec<Zoned>,
    terms: Vec<Terms>,
    in_force: BTreeMap<Name, usize>,
    cells: BTreeMap<Key, Cell>,
    offers: BTreeMap<Name, (u64, u64)>,
    /// What each pool's agents did with callers, whoever answered them.
    talks: BTreeMap<Name, Talks>,
    pauses: BTreeMap<(Name, Name), PauseRow>,
    lengths: Collected,
    waiting_at_closing: u64,
    changes: Vec<Note>,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Whole,
    Month(Date),
    Day(Date),
    HalfHour(u8),
    Interval(usize),
    Service(Name),
    Pool(Name),
}

/// What is counted for a row.
#[derive(Debug)]
struct Cell {
    /// How calls came in.
    arrivals: Fold,
    /// Visits, by their terms.
    as_told: BTreeMap<usize, Fold>,
    asked: Fold,
    longest: Duration,
    from_arrival: Duration,
}

/// An interaction in the pieces that folds take: a visit is judged by the terms of its own queue.
struct Pieces {
    arrival: Interaction,
    visits: Vec<(usize, Interaction)>,
    longest: Duration,
    from_arrival: Duration,
}

#[derive(Debug, Default)]
struct Collected {
    answered: Vec<Duration>,
    abandoned: Vec<Duration>,
    talk: Vec<Duration>,
    wrap_up: Vec<Duration>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Talks {
    talks: u64,
    talked: Duration,
    handled: Duration,
    wrapped_up: Duration,
}

/// Why a report cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// The period has too many rows.
    Period(NoPeriod),
    /// More thresholds than can be counted at once, those of the profiles included.
    TooManyThresholds,
}

impl std::fmt::Display for Unanswerable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unanswerable::Period(reason) => reason.fmt(f),
            Unanswerable::TooManyThresholds => {
                write!(f, "at most {THRESHOLDS_AT_ONCE} thresholds at once, those of profiles included")
            }
        }
    }
}

impl std::error::Error for Unanswerable {}

impl Counter {
    /// Nothing counted yet.
    pub fn new(question: Question) -> Result<Counter, Unanswerable> {
        let begins = question.every.map_or_else(|| Ok(Vec::new()), |every| question.period.intervals(every));
        let mut asked = question.thresholds.clone();
        let more = question.profiles.iter().filter_map(|profile| profile.threshold());
        for length in more {
            if !asked.contains(&length) {
                asked.push(length);
            }
        }
        if asked.len() > THRESHOLDS_AT_ONCE {
            return Err(Unanswerable::TooManyThresholds);
        }
        Ok(Counter {
            begins: begins.map_err(Unanswerable::Period)?,
            question,
            asked,
            terms: Vec::new(),
            in_force: BTreeMap::new(),
            cells: BTreeMap::new(),
            offers: BTreeMap::new(),
            talks: BTreeMap::new(),
            pauses: BTreeMap::new(),
            lengths: Collected::default(),
            waiting_at_closing: 0,
            changes: Vec::new(),
        })
    }

    /// Counts an interaction, in the order of their filing; one that is not asked for is left out.
    pub fn add(&mut self, interaction: &Interaction) {
        let filed = interaction.filed().utc;
        let asked = self.question.service.as_deref();
        let is_of_service = asked.is_none_or(|name| interaction.service.as_deref() == Some(name));
        if !is_of_service || !self.question.period.utc().contains(&filed) {
            return;
        }
        let pieces = self.pieces(interaction, filed);
        for key in self.keys(interaction, filed) {
            // A pool's row has the visits that it answered.
            let pool = if let Key::Pool(name) = &key { Some(name.clone()) } else { None };
            let asked = &self.asked;
            self.cells.entry(key).or_insert_with(|| Cell::new(asked)).add(&pieces, pool.as_ref(), &self.terms);
        }
        for visit in &interaction.visits {
            self.visit(visit);
        }
    }

    /// Counts a pause; what lies outside of the period is left out, and all of it in the report of one service, which has
    /// no agents of its own.
    pub fn add_pause(&mut self, pause: &Pause) {
        let lasted = pause.within(&self.question.period.utc());
        if self.question.service.is_none() && !lasted.is_zero() {
            let row = self.pauses.entry((pause.pool.clone(), pause.reason.clone())).or_default();
            row.pauses += 1;
            row.lasted += lasted;
        }
    }

    /// The report of what was counted.
    pub fn finish(self, closing: Closing) -> Report {
        let contract: BTreeSet<Duration> =
            self.terms.iter().filter_map(|terms| terms.thresholds.first().copied()).collect();
        let mut official: Vec<Duration> = Vec::new();
        for length in self.terms.iter().flat_map(|terms| &terms.thresholds) {
            let is_contract = contract.len() == 1 && contract.contains(length);
            if !is_contract && !official.contains(length) {
                official.push(*length);
            }
        }
        let empty = Cell::new(&self.asked);
        let row = |key: &Key| self.cells.get(key).unwrap_or(&empty).row(&self.terms, &official, &self.asked);
        let period = &self.question.period;
        let days: Vec<Date> = period.days();
        let months: BTreeSet<Date> = days.iter().map(|day| day.first_of_month()).collect();
        let months: Vec<(Date, Row)> = months.into_iter().map(|month| (month, row(&Key::Month(month)))).collect();
        let total = row(&Key::Whole);
        let named =
            |pick: fn(&Key) -> Option<&Name>| self.cells.keys().filter_map(pick).cloned().collect::<BTreeSet<Name>>();
        let services = named(|key| if let Key::Service(name) = key { Some(name) } else { None });
        let pools = named(|key| if let Key::Pool(name) = key { Some(name) } else { None });
        let others = self.offers.keys().chain(self.talks.keys()).cloned();
        let pools = pools.into_iter().chain(others).collect::<BTreeSet<Name>>();
        Report {
            made: period.civil(closing.made_utc),
            target_percent: self.terms.iter().map(|terms| terms.target_percent).max(),
            days: days.into_iter().map(|day| (day, row(&Key::Day(day)))).collect(),
            half_hours: (0..48).map(|half| (half, row(&Key::HalfHour(half)))).collect(),
            profiles: self.question.profiles.iter().map(|profile| self.judge(*profile, &total, &months)).collect(),
            services: services.into_iter().map(|name| (name.clone(), row(&Key::Service(name)))).collect(),
            pools: pools
                .into_iter()
                .map(|name| (name.clone(), self.pool(&name, &row(&Key::Pool(name.clone())))))
                .collect(),
            pauses: self.pauses.iter().map(|((pool, why), row)| (pool.clone(), why.clone(), *row)).collect(),
            intervals: self.begins.iter().cloned().zip((0..).map(|at| row(&Key::Interval(at)))).collect(),
            notes: self.notes(closing, &total),
            contract: contract.into_iter().collect(),
            lengths: self.lengths.summed_up(),
            official,
            months,
            total,
            question: self.question,
        }
    }

    fn keys(&self, interaction: &Interaction, filed: i64) -> Vec<Key> {
        let civil = self.question.period.civil(filed);
        let day = civil.date();
        let mut keys =
            vec![Key::Whole, Key::Month(day.first_of_month()), Key::Day(day), Key::HalfHour(half_hour(&civil))];
        keys.extend(interaction.service.clone().map(Key::Service));
        let before = self.begins.partition_point(|begin| nanos(begin) <= filed);
        keys.extend(before.checked_sub(1).map(Key::Interval));
        let talks = interaction.visits.iter().filter_map(|visit| visit.talk.as_ref());
        keys.extend(talks.map(|talk| talk.pool.clone()).collect::<BTreeSet<Name>>().into_iter().map(Key::Pool));
        keys
    }

    fn pieces(&mut self, interaction: &Interaction, filed: i64) -> Pieces {
        let arrival = Interaction { visits: Vec::new(), ..interaction.clone() };
        let alone = |visit: &Visit| Interaction { visits: vec![visit.clone()], ..arrival.clone() };
        let visits: Vec<(usize, Interaction)> =
            interaction.visits.iter().map(|visit| (self.terms_of(visit, filed), alone(visit))).collect();
        let judged = interaction
            .visits
            .iter()
            .filter(|visit| matches!(visit.outcome, VisitOutcome::Answered | VisitOutcome::Abandoned { .. }));
        let from_arrival = judged.map(|visit| (visit.entered.at + visit.waited).since(interaction.arrived.at)).sum();
        let longest = interaction.visits.iter().map(|visit| visit.waited).max().unwrap_or_default();
        Pieces { arrival, visits, longest, from_arrival }
    }

    /// The number of a visit's terms; that its queue has others than before is noted.
    fn terms_of(&mut self, visit: &Visit, filed: i64) -> usize {
        let thresholds = visit.thresholds.iter().map(|it| it.length).collect();
        let terms = Terms { thresholds, target_percent: visit.target_percent };
        let number = self.terms.iter().position(|known| *known == terms).unwrap_or_else(|| {
            self.terms.push(terms.clone());
            self.terms.len() - 1
        });
        if let Some(before) = self.in_force.insert(visit.queue.clone(), number).filter(|before| *before != number) {
            self.changes.push(Note::TermsChanged {
                queue: visit.queue.clone(),
                since: self.question.period.civil(filed),
                before: self.terms[before].clone(),
                after: terms,
            });
        }
        number
    }

    fn visit(&mut self, visit: &Visit) {
        let closing = self.question.period.utc().end;
        if visit.entered.utc < closing && visit.entered.after(visit.waited).utc >= closing {
            self.waiting_at_closing += 1;
        }
        for offer in &visit.offers {
            let (made, no_answer) = self.offers.entry(offer.pool.clone()).or_default();
            *made += 1;
            *no_answer += u64::from(offer.outcome == OfferOutcome::NoAnswer);
        }
        match visit.outcome {
            VisitOutcome::Answered => self.lengths.answered.push(visit.waited),
            VisitOutcome::Abandoned { .. } => self.lengths.abandoned.push(visit.waited),
            VisitOutcome::FlowedOut(_) | VisitOutcome::Failed => {}
        }
        if let Some(talk) = &visit.talk {
            self.lengths.talk.push(talk.talked);
            self.lengths.wrap_up.extend(talk.wrap_up);
            for part in talk.parts() {
                let talks = self.talks.entry(part.pool.clone()).or_default();
                talks.talks += 1;
                talks.talked += part.talked;
                talks.handled += part.handled();
                talks.wrapped_up += part.wrap_up.unwrap_or_default();
            }
        }
    }

    fn pool(&self, name: &Name, row: &Row) -> PoolRow {
        let (offers, no_answer) = self.offers.get(name).copied().unwrap_or_default();
        let Talks { talks, talked, handled, wrapped_up } = self.talks.get(name).copied().unwrap_or_default();
        let figures = &row.figures;
        PoolRow {
            offers,
            no_answer,
            answered: figures.answered,
            in_time: row.contract.events.hit,
            waited: figures.waited_answered,
            talks,
            talked,
            handled,
            wrapped_up,
        }
    }

    fn judge(&self, profile: Profile, total: &Row, months: &[(Date, Row)]) -> Judged {
        let place = profile.threshold().and_then(|length| self.asked.iter().position(|asked| *asked == length));
        let of = |row: &Row| {
            let within = place.and_then(|place| row.asked.get(place)).map_or(0, |level| level.counts.answered_in_time);
            profile.of(row, within)
        };
        Judged { whole: of(total), months: months.iter().map(|(month, row)| (*month, of(row))).collect() }
    }

    fn notes(&self, closing: Closing, total: &Row) -> Vec<Note> {
        let period = self.question.period.utc();
        let figures = &total.figures;
        let mut notes = Vec::new();
        if figures.received + figures.refused + figures.entered == 0 {
            notes.push(Note::NoCalls);
        }
        if closing.made_utc < period.end {
            notes.push(Note::NotOver);
        }
        notes.push(Note::WaitingAtClosing(self.waiting_at_closing));
        notes.push(Note::Failed(figures.failed));
        notes.extend(self.changes.iter().cloned());
        if self.terms.len() > 1 {
            notes.push(Note::SeveralTerms);
        }
        if closing.lost > 0 {
            notes.push(Note::Lost(closing.lost));
        }
        if let Some(before) = closing.purged_before.filter(|before| *before > period.start) {
            notes.push(Note::Purged(self.question.period.civil(before)));
        }
        notes
    }
}

impl Cell {
    fn new(asked: &[Duration]) -> Cell {
        Cell {
            arrivals: Fold::new(1, &[], 0),
            as_told: BTreeMap::new(),
            asked: Fold::new(1, asked, 0),
            longest: Duration::ZERO,
            from_arrival: Duration::ZERO,
        }
    }

    fn add(&mut self, pieces: &Pieces, pool: Option<&Name>, terms: &[Terms]) {
        self.arrivals.add(0, &pieces.arrival);
        let is_of = |visit: &Interaction| {
            let answered_by = visit.visits.iter().filter_map(|visit| visit.talk.as_ref()).map(|talk| &talk.pool).next();
            pool.is_none() || pool == answered_by
        };
        for (number, visit) in pieces.visits.iter().filter(|(_, visit)| is_of(visit)) {
            let fold = self.as_told.entry(*number).or_insert_with(|| {
                let (thresholds, target) =
                    terms.get(*number).map_or((&[][..], 0), |terms| (&terms.thresholds[..], terms.target_percent));
                Fold::new(1, thresholds, target)
            });
            fold.add_as_told(0, visit);
            self.asked.add(0, visit);
        }
        self.longest = self.longest.max(pieces.longest);
        self.from_arrival += pieces.from_arrival;
    }

    fn row(&self, terms: &[Terms], official: &[Duration], asked: &[Duration]) -> Row {
        let came = self.arrivals.figures(0);
        let mut figures = Figures::default();
        let mut contract = Level::default();
        let mut levels = vec![Level::default(); official.len()];
        for (number, fold) in &self.as_told {
            figures += fold.figures(0);
            contract.add(fold, 0);
            let Some(terms) = terms.get(*number) else { continue };
            for (level, length) in levels.iter_mut().zip(official) {
                if let Some(place) = terms.thresholds.iter().position(|known| known == length) {
                    level.add(fold, place);
                }
            }
        }
        Row {
            // A call is received once, however many queues it visits.
            figures: Figures {
                refused: came.refused,
                received: came.received,
                left_in_greeting: came.left_in_greeting,
                ended_in_menu: came.ended_in_menu,
                failed_in_greeting: came.failed_in_greeting,
                ..figures
            },
            contract,
            official: levels,
            asked: (0..asked.len()).map(|place| Level::of(&self.asked, place)).collect(),
            longest: self.longest,
            from_arrival: self.from_arrival,
        }
    }
}

impl Level {
    fn of(fold: &Fold, place: usize) -> Level {
        Level { events: fold.events(0, place), counts: fold.counts(0, place) }
    }

    fn add(&mut self, fold: &Fold, place: usize) {
        let more = Level::of(fold, place);
        self.events += more.events;
        self.counts += more.counts;
    }
}

impl Collected {
    fn summed_up(self) -> Lengths {
        Lengths {
            answered: Percentiles::of(self.answered),
            abandoned: Percentiles::of(self.abandoned),
            talk: Percentiles::of(self.talk),
            wrap_up: Percentiles::of(self.wrap_up),
        }
    }
}
