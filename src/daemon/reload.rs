//! SIGHUP: reads the configuration again, on a thread of its own, and has it put in force, all of it or nothing.
//!
//! ```text
//!   SIGHUP ──► read, check, lay out, load sounds ──► engine thread: new plan, numbers carried over
//!                    │ mistakes: logged, counted          └──► facts thread: names, windows, records
//!                                                                   └──► here: /metrics and /stats show the new numbers
//! ```
//! The engine thread only puts into its place what was made here.

use super::facts_thread::{LiveReader, PlanChanged};
use super::http::Shown;
use super::inbox::{Inbox, Message, Reload};
use super::names::Wanted;
use super::sounds;
use centralino::config::{self, Checked, Running};
use centralino::facts::{Fact, Record, Reload as Outcome};
use centralino::ids::ClipId;
use centralino::stats::prometheus::{Exposition, Info};
use centralino::stats::{Layout, snapshot};
use centralino::time::Time;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::sync::Arc;
use std::thread::Builder;
use tokio::sync::watch;

/// Reads the configuration of the start again: what it says, or all that is wrong with it.
pub type ReadAgain = Box<dyn Fn() -> Result<Checked, String> + Send>;

/// What is in force, and everything that has to change with it.
pub struct Reloader {
    /// Reads the configuration again.
    pub read: ReadAgain,
    /// As it was written; what waits for a restart is as at the start.
    pub in_force: Checked,
    /// As it is laid out.
    pub running: Running,
    /// The prints of its clips' sounds, by `ClipId`.
    pub prints: Vec<u64>,
    /// Places of the tally's numbers.
    pub layout: Arc<Layout>,
    /// The way to the engine.
    pub inbox: Inbox,
    /// The host names that are looked up.
    pub names: Wanted,
    /// What HTTP shows.
    pub shown: watch::Sender<Arc<Shown>>,
    /// The engine's clock.
    pub now: Box<dyn Fn() -> Time + Send>,
}

/// The engine has ended.
struct Over;

impl Reloader {
    /// Starts the thread, and says how to ask it for a reload.
    pub fn listen(mut self) -> io::Result<Sender<()>> {
        let (ask, asked) = bounded(1);
        Builder::new().name("reload".into()).spawn(move || while asked.recv().is_ok() && self.reload().is_ok() {})?;
        Ok(ask)
    }

    fn reload(&mut self) -> Result<(), Over> {
        match self.make_ready() {
            Ok((reload, next, live)) => self.put_in_force(reload, next, &live),
            Err(mistakes) => {
                tracing::error!("the configuration was not reloaded, everything stays as it is:\n{mistakes}");
                let record = Record { at: (self.now)(), fact: Fact::Reloaded { result: Outcome::Failed } };
                if self.inbox.put_waiting(Message::Fact(record)) { Ok(()) } else { Err(Over) }
            }
        }
    }

    /// Everything that can go wrong.
    fn make_ready(&self) -> Result<(Reload, Next, Receiver<LiveReader>), String> {
        let new = (self.read)()?;
        let heard = sounds::load(&new.settings.clips).map_err(|error| format!("{error:#}"))?;
        let heard_prints: Vec<u64> = heard.iter().map(sounds::print).collect();
        let same_sound = |here: usize, there: usize| self.prints.get(here) == heard_prints.get(there);
        let (running, clips_at) = self.running.after(&new, same_sound).map_err(|too_many| too_many.to_string())?;
        for warning in &new.warnings {
            tracing::warn!("{warning}");
        }
        let mut lines = config::difference(&self.in_force, &new);
        let (mut prints, mut to_learn) = (self.prints.clone(), Vec::new());
        for ((sound, print), at) in heard.into_iter().zip(heard_prints).zip(clips_at) {
            // Those not yet known stand in the order of their ids.
            if at.index() >= prints.len() {
                lines.changes.extend(self.sounds_otherwise(&running.clips, at));
                to_learn.push((at, Arc::new(sound)));
                prints.push(print);
            }
        }
        let layout = Arc::new(Layout::new(self.layout.shape.grown(config::shape(&running.plan))));
        let (publisher, tally) = snapshot::channel(layout.len());
        let (told, live) = bounded(1);
        let changed = PlanChanged {
            plan: Arc::new(running.plan.clone()),
            config_hash: new.hash.clone(),
            origins: layout.origins(&self.layout).into(),
            layout: Arc::clone(&layout),
            tally: tally.clone(),
            live: told,
        };
        let reload = Reload { change: running.change(), sounds: to_learn, changed, publisher };
        let in_force = config::in_force(&self.in_force, new);
        Ok((reload, Next { in_force, running, prints, layout, tally, lines }, live))
    }

    /// A new clip in an old file.
    fn sounds_otherwise(&self, clips: &[config::Clip], at: ClipId) -> Option<String> {
        let new = clips.get(at.index())?;
        let is_known = self.running.clips.iter().any(|known| known.source == new.source);
        is_known.then(|| format!("prompt {}: another sound", new.name))
    }

    fn put_in_force(&mut self, reload: Reload, next: Next, live: &Receiver<LiveReader>) -> Result<(), Over> {
        if !self.inbox.put_waiting(Message::Reload(Box::new(reload))) {
            return Err(Over);
        }
        let live = live.recv().map_err(|_| Over)?;
        let Next { in_force, running, prints, layout, tally, lines } = next;
        self.names.set(running.host_names());
        let info = Info { version: env!("CARGO_PKG_VERSION").into(), config_hash: in_force.hash.clone() };
        let exposition = Exposition::new(Arc::clone(&layout), info);
        self.shown.send_replace(Arc::new(Shown { reader: tally, exposition, live }));
        tracing::info!(hash = in_force.hash, "the configuration was reloaded");
        if lines.is_empty() {
            tracing::info!("reload: nothing changed");
        }
        lines.changes.iter().for_each(|line| tracing::info!("reload: {line}"));
        lines.waiting.iter().for_each(|line| tracing::warn!("reload: {line}"));
        (self.in_force, self.running, self.prints, self.layout) = (in_force, running, prints, layout);
        Ok(())
    }
}

/// What is in force once the engine has it.
struct Next {
    in_force: Checked,
    running: Running,
    prints: Vec<u64>,
    layout: Arc<Layout>,
    tally: snapshot::Reader,
    lines: config::Difference,
}
