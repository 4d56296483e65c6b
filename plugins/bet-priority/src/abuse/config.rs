//! The configuration's `abuse` as the operator writes it.

use policy_kit::{settings, words};

settings! {
    /// What counts as abuse, and what follows from it.
    #[derive(Debug)]
    pub struct AbuseConfig {
        /// Failed logins; not counted if absent.
        pub login: Option<LoginConfig> = None,
        /// Failed deposits; not counted if absent.
        pub deposits: Option<DepositConfig> = None,
        /// The score of a bot detection; every request costs the same if absent.
        pub bot: Option<BotConfig> = None,
    }
}

settings! {
    /// Failed logins (GLI-19 v3.0 2.5.3(d)).
    #[derive(Debug)]
    pub struct LoginConfig {
        /// The endpoints where a player logs in, 1 to 16. Never those of refresh and logout: what is locked there ends
        /// sessions that are in use.
        pub endpoints: Vec<LoginEndpointConfig>,
        /// Statuses by which the upstream says that the credentials are wrong, 400 to 499.
        pub statuses: Vec<u16> = login_statuses(),
        /// Failures of one account that lock it, 1 to 20.
        pub failures: u32 = login_failures(),
        /// The time within which they count, in seconds, 60 to 86400.
        pub within_s: u32 = half_an_hour(),
        /// How long the account is locked, in seconds, 60 to 86400.
        pub lock_s: u32 = half_an_hour(),
        /// The same for one client address or IPv6 /64; `null` for no such limit.
        pub address: Option<AddressConfig> = default_address(),
        /// Accounts, and addresses, that are counted at the same time, 1024 to 262144 of each.
        pub slots: u32 = default_slots(),
        /// The reply to a locked login: the casino's own reply to a wrong password.
        pub reply: ReplyConfig,
        /// How long a locked login waits for its reply until the upstream's own times are known, in milliseconds, 0 to
        /// 10000.
        pub delay_ms: u64 = default_delay(),
    }
}

settings! {
    /// An endpoint where a player logs in.
    #[derive(Debug)]
    pub struct LoginEndpointConfig {
        /// The path, prefix or template of an endpoint of class `session`, as `endpoints` has it.
        pub endpoint: String,
        /// JSON pointer to the account's name in the body; in a form `/name` is a field.
        pub account: String,
    }
}

settings! {
    /// Failed logins of one client address.
    #[derive(Debug)]
    pub struct AddressConfig {
        /// Failures that lock the address, 1 to 100; at least those of an account.
        pub failures: u32 = address_failures(),
        /// The time within which they count, in seconds, 60 to 86400.
        pub within_s: u32 = half_an_hour(),
        /// How long the address is locked, in seconds, 60 to 86400.
        pub lock_s: u32 = half_an_hour(),
    }
}

settings! {
    /// A reply that looks like the casino's own.
    #[derive(Debug)]
    pub struct ReplyConfig {
        /// One of the statuses of a failed login; the first of them if absent.
        pub status: Option<u16> = None,
        /// Headers in the order in which the casino sends them, those that the gateway adds or changes included. Envoy
        /// writes `content-length`, `date` and `server` last unless they are here: the first two as `{length}` and
        /// `{date}`.
        pub headers: Vec<HeaderConfig> = Vec::new(),
        /// The body. `{delay_ms}` and `{uuid}` are replaced, as in the values of headers.
        pub body: String = String::new(),
    }
}

settings! {
    /// A header of the reply.
    #[derive(Debug)]
    pub struct HeaderConfig {
        /// The name, in lower case.
        pub name: String,
        /// The value, visible ASCII. `{delay_ms}` is replaced by the time that the reply waited, `{uuid}` by a random
        /// UUID.
        pub value: String,
    }
}

settings! {
    /// Failed deposits (GLI-19 v3.0 A.3.6(b)).
    #[derive(Debug)]
    pub struct DepositConfig {
        /// Statuses by which the upstream says that a payment was declined, 400 to 499.
        pub statuses: Vec<u16> = deposit_statuses(),
        /// Consecutive failures of one player that block deposits, 1 to 20.
        pub failures: u32 = deposit_failures(),
        /// The time within which they count, in seconds, 60 to 86400.
        pub within_s: u32 = ten_minutes(),
        /// How long deposits are blocked, in seconds, 60 to 86400.
        pub block_s: u32 = half_an_hour(),
        /// How long they are blocked when as many more fail, in seconds, `block_s` to 2592000.
        pub suspend_s: u32 = a_day(),
        /// Players that are counted at the same time, 1024 to 262144.
        pub slots: u32 = default_slots(),
        /// What happens to a deposit while failures cannot be counted.
        pub on_error: OnError = OnError::default(),
    }
}

/// What happens to a request while what it depends on is unavailable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// It is refused, to be sent again.
    #[default]
    Refuse,
    /// It passes.
    Pass,
}

words! { OnError: "refuse" => Refuse, "pass" => Pass }

settings! {
    /// The score of a bot detection in front of the gateway.
    #[derive(Debug)]
    pub struct BotConfig {
        /// The header with the score, a number from 0 to 1000 with up to three decimals.
        pub header: String,
        /// Who sets the header and strips what clients send by that name.
        pub headers_stripped_by: String,
        /// Which scores are the worse ones.
        pub worse: Worse = Worse::default(),
        /// What requests cost from a score on, 1 to 16 entries, from mild to bad.
        pub factors: Vec<FactorConfig>,
    }
}

/// Which of two scores is the worse one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Worse {
    /// The higher one.
    #[default]
    Higher,
    /// The lower one.
    Lower,
}

words! { Worse: "higher" => Higher, "lower" => Lower }

settings! {
    /// What a request with a bad score costs.
    #[derive(Debug)]
    pub struct FactorConfig {
        /// The score from which on this counts, 0 to 1000.
        pub at: f64,
        /// How many requests it counts as, 2 to 1000.
        pub cost: u32,
    }
}

fn login_statuses() -> Vec<u16> {
    vec![401]
}

/// GLI-19 v3.0 2.5.3(d).
fn login_failures() -> u32 {
    3
}

fn address_failures() -> u32 {
    30
}

fn default_address() -> Option<AddressConfig> {
    let (within_s, lock_s) = (half_an_hour(), half_an_hour());
    Some(AddressConfig { failures: address_failures(), within_s, lock_s })
}

fn default_slots() -> u32 {
    16_384
}

fn default_delay() -> u64 {
    200
}

fn deposit_statuses() -> Vec<u16> {
    vec![402, 422]
}

/// GLI-19 v3.0 A.3.6(b).
fn deposit_failures() -> u32 {
    5
}

/// GLI-19 v3.0 A.3.6(b).
fn ten_minutes() -> u32 {
    600
}

fn half_an_hour() -> u32 {
    1_800
}

fn a_day() -> u32 {
    86_400
}
