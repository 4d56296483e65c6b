//! Gaps between requests.
//!
//! 1. Events due before a request are handled before it, mainly ticks: up to twenty a second for each plugin
//!    and thread.
//! 2. Of a gap longer than [`LONGEST`] only the first and the last [`EDGE`] are simulated. In the first one
//!    pending work completes. Between them time jumps, as on a suspended machine: a timer due in the jump
//!    fires once, and overdue work (key sets, revocation lists) is done in the second one.
//! 3. So there are fewer polls, and later polls have another phase; decisions that depend on the time alone
//!    are the same. The real Envoy's clock jumps over every gap.
use crate::traffic::Request;
use abi_host::{Chain, Clock, Upstream};
use std::time::Duration;

/// Longest gap that is simulated completely.
pub const LONGEST: Duration = Duration::from_secs(30 * 60);

/// The simulated time at either end of a longer gap.
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
    fn gaps_have_the_number_of_the_next_request() {
        let at = |number: usize, at: u64| Request { number, at, ..Request::new("GET", "/") };
        let hour = 3_600_000_000_000;
        let requests = [at(4, 0), at(1, hour / 2), at(2, hour * 25), at(3, hour * 25 + 7)];
        assert_eq!(gaps(&requests), [(2, Duration::from_secs(3600 * 49 / 2))]);
        assert_eq!(gaps(&[]), []);
    }
}
