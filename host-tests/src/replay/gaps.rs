//! Time in which nobody asks for anything.
//!
//! 1. What is due before a request comes before it: ticks above all, of which there can be twenty a second
//!    and plugin, on each thread.
//! 2. A gap of more than [`LONGEST`] is lived through at its two ends alone, [`EDGE`] each. In the first
//!    what was under way comes to its end. Between them time jumps, as on a machine that sleeps: a timer
//!    that was due there fires once, and whatever it is late for, a key set that is out of date or a list to
//!    be asked for again, is done in the second, before the next request.
//! 3. So polls are fewer than they would have been, and those after the gap have another beat; what rests
//!    on the time itself is the same. The real Envoy's clock jumps over every gap, whatever its length.
use crate::traffic::Request;
use abi_host::{Chain, Clock, Upstream};
use std::time::Duration;

/// Longest gap that is lived through as a whole.
pub const LONGEST: Duration = Duration::from_secs(30 * 60);

/// What is lived through at either end of a longer one.
pub const EDGE: Duration = Duration::from_secs(15 * 60);

/// Lets time pass until this moment, in nanoseconds since the Unix epoch.
pub(super) fn pass(chain: &mut Chain, clock: &Clock, until: u64, upstream: &mut dyn Upstream) {
    let left = || Duration::from_nanos(until.saturating_sub(clock.now()));
    if left() > LONGEST {
        chain.run_for(EDGE, upstream);
        clock.advance(left().saturating_sub(EDGE));
    }
    chain.run_for(left(), upstream);
}

/// The gaps over which time jumps: the number of the request after each, and its length.
pub fn gaps(requests: &[Request]) -> Vec<(usize, Duration)> {
    let pairs = requests.iter().zip(requests.iter().skip(1));
    let gap = |(one, next): (&Request, &Request)| {
        let length = Duration::from_nanos(next.at.saturating_sub(one.at));
        (length > LONGEST).then_some((next.number, length))
    };
    pairs.filter_map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_by_the_request_after_them() {
        let at = |number: usize, at: u64| Request { number, at, ..Request::new("GET", "/") };
        let hour = 3_600_000_000_000;
        let requests = [at(4, 0), at(1, hour / 2), at(2, hour * 25), at(3, hour * 25 + 7)];
        assert_eq!(gaps(&requests), [(2, Duration::from_secs(3600 * 49 / 2))]);
        assert_eq!(gaps(&[]), []);
    }
}
