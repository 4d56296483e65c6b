//! A casino in virtual time: clients that give up, workers with a group each, and an upstream with so many
//! servers and one queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;

use policy_kit::{EndpointClass, MILLI, SECOND};

use crate::limit::probe::scatter;
use crate::queue::admission::{Admission, Arrival, End, PermitId, Release, WaitId};
use crate::queue::group::Group;
use crate::queue::groups::Groups;
use crate::queue::rules::GroupRules;

/// The host's clock when a simulation begins.
pub(crate) const EPOCH: u64 = 1_800_000_000 * SECOND;
const TICK: u64 = 10 * MILLI;

/// Compiles one group.
pub(crate) fn group(json: &str) -> Rc<GroupRules> {
    let raw = policy_kit::read_settings(format!("[{json}]").as_bytes()).unwrap();
    Rc::clone(&Groups::compile(raw, "concurrency", (true, true)).unwrap().rules[0])
}

/// Random numbers from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        scatter(self.0)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A class, its share of the arrivals, and whether it is an unproven settlement.
pub(crate) type Mix = &'static [(EndpointClass, f64, bool)];

/// Content 55 %, odds 25 %, wagers and cash-outs 15 %, settlement 5 %, of which a half is proven.
pub(crate) const GOAL: Mix = &[
    (EndpointClass::Content, 0.55, false),
    (EndpointClass::Odds, 0.25, false),
    (EndpointClass::Wager, 0.10, false),
    (EndpointClass::Cashout, 0.05, false),
    (EndpointClass::Settlement, 0.025, false),
    (EndpointClass::Settlement, 0.025, true),
];

/// What is simulated.
pub(crate) struct Scene {
    pub(crate) rules: Rc<GroupRules>,
    pub(crate) workers: usize,
    /// Arrivals per second.
    pub(crate) rate: f64,
    pub(crate) mix: Mix,
    /// From which second on the upstream has how many servers.
    pub(crate) servers: &'static [(u64, usize)],
    /// Service in nanoseconds, and by how much it varies (0.2: 20 % up and down).
    pub(crate) service: u64,
    pub(crate) noise: f64,
    /// Clients give up after so many nanoseconds.
    pub(crate) patience: u64,
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
}

impl Scene {
    /// The goal of the issue: 480 requests a second, 8 servers of 50 ms, 20 s.
    pub(crate) fn goal(rules: Rc<GroupRules>) -> Self {
        Self {
            rules,
            workers: 1,
            rate: 480.0,
            mix: GOAL,
            servers: &[(0, 8)],
            service: 50 * MILLI,
            noise: 0.0,
            patience: 2 * SECOND,
            seconds: 20,
            seed: 1,
        }
    }
}

/// One entry of the mix: how many arrived and were answered, and how long the answers took.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) arrived: u64,
    pub(crate) answered: u64,
    pub(crate) shed: u64,
    pub(crate) gone: u64,
    pub(crate) times: Vec<u64>,
}

impl Row {
    pub(crate) fn share(&self) -> f64 {
        self.answered as f64 / self.arrived.max(1) as f64
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> u64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(at).map_or(0, |it| it / MILLI)
    }
}

/// What a simulation shows.
pub(crate) struct Played {
    pub(crate) rows: Vec<Row>,
    /// Sum of the workers' limits, every 100 ms.
    pub(crate) limits: Vec<u32>,
    /// Answers in each second.
    pub(crate) answers: Vec<u64>,
    pub(crate) left_in_flight: u32,
    /// The most that waited in the upstream's own queue.
    pub(crate) queued_upstream: usize,
}

impl Played {
    /// Answers in a second, without the seconds after the last arrival.
    pub(crate) fn goodput(&self) -> f64 {
        self.answers.iter().sum::<u64>() as f64 / self.answers.len() as f64
    }

    pub(crate) fn print(&self, title: &str, mix: Mix) {
        println!("{title}: {:.1}/s answered", self.goodput());
        for (row, (class, _, unproven)) in self.rows.iter().zip(mix) {
            println!(
                "  {class:<12}{} {:>5} arrived {:>5.1} % answered, {:>4} shed, {:>3} gone, p50/p99 {}/{} ms",
                if *unproven { "*" } else { " " },
                row.arrived,
                row.share() * 100.0,
                row.shed,
                row.gone,
                row.percentile(50),
                row.percentile(99),
            );
        }
        let limits: Vec<u32> = self.limits.iter().step_by(2).copied().collect();
        println!("  limit every 200 ms: {limits:?}");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Served(usize),
    Arrive,
    GiveUp(usize),
    Tick,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting(WaitId),
    InFlight(PermitId),
    Over,
}

struct Request {
    entry: usize,
    worker: usize,
    arrived: u64,
    started: u64,
    state: State,
}

struct Play<'a> {
    scene: &'a Scene,
    random: Random,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    groups: Vec<Group>,
    requests: Vec<Request>,
    busy: usize,
    queue: VecDeque<usize>,
    waits: Vec<std::collections::BTreeMap<WaitId, usize>>,
    played: Played,
}

