//! The retry policy of a route.

/// When the router retries a request (Envoy's `retry_policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// `5xx`: any response of 500 and above, or no response.
    pub five_xx: bool,
    /// `gateway-error`: a response of 502, 503 or 504, or no response.
    pub gateway_error: bool,
    /// `reset`: no response.
    pub reset: bool,
    /// `connect-failure`: the connection was refused.
    pub connect_failure: bool,
    /// `num_retries`: most retries.
    pub num_retries: u64,
}

impl RetryPolicy {
    /// Parses `retry_on`, as in `connect-failure,reset`. `None` for an unknown condition.
    pub fn parse(retry_on: &str, num_retries: u64) -> Option<Self> {
        let mut policy = Self { num_retries, ..Self::default() };
        for condition in retry_on.split(',') {
            match condition.trim() {
                "5xx" => policy.five_xx = true,
                "gateway-error" => policy.gateway_error = true,
                "reset" => policy.reset = true,
                "connect-failure" => policy.connect_failure = true,
                _ => return None,
            }
        }
        Some(policy)
    }
}
