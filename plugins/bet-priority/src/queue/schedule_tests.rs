//! Seeded schedules against a model that keeps everything in one flat list and scans it each time.
//!
//! `PITBOSS_SCHEDULES` is the number of schedules, 10,000 by default; `PITBOSS_SCHEDULE` the seed of the only one.

use std::collections::BTreeMap;

use policy_kit::{EndpointClass, MILLI, SECOND};

use super::*;
use crate::queue::model::{Flight, Item, Kind, Model};
use crate::queue::simulation::{group, Random, EPOCH};

const CLASSES: [EndpointClass; 6] = [
    EndpointClass::Content,
    EndpointClass::Odds,
    EndpointClass::Deposit,
    EndpointClass::Wager,
    EndpointClass::Cashout,
    EndpointClass::Settlement,
];

struct Schedule {
    random: Random,
    group: Group,
    model: Model,
    trace: Vec<String>,
    handed_out: usize,
    waited: usize,
}

fn schedule(seed: u64) -> Schedule {
    let mut random = Random(seed.wrapping_mul(1_000_003));
    let (limit, length) = (1 + random.below(6), 2 + random.below(20));
    let fairness = [0, 2, 3, 8][random.below(4) as usize];
    let mut classes = Vec::new();
    let mut longest = BTreeMap::new();
    for class in CLASSES {
        let ms = 50 + random.below(40) * 50;
        let most = random.below(14);
        classes.push(format!(r#""{class}": {{"queue_ms": {ms}, "queue_length": {most}}}"#));
        longest.insert(class, ms * MILLI);
    }
    let (odds, wager, unproven) =
        (1 + random.below(40), 1 + random.below(40), 1 + random.below(20));
    let json = format!(
        r#"{{"name": "g", "limit": {{"fixed": {limit}}}, "permit_ms": 1000,
            "reserve": {{"odds": {odds}, "wager": {wager}}}, "unproven_settlement": {unproven},
            "surge": {{"reserve": {{"odds": 0, "cashout": 20}}}},
            "queue": {{"length": {length}, "fairness": {fairness}, "classes": {{{}}}}}}}"#,
        classes.join(", ")
    );
    let calm = BTreeMap::from([
        (EndpointClass::Odds, odds as u32),
        (EndpointClass::Wager, wager as u32),
        (EndpointClass::Settlement, unproven as u32),
    ]);
    let mut surge = calm.clone();
    surge.extend([(EndpointClass::Odds, 0), (EndpointClass::Cashout, 20)]);
    let model = Model {
        limit: limit as usize,
        length: length as usize,
        fairness,
        permit: SECOND,
        longest,
        calm,
        surge,
        in_surge: false,
        now: EPOCH,
        time: 0,
        waiting: Vec::new(),
        ended: Vec::new(),
        flight: Vec::new(),
        closed: Vec::new(),
        unfair: 0,
        sequence: 0,
    };
    let mut group = Group::new(group(&json), seed);
    group.advance(EPOCH);
    Schedule { random, group, model, trace: vec![json], handed_out: 0, waited: 0 }
}

impl Schedule {
    /// One step. The group and the model see the clock first, so that both know the same bounds.
    fn step(&mut self) {
        let now = match self.random.below(40) {
            0 => self.model.now - self.random.below(10 * SECOND),
            1 => self.model.now + self.random.below(100 * SECOND),
            2..=20 => self.model.now,
            _ => self.model.now + self.random.below(40 * MILLI),
        };
        self.model.pass(now);
        self.group.advance(now);
        self.reopen();
        match self.random.below(20) {
            0..=8 => self.arrive(),
            9..=14 => self.finish(),
            15 => self.leave(),
            16 => {
                self.model.in_surge = !self.model.in_surge;
                self.group.set_surge(self.model.in_surge);
            }
            _ => {
                let most = self.random.below(4) as usize;
                self.release(most);
            }
        }
        let figures = self.group.figures();
        let model = &self.model;
        assert_eq!(figures.in_flight as usize, model.flight.len(), "in flight");
        assert_eq!(figures.queued as usize, model.waiting.len(), "queued");
    }

    fn bound(&self, (class, unproven): Kind) -> usize {
        let lane = Lane::of_request(Arrival { class, exempt: false, unproven, retry: false });
        self.group.queue.bound(lane, &self.group.rules, self.group.expected()) as usize
    }

    fn reopen(&mut self) {
        let closed = std::mem::take(&mut self.model.closed);
        let is_closed = |kind: &Kind| self.model.of(*kind) * 4 > self.bound(*kind) * 3;
        self.model.closed = closed.into_iter().filter(is_closed).collect();
    }

    fn arrive(&mut self) {
        let class = CLASSES[self.random.below(CLASSES.len() as u64) as usize];
        let unproven = class == EndpointClass::Settlement && self.random.below(3) > 0;
        let exempt = self.random.below(30) == 0;
        let (kind, retry) = ((class, unproven), self.random.below(4) == 0);
        let bound = self.bound(kind);
        let request = Arrival { class, exempt, unproven, retry };
        let admission = self.group.arrive(request, self.model.now);
        self.trace.push(format!("{request:?}: {admission:?}"));
        let model = &mut self.model;
        let free = model.limit.saturating_sub(model.flight.len());
        let proven = class == EndpointClass::Settlement && !unproven;
        if exempt || proven || free > model.waiting.len() {
            let Admission::Admitted(permit) = admission else { panic!("expected a permit") };
            self.fly(permit, kind);
            return;
        }
        let placed = match bound {
            0 => Err(Reason::NoPermit),
            _ => model.place(kind, retry, bound),
        };
        match (placed, admission) {
            (Ok(displaced), Admission::Wait(id)) => {
                if let Some(i) = displaced {
                    let item = model.waiting.remove(i);
                    model.ended.push((item, Reason::Displaced));
                }
                let (since, sequence) = (model.time, model.sequence);
                model.sequence += 1;
                model.waiting.push(Item { id, kind, retry, since, sequence });
                self.waited += 1;
            }
            (Err(reason), Admission::Shed(shed)) => {
                // Too many that are shed and not handed out yet refuse others, too.
                let many = model.ended.len() >= 24;
                assert!(shed.reason == reason || many, "{reason:?}");
                assert!(shed.retry_ns >= 250 * MILLI, "{shed:?}");
            }
            (Ok(_), Admission::Shed(shed)) => {
                assert!(model.ended.len() >= 24 && shed.reason == Reason::GroupFull, "{shed:?}");
            }
            (placed, _) => panic!("expected {placed:?}"),
        }
    }

