//! The limit of a group: fixed or adaptive.

use crate::limit::adaptive::Adaptive;
use crate::limit::config::LimitRules;
use crate::limit::measure::Answer;

/// How many requests may be in flight now.
#[derive(Debug)]
pub enum Limit {
    /// So many, always.
    Fixed(u32),
    /// As many as the upstream takes.
    Adaptive(Box<Adaptive>),
}

impl Limit {
    /// The limit at the start.
    pub fn new(rules: &LimitRules) -> Self {
        match rules {
            LimitRules::Fixed(limit) => Self::Fixed(*limit),
            LimitRules::Adaptive(rules) => Self::Adaptive(Box::new(Adaptive::new(*rules))),
        }
    }

    /// How many may be in flight.
    pub fn current(&self) -> u32 {
        match self {
            Self::Fixed(limit) => *limit,
            Self::Adaptive(adaptive) => adaptive.current(),
        }
    }

    /// A permit was taken at `time`, and so many are now.
    pub fn used(&mut self, in_flight: u32, time: u64) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.used(in_flight, time);
        }
    }

    /// The upstream answered, and not with an error of its own.
    pub fn answered(&mut self, answer: Answer) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.answered(answer);
        }
    }

    /// The upstream did not answer, or that it is overloaded.
    pub fn failed(&mut self) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.failed();
        }
    }

    /// Time goes on: `now` is the host's clock, `time` the group's timeline.
    pub fn advance(&mut self, now: u64, time: u64, in_flight: u32) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.advance(now, time, in_flight);
        }
    }
}
