//! One attempt to log in: who makes it, whether it may go on, and what its end changed.

use std::net::IpAddr;

use crate::abuse::key::Key;
use crate::abuse::table::TableFault;

/// Who attempts a login.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginClient<'a> {
    /// The brand: the same name at another brand is another account. Empty where there is only one.
    pub brand: &'a str,
    /// The client's address; if it is unknown, only the account counts.
    pub address: Option<IpAddr>,
}

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedBy {
    /// The account.
    Account,
    /// The client's address.
    Address,
    /// As many attempts of the account are pending as may still fail.
    Pending,
    /// Other workers changed the count each time: many attempts at once, as an attacker makes them.
    Contended,
}

impl LockedBy {
    /// One word, for evidence and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Address => "address",
            Self::Pending => "pending",
            Self::Contended => "contended",
        }
    }
}

/// An attempt that was forwarded, to be ended by [`LoginRules::login_ended`](crate::abuse::login::LoginRules::login_ended).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginTicket {
    /// The position of the endpoint in `abuse.login.endpoints`, for its times.
    pub endpoint: usize,
    /// Why the account could not be read: then it is counted for the client.
    pub unreadable: Option<&'static str>,
    pub(crate) account: Key,
    pub(crate) address: Option<Key>,
    /// When the attempt began, if it was counted.
    pub(crate) began: Option<u32>,
}

/// Whether a login may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginCheck {
    /// It is no login.
    NotALogin,
    /// Only the body tells, or only the body names the account.
    NeedsBody,
    /// It may.
    Allowed(LoginTicket),
    /// It may not: send [`LoginRules::reply`](crate::abuse::login::LoginRules::reply) after a wait.
    Locked {
        /// The end of the lock, in seconds since the epoch; `None` where it lasts for moments only.
        until: Option<u32>,
        /// What is locked.
        by: LockedBy,
        /// The position of the endpoint in `abuse.login.endpoints`, for its times.
        endpoint: usize,
    },
    /// The gateway could not look it up or count it. The upstream still checks the password, so the login goes on, and
    /// its ticket counts what it can.
    Fault(TableFault, LoginTicket),
}

/// What the end of an attempt changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginEnded {
    /// The account is locked now.
    pub account_locked: bool,
    /// The client's address is locked now.
    pub address_locked: bool,
}
