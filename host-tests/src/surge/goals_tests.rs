use super::*;
use crate::surge::variants::CONFIGURED_VARIED;
use std::collections::BTreeMap;

fn class(class: Class, answered: usize, p99: f64) -> ClassFigures {
    ClassFigures {
        class,
        sent: 100,
        answered,
        refused: BTreeMap::new(),
        gave_up: 100 - answered,
        gave_up_at: Vec::new(),
        broken: 0,
        p50_ms: Some(p99 / 2.0),
        p99_ms: (answered > 0).then_some(p99),
    }
}

fn figures(key: &'static str, p99: f64, content: usize, odds: usize) -> Figures {
    let mut classes = vec![class(Class::Content, content, 600.0), class(Class::Odds, odds, 300.0)];
    classes.extend(Class::MONEY.map(|it| class(it, 100, p99)));
    Figures {
        key,
        name: key,
        classes,
        goodput: 158.0,
        busy: 1.0,
        waiting: 0.0,
        wasted: 0,
        late_p99_ms: 1.0,
        content_wait_ms: Some(700),
        phases: Plan::default().phases(key.ends_with("varied")),
        moments: Vec::new(),
    }
}

/// One moment a second; the casino's own queue is `waiting` long until half a phase has passed.
fn moments(figures: &mut Figures, busy: f64, waiting: f64) {
    for second in 1..=20_u32 {
        let at = f64::from(second);
        let phase = figures.phases.iter().rev().find(|it| it.from < at).unwrap();
        let permits = phase.permits as f64;
        let moment = Moment { at, permits, busy: busy * permits, waiting, limit: Some(9) };
        figures.moments.push(moment);
    }
}

fn missed(all: &[Figures]) -> Vec<String> {
    let goals = goals(&Plan::default(), all);
    goals.into_iter().filter(|it| !it.met).map(|it| it.promise).collect()
}

#[test]
fn each_goal_can_be_missed() {
    let good = || {
        let mut ours = figures(OURS, 100.0, 10, 50);
        moments(&mut ours, 0.99, 1.0);
        ours
    };
    type Change = fn(&mut Figures);
    let cases: [(Change, &str); 10] = [
        (|it| it.goodput = 155.0, ""),
        (|it| it.goodput = 154.0, "goodput at least"),
        (|it| it.classes[2].answered = 99, "every wager"),
        (|it| it.classes[3].p99_ms = Some(121.0), "p99 of cash-out"),
        (|it| it.classes[4].p99_ms = None, "p99 of settlement"),
        (|it| it.classes[1].answered = 19, "the answered share of odds"),
        (|it| it.classes[0].p99_ms = Some(700.0), "p99 of content"),
        (|it| it.content_wait_ms = None, "p99 of content"),
        (|it| it.moments.iter_mut().for_each(|it| it.busy = 7.5), "finds 8"),
        (|it| it.moments.iter_mut().for_each(|it| it.waiting = 4.1), "finds 8"),
    ];
    for (change, promise) in cases {
        let mut ours = good();
        change(&mut ours);
        let missed = missed(&[figures(CONFIGURED, 200.0, 16, 16), ours]);
        match promise {
            "" => assert_eq!(missed, Vec::<String>::new()),
            _ => assert!(missed.len() == 1 && missed[0].starts_with(promise), "{missed:?}"),
        }
    }
}

/// Only the second half of a phase counts: a limit may take a while.
#[test]
fn permits_are_to_be_found_in_every_phase() {
    let mut ours = figures(OURS_VARIED, 100.0, 10, 50);
    moments(&mut ours, 0.97, 0.0);
    ours.moments.iter_mut().filter(|it| it.at <= 10.0).for_each(|it| it.waiting = 30.0);
    assert_eq!(missed(&[ours.clone()]), ["finds 8 permits"]);
    ours.moments.iter_mut().filter(|it| it.at > 18.0).for_each(|it| it.busy = 8.0);
    assert_eq!(missed(&[ours]), ["finds 8 permits", "finds 12 permits"]);
}

#[test]
fn configuration_alone_promises_nothing() {
    let all = [figures(CONFIGURED, 200.0, 16, 16), figures(CONFIGURED_VARIED, 200.0, 16, 16)];
    assert_eq!(goals(&Plan::default(), &all), []);
}
