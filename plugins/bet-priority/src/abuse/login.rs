//! Failed logins: counted per account and per client address, until either is locked.
//!
//! An attempt takes one of the failures that an account has left from the moment it is forwarded, so that guesses
//! sent at once are not more than guesses sent one by one. While an account is locked, attempts are not counted and
//! do not make the lock longer. Only logins are ever refused: a session that is in use is not touched.

use std::net::IpAddr;

use policy_kit::{
    invalid, is_pointer, member_within, ConfigError, Content, EndpointClass, Endpoints,
};
use policy_kit::{Host, Match};

use crate::abuse::account::Account;
use crate::abuse::attempt::{LockedBy, LoginCheck, LoginClient, LoginEnded, LoginTicket};
use crate::abuse::config::{AddressConfig, LoginConfig, LoginEndpointConfig};
use crate::abuse::key::Keying;
use crate::abuse::record::{Event, Terms, Verdict};
use crate::abuse::reply::LockedReply;
use crate::abuse::statuses::{self, Ending};
use crate::abuse::table::{Table, TableFault};

const AT: &str = "abuse.login";

/// The compiled `abuse.login`.
#[derive(Debug)]
pub struct LoginRules {
    /// Endpoint and pointer to the account.
    endpoints: Vec<(String, String)>,
    statuses: Vec<u16>,
    accounts: Table,
    addresses: Option<Table>,
    keying: Keying,
    /// The reply to a locked login.
    pub reply: LockedReply,
    /// The wait for it until the upstream's own times are known, in milliseconds.
    pub delay_ms: u64,
}

impl LoginRules {
    /// Compiles the configuration's `abuse.login`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: LoginConfig,
        endpoints: &Endpoints,
        keying: Keying,
    ) -> Result<Self, ConfigError> {
        statuses::check(&raw.statuses, &format!("{AT}.statuses"))?;
        let own = (raw.failures, raw.within_s, raw.lock_s);
        let terms = terms(AT, own, (1, 20))?;
        let field = |name: &str| format!("{AT}.{name}");
        member_within(raw.slots.into(), (1_024, 262_144), AT, "slots")?;
        member_within(raw.delay_ms, (0, 10_000), AT, "delay_ms")?;
        let named = named(raw.endpoints, endpoints)?;
        let parts: Vec<&str> = named.iter().flat_map(|(name, at)| [&**name, &**at]).collect();
        let addresses = match raw.address {
            None => None,
            Some(AddressConfig { failures, within_s, lock_s }) => {
                let at = field("address");
                let terms = self::terms(&at, (failures, within_s, lock_s), (1, 100))?;
                if failures < raw.failures {
                    let problem = "expected at least those of an account: others share an address";
                    return Err(invalid(format!("{at}.failures"), problem));
                }
                Some(Table::new("addresses", raw.slots, terms, &parts))
            }
        };
        Ok(Self {
            accounts: Table::new("accounts", raw.slots, terms, &parts),
            addresses,
            keying,
            reply: LockedReply::compile(raw.reply, &raw.statuses, &field("reply"))?,
            delay_ms: raw.delay_ms,
            statuses: raw.statuses,
            endpoints: named,
        })
    }

    /// Number of endpoints, for their times.
    pub fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether a request may be a login, by its endpoint.
    pub fn is_login(&self, endpoint: &Match<'_>) -> bool {
        self.endpoints.iter().any(|(name, _)| name == endpoint.endpoint)
    }

    /// Whether a status says that the credentials are wrong.
    pub fn is_failure(&self, status: u16) -> bool {
        self.statuses.contains(&status)
    }

    /// Checks a request at `now`, in nanoseconds since the epoch. An empty `body` stands for one that is too long
    /// or cannot be read.
    pub fn login(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        body: Option<&Content<'_>>,
        client: LoginClient<'_>,
        now: u64,
    ) -> LoginCheck {
        let named = self.endpoints.iter().enumerate();
        let found = named.into_iter().find(|(_, (name, _))| name == endpoint.endpoint);
        let Some((at, (_, pointer))) = found else { return LoginCheck::NotALogin };
        if !endpoint.candidates().any(|class| class == EndpointClass::Session) {
            return LoginCheck::NotALogin;
        }
        let Some(body) = body.filter(|_| !endpoint.needs_body()) else {
            return LoginCheck::NeedsBody;
        };
        let mut ticket = self.ticket(at, &Account::of(body, pointer), client);
        let looked = match (&self.addresses, &ticket.address) {
            (Some(table), Some(key)) => table.apply(host, key, Event::Look, now).map(Some),
            _ => Ok(None),
        };
        let locked = |until: Option<u32>, by| LoginCheck::Locked { until, by, endpoint: at };
        if let Ok(Some(Verdict::Locked { until, .. })) = looked {
            return locked(Some(until), LockedBy::Address);
        }
        let begun = self.accounts.apply(host, &ticket.account, Event::Begin, now);
        match (begun, looked) {
            (Ok(Verdict::Locked { until, .. }), _) => locked(Some(until), LockedBy::Account),
            (Ok(Verdict::Crowded), _) => locked(None, LockedBy::Pending),
            (Ok(Verdict::Open(began)), looked) => {
                ticket.began = Some(began);
                match looked {
                    Ok(_) => LoginCheck::Allowed(ticket),
                    Err(fault) => LoginCheck::Fault(fault, ticket),
                }
            }
            // An attacker can bring this about: it must not be worth more guesses.
            (Err(TableFault::Contended), _) => locked(None, LockedBy::Contended),
            (Err(fault), _) => LoginCheck::Fault(fault, ticket),
        }
    }

    /// Ends an attempt at `now`: by the status of the upstream's own response, or by `None` where there was none.
    /// Call it once for each ticket.
    ///
    /// # Errors
    /// Something of it was not counted.
    pub fn login_ended(
        &self,
        host: &mut dyn Host,
        ticket: &LoginTicket,
        status: Option<u16>,
        now: u64,
    ) -> Result<LoginEnded, TableFault> {
        let event = match (Ending::of(status, &self.statuses), ticket.began) {
            (Ending::Failed, began) => Event::Fail(began),
            (Ending::Succeeded, _) => Event::Succeed,
            (Ending::Undecided, Some(began)) => Event::Withdraw(began),
            (Ending::Undecided, None) => return Ok(LoginEnded::default()),
        };
        let is_locked = |verdict| matches!(verdict, Verdict::Locked { .. });
        let account = self.accounts.apply(host, &ticket.account, event, now);
        let address = match (&self.addresses, &ticket.address, event) {
            (Some(table), Some(key), Event::Fail(_)) => {
                table.apply(host, key, Event::Fail(None), now).map(is_locked)
            }
            _ => Ok(false),
        };
        let failed = matches!(event, Event::Fail(_));
        Ok(LoginEnded {
            account_locked: account.map(is_locked)? && failed,
            address_locked: address?,
        })
    }

    fn ticket(&self, endpoint: usize, account: &Account, client: LoginClient<'_>) -> LoginTicket {
        let network = client.address.map(network);
        let network = network.as_deref();
        let brand = client.brand.as_bytes();
        let (account, unreadable) = match account {
            Account::Named(name) => (self.keying.key("account", &[brand, name.as_bytes()]), None),
            // Counted for the client: whoever hides the name gets no more guesses than with one, and takes
            // nobody else's.
            Account::Unreadable(why) => {
                let parts = [brand, network.unwrap_or_default()];
                (self.keying.key("no account", &parts), Some(*why))
            }
        };
        let address = network.map(|network| self.keying.key("address", &[network]));
        LoginTicket { endpoint, unreadable, account, address, began: None }
    }
}