    fn fly(&mut self, permit: PermitId, kind: Kind) {
        let model = &mut self.model;
        let (since, until) = (model.time, model.time + model.permit);
        assert!(model.flight.iter().all(|it| it.permit != permit), "given twice");
        model.flight.push(Flight { permit, kind, since, until, gone: false });
    }

    fn finish(&mut self) {
        let held: Vec<usize> =
            (0..self.model.flight.len()).filter(|i| !self.model.flight[*i].gone).collect();
        if held.is_empty() {
            return;
        }
        let i = held[self.random.below(held.len() as u64) as usize];
        let end = match self.random.below(8) {
            0 => End::NoAnswer,
            1 => End::NotSent,
            2 | 3 => End::ClientGone,
            _ => End::Answered { latency: self.random.below(200 * MILLI), status: 200 },
        };
        let flight = &mut self.model.flight[i];
        let (permit, since) = (flight.permit, flight.since);
        let lane = self.group.permits.get(permit).unwrap().lane;
        let usual = match self.group.usual.of(lane) {
            usual if usual.mean().is_some() => usual.long_enough(),
            _ => self.group.usual_of_all.long_enough(),
        };
        if end == End::ClientGone {
            flight.gone = true;
            flight.until = flight.until.min(since + usual);
        } else {
            self.model.flight.remove(i);
        }
        self.model.pass(self.model.now);
        self.group.finish(permit, end, self.model.now);
        self.group.finish(permit, End::NotSent, self.model.now);
        self.trace.push(format!("{permit:?} {end:?}"));
    }

    fn leave(&mut self) {
        let model = &mut self.model;
        let all = model.waiting.iter().chain(model.ended.iter().map(|(item, _)| item));
        let ids: Vec<WaitId> = all.map(|item| item.id).collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.random.below(ids.len() as u64) as usize];
        model.waiting.retain(|item| item.id != id);
        model.ended.retain(|(item, _)| item.id != id);
        self.group.leave(id, model.now);
        self.group.leave(id, model.now);
        self.handed_out += 1;
        self.trace.push(format!("{id:?} leaves"));
    }

    fn release(&mut self, most: usize) {
        let released = self.group.released(most, self.model.now);
        self.trace.push(format!("at most {most} released: {released:?}"));
        assert!(released.len() <= most);
        for Released { wait, release, waited } in &released {
            self.handed_out += 1;
            let model = &mut self.model;
            match release {
                Release::Shed(shed) => {
                    let i = model.ended.iter().position(|(item, _)| item.id == *wait);
                    let (item, reason) = model.ended.remove(i.expect("shed"));
                    assert_eq!((shed.reason, *waited), (reason, model.time - item.since));
                }
                Release::Admitted(permit) => {
                    assert!(model.ended.is_empty() && model.flight.len() < model.limit);
                    let (i, fair) = model.next().expect("somebody waits");
                    model.unfair = if fair { 0 } else { model.unfair + 1 };
                    let item = model.waiting.remove(i);
                    assert_eq!((item.id, model.time - item.since), (*wait, *waited), "order");
                    self.fly(*permit, item.kind);
                }
            }
        }
        let model = &self.model;
        let ready =
            model.ended.len() + usize::from(model.flight.len() < model.limit) * model.waiting.len();
        assert!(released.len() == most || ready == 0, "{ready} more are ready");
        assert_eq!(self.group.is_ready(), ready > 0);
    }

    fn run(&mut self) {
        for _ in 0..120 {
            self.step();
        }
        // Everything ends: in flight and the queue return to zero.
        for n in 0..200 {
            let now = self.model.now + 20 * MILLI;
            self.model.pass(now);
            self.group.advance(now);
            self.reopen();
            self.release(64);
            if n % 2 == 0 {
                self.finish();
            }
        }
        let figures = self.group.figures();
        assert_eq!((figures.in_flight, figures.queued), (0, 0), "at the end");
        assert_eq!(self.handed_out, self.waited, "each that waited is handed out or leaves once");
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // A test's own variables.
fn the_order_of_release_is_the_models() {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seeds = match number("PITBOSS_SCHEDULE") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PITBOSS_SCHEDULES").unwrap_or(10_000),
    };
    let (mut released, mut fair) = (0, 0);
    for seed in seeds.clone() {
        let mut schedule = schedule(seed);
        let run = std::panic::AssertUnwindSafe(|| schedule.run());
        if std::panic::catch_unwind(run).is_err() {
            let from = schedule.trace.len().saturating_sub(30);
            schedule.trace[..1]
                .iter()
                .chain(&schedule.trace[from..])
                .for_each(|it| println!("{it}"));
            panic!("seed {seed}: PITBOSS_SCHEDULE={seed} runs it alone");
        }
        released += schedule.handed_out;
        fair += usize::from(schedule.model.fairness > 0);
    }
    println!(
        "{} schedules, {released} requests waited, {fair} with fairness",
        seeds.end - seeds.start
    );
}
