//! When each request leaves.
use super::class::Class;
use super::plan::Plan;
use abi_host::Rng;
use std::time::Duration;

/// One request of the surge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// When it leaves, from the start of the surge.
    pub at: Duration,
    /// What it asks for.
    pub class: Class,
}

/// The arrivals of a plan, in the order of time: a Poisson process, given the number of requests in all
/// and of each class. The same for the same seed, rate and length.
pub fn arrivals(plan: &Plan) -> Vec<Arrival> {
    let total = plan.requests();
    let mut random = Rng::seeded(plan.seed);
    let length = u64::try_from(plan.length().as_nanos()).unwrap_or(u64::MAX).max(1);
    let mut times: Vec<u64> = (0..total).map(|_| random.random() % length).collect();
    times.sort_unstable();
    let mut classes = Vec::with_capacity(total);
    for class in Class::ALL {
        classes.extend(std::iter::repeat_n(class, total * class.percent() / 100));
    }
    // What rounding left out.
    classes.resize(total, Class::Content);
    for last in (1..total).rev() {
        classes.swap(last, random.below(last + 1));
    }
    let at = times.into_iter().map(Duration::from_nanos);
    at.zip(classes).map(|(at, class)| Arrival { at, class }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_follow_from_the_seed() {
        let plan = Plan::default();
        let one = arrivals(&plan);
        assert_eq!(one, arrivals(&plan));
        assert_ne!(one, arrivals(&Plan { seed: plan.seed + 1, ..plan.clone() }));
        assert_eq!(one.len(), 9600);
        assert!(one.is_sorted_by_key(|it| it.at) && one[9599].at < plan.length());
        for (class, count) in [
            (Class::Content, 5280),
            (Class::Odds, 2400),
            (Class::Wager, 960),
            (Class::Cashout, 480),
            (Class::Settlement, 480),
        ] {
            assert_eq!(one.iter().filter(|it| it.class == class).count(), count, "{class:?}");
        }
    }

    /// Gaps of a Poisson process: the standard deviation is as long as the mean.
    #[test]
    fn arrivals_come_in_bursts() {
        let all = arrivals(&Plan::default());
        let gaps: Vec<f64> = all.windows(2).map(|it| (it[1].at - it[0].at).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let ratio = variance.sqrt() / mean;
        assert!((0.9..1.1).contains(&ratio), "{ratio}");
    }

    #[test]
    fn small_surges_round_in_favour_of_content() {
        let plan = Plan { rate: 7, seconds: 1, ..Plan::default() };
        let content = arrivals(&plan).iter().filter(|it| it.class == Class::Content).count();
        assert_eq!((arrivals(&plan).len(), content), (7, 6));
    }
}