/// The client as it is counted: an IPv4 address, or an IPv6 /64, of which a customer has at least one.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().iter().take(8).copied().collect(),
    }
}

fn terms(
    at: &str,
    (failures, within_s, lock_s): (u32, u32, u32),
    bounds: (u64, u64),
) -> Result<Terms, ConfigError> {
    member_within(failures.into(), bounds, at, "failures")?;
    member_within(within_s.into(), (60, 86_400), at, "within_s")?;
    member_within(lock_s.into(), (60, 86_400), at, "lock_s")?;
    let failures = usize::try_from(failures).unwrap_or(usize::MAX);
    Ok(Terms { failures, within: within_s, lock: lock_s, again: lock_s, memory: 0 })
}

/// Checks the endpoints where players log in.
fn named(
    raw: Vec<LoginEndpointConfig>,
    endpoints: &Endpoints,
) -> Result<Vec<(String, String)>, ConfigError> {
    let at = |i: usize, name: &str| format!("{AT}.endpoints[{i}]{name}");
    if raw.is_empty() || raw.len() > 16 {
        return Err(invalid(format!("{AT}.endpoints"), "expected 1 to 16 endpoints"));
    }
    let mut named: Vec<(String, String)> = Vec::with_capacity(raw.len());
    for (i, LoginEndpointConfig { endpoint, account }) in raw.into_iter().enumerate() {
        let mut written = endpoints.written(EndpointClass::Session);
        let written = written.by_ref().filter(|(name, _)| *name == endpoint);
        match written.map(|(_, is_session)| is_session).reduce(|one, other| one || other) {
            None => return Err(invalid(at(i, ".endpoint"), "is not one of `endpoints`")),
            Some(false) => {
                let problem = "is never of class `session`: no login can match";
                return Err(invalid(at(i, ".endpoint"), problem));
            }
            Some(true) => {}
        }
        if named.iter().any(|(name, _)| *name == endpoint) {
            return Err(invalid(at(i, ".endpoint"), "is given twice"));
        }
        if !is_pointer(&account) {
            let problem = "expected a JSON pointer, such as `/username`";
            return Err(invalid(at(i, ".account"), problem));
        }
        named.push((endpoint, account));
    }
    Ok(named)
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
