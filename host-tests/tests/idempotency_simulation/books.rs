//! What was sent, what took effect, what was answered: the truth, which no filter knows.

use std::collections::BTreeMap;
use std::fmt;

use abi_host::{Clock, Response, Rng, StreamId};

use crate::fixture::{RETENTION, SECOND, SLACK, TIMEOUT};

/// How often what happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &str) {
        self.more(what, 1);
    }

    pub(crate) fn more(&mut self, what: &str, times: u64) {
        *self.0.entry(what.to_owned()).or_default() += times;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, times)| self.more(what, *times));
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|(what, times)| format!("{times} {what}")).collect();
        write!(f, "{}", words.join(", "))
    }
}

/// A call as a client sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) key: usize,
    /// Which of the bodies under this key.
    pub(crate) body: usize,
    pub(crate) at: u64,
    /// When it came to its end, if it has.
    pub(crate) ended: Option<u64>,
}

impl Sent {
    /// Whether it may have a claim that counts at that time or later.
    pub(crate) fn may_count_at(&self, time: u64) -> bool {
        self.ended.is_none_or(|at| time < at + RETENTION + SLACK)
    }
}

/// A call that reached the upstream.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) stream: StreamId,
    pub(crate) body: usize,
    /// When its first attempt arrived, which is when its key was claimed.
    pub(crate) began: u64,
    /// What it did, if anything.
    pub(crate) effect: Option<u64>,
    /// From when on that shows: an upstream goes on when its client has left, and may come to a call
    /// as late as the gateway would have waited for it.
    pub(crate) shows: u64,
    /// What the upstream last said to it.
    pub(crate) answer: Option<Response>,
}

impl Run {
    /// Whether its key counts at any time from `then` until `now`.
    pub(crate) fn counts_between(&self, then: u64, now: u64) -> bool {
        now >= self.began && then < self.began + RETENTION
    }
}

/// The books of one schedule.
pub(crate) struct Books {
    pub(crate) dice: Rng,
    pub(crate) clock: Clock,
    pub(crate) sent: BTreeMap<StreamId, Sent>,
    /// By key, in the order in which they began.
    pub(crate) runs: BTreeMap<usize, Vec<Run>>,
    /// The ledger's replies to reconcile calls, by key.
    pub(crate) outcomes: BTreeMap<usize, Vec<(u64, Response)>>,
    pub(crate) effects: u64,
    /// When a clock last jumped or a VM died: who waited then may wait for ever, until it is ended.
    pub(crate) harmed: Option<u64>,
    /// Whether the upstream does all at once and well, for the end of a schedule.
    pub(crate) well: bool,
    pub(crate) tally: Tally,
    pub(crate) trace: Vec<String>,
    /// What went wrong first.
    pub(crate) wrong: Option<String>,
    start: u64,
}

impl Books {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        let start = clock.now();
        Self {
            dice: Rng::seeded(seed ^ 0x5eed),
            clock,
            sent: BTreeMap::new(),
            runs: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            effects: 0,
            harmed: None,
            well: false,
            tally: Tally::default(),
            trace: Vec::new(),
            wrong: None,
            start,
        }
    }

    /// A number below `end`.
    pub(crate) fn dice(&mut self, end: u64) -> u64 {
        self.dice.random() % end
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(crate) fn note(&mut self, what: &str) {
        let millis = (self.now() - self.start) / (SECOND / 1_000);
        self.trace.push(format!("{:>4}.{:03} s  {what}", millis / 1_000, millis % 1_000));
    }

    pub(crate) fn fails(&mut self, what: String) {
        self.note(&format!("WRONG: {what}"));
        self.wrong.get_or_insert(what);
    }

    pub(crate) fn last_run(&self, key: usize) -> Option<&Run> {
        self.runs.get(&key)?.last()
    }

    /// The run of a stream; its first attempt begins it.
    pub(crate) fn run_of(&mut self, stream: StreamId, sent: Sent) -> &mut Run {
        let now = self.now();
        let shows = now + self.dice(TIMEOUT);
        let runs = self.runs.entry(sent.key).or_default();
        let at = match runs.iter().position(|run| run.stream == stream) {
            Some(at) => at,
            None => {
                let body = sent.body;
                runs.push(Run { stream, body, began: now, effect: None, shows, answer: None });
                runs.len() - 1
            }
        };
        &mut runs[at]
    }

    /// The call of a stream takes effect. Attempts of one stream are the route's own, which asked for
    /// retries; what is counted is how often a filter let the call go.
    pub(crate) fn takes_effect(&mut self, stream: StreamId, sent: Sent) -> u64 {
        self.effects += 1;
        let number = self.effects;
        self.tally.count("effects");
        let run = self.run_of(stream, sent);
        run.effect = Some(number);
        let began = run.began;
        let runs = self.runs.get(&sent.key).into_iter().flatten();
        let mut others = runs.filter(|run| run.stream != stream && run.effect.is_some());
        if others.any(|other| other.began.abs_diff(began) < RETENTION) {
            self.fails(format!("key {} took effect twice", sent.key));
        }
        number
    }
}