/// Plays a scene.
pub(crate) fn play(scene: &Scene) -> Played {
    let groups = (0..scene.workers as u64).map(|n| Group::new(Rc::clone(&scene.rules), n));
    let mut play = Play {
        scene,
        random: Random(scene.seed << 32),
        now: EPOCH,
        events: BinaryHeap::new(),
        sequence: 0,
        groups: groups.collect(),
        requests: Vec::new(),
        busy: 0,
        queue: VecDeque::new(),
        waits: (0..scene.workers).map(|_| Default::default()).collect(),
        played: Played {
            rows: scene.mix.iter().map(|_| Row::default()).collect(),
            limits: Vec::new(),
            answers: vec![0; scene.seconds as usize],
            left_in_flight: 0,
            queued_upstream: 0,
        },
    };
    play.at(EPOCH, Event::Arrive);
    play.at(EPOCH, Event::Tick);
    while let Some(Reverse((at, _, event))) = play.events.pop() {
        play.now = at;
        play.happen(event);
    }
    play.played.left_in_flight = play.groups.iter().map(|it| it.figures().in_flight).sum();
    play.played
}

impl Play<'_> {
    fn at(&mut self, time: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((time, self.sequence, event)));
    }

    fn end(&self) -> u64 {
        EPOCH + self.scene.seconds * SECOND
    }

    fn servers(&self) -> usize {
        let second = (self.now - EPOCH) / SECOND;
        let mut steps = self.scene.servers.iter();
        steps.rfind(|(from, _)| *from <= second).map_or(0, |(_, servers)| *servers)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive => self.arrive(),
            Event::GiveUp(index) => self.give_up(index),
            Event::Served(index) => {
                self.busy -= 1;
                self.serve();
                self.answer(index);
            }
            Event::Tick => {
                for worker in 0..self.groups.len() {
                    self.groups[worker].advance(self.now);
                    self.release(worker);
                }
                if (self.now - EPOCH).is_multiple_of(100 * MILLI) && self.now < self.end() {
                    let limits = self.groups.iter().map(|it| it.figures().limit);
                    self.played.limits.push(limits.sum());
                }
                if self.now < self.end() + 70 * SECOND {
                    self.at(self.now + TICK, Event::Tick);
                }
            }
        }
    }

    fn arrive(&mut self) {
        let gap = -(1.0 - self.random.fraction()).ln() / self.scene.rate;
        let next = self.now + (gap * SECOND as f64) as u64;
        if next < self.end() {
            self.at(next, Event::Arrive);
        }
        let mut pick = self.random.fraction();
        let shares = self.scene.mix.iter();
        let entry = shares.map(|(_, share, _)| *share).position(|share| {
            pick -= share;
            pick < 0.0
        });
        let entry = entry.unwrap_or(0);
        let worker = self.random.below(self.groups.len() as u64) as usize;
        let (class, _, unproven) = self.scene.mix[entry];
        self.played.rows[entry].arrived += 1;
        let index = self.requests.len();
        let request = Arrival { class, exempt: false, unproven, retry: false };
        let admission = self.groups[worker].arrive(request, self.now);
        let (arrived, started) = (self.now, self.now);
        self.requests.push(Request { entry, worker, arrived, started, state: State::Over });
        match admission {
            Admission::Admitted(permit) => self.start(index, permit),
            Admission::Wait(id) => {
                self.requests[index].state = State::Waiting(id);
                self.waits[worker].insert(id, index);
            }
            Admission::Shed(_) => self.played.rows[entry].shed += 1,
        }
        if admission.is_shed() {
            return;
        }
        self.at(self.now + self.scene.patience, Event::GiveUp(index));
        self.release(worker);
    }

    fn start(&mut self, index: usize, permit: PermitId) {
        let request = &mut self.requests[index];
        (request.state, request.started) = (State::InFlight(permit), self.now);
        self.queue.push_back(index);
        self.serve();
        let queued = &mut self.played.queued_upstream;
        *queued = self.queue.len().max(*queued);
    }

    fn serve(&mut self) {
        while self.busy < self.servers() {
            let Some(index) = self.queue.pop_front() else { break };
            self.busy += 1;
            let vary = 1.0 + self.scene.noise * (2.0 * self.random.fraction() - 1.0);
            let service = (self.scene.service as f64 * vary) as u64;
            self.at(self.now + service, Event::Served(index));
        }
    }

    fn answer(&mut self, index: usize) {
        let now = self.now;
        let Request { entry, worker, arrived, started, state } = self.requests[index];
        let State::InFlight(permit) = state else { return };
        self.requests[index].state = State::Over;
        let row = &mut self.played.rows[entry];
        row.answered += 1;
        row.times.push(now - arrived);
        let second = ((now - EPOCH) / SECOND) as usize;
        if let Some(answers) = self.played.answers.get_mut(second) {
            *answers += 1;
        }
        let end = End::Answered { latency: now - started, status: 200 };
        self.groups[worker].finish(permit, end, now);
        self.release(worker);
    }

    fn give_up(&mut self, index: usize) {
        let Request { entry, worker, state, .. } = self.requests[index];
        match state {
            State::Over => return,
            State::Waiting(id) => {
                self.waits[worker].remove(&id);
                self.groups[worker].leave(id, self.now);
            }
            State::InFlight(permit) => {
                self.groups[worker].finish(permit, End::ClientGone, self.now);
            }
        }
        self.requests[index].state = State::Over;
        self.played.rows[entry].gone += 1;
        self.release(worker);
    }

    fn release(&mut self, worker: usize) {
        for released in self.groups[worker].released(64, self.now) {
            let index = self.waits[worker].remove(&released.wait).expect("released once");
            match released.release {
                Release::Admitted(permit) => self.start(index, permit),
                Release::Shed(_) => {
                    self.requests[index].state = State::Over;
                    self.played.rows[self.requests[index].entry].shed += 1;
                }
            }
        }
    }
}

impl Admission {
    fn is_shed(&self) -> bool {
        matches!(self, Self::Shed(_))
    }
}
