//! One request's filter: what it knows and holds.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use policy_kit::{Content, Denial, Fault, Headers};

use crate::abuse::attempt::LoginTicket;
use crate::abuse::deposit::DepositTicket;
use crate::filter::hold::Hold;
use crate::market::permit::MarketPermit;
use crate::policy::case::Case;
use crate::policy::compile::Policy;
use crate::rate::charged::Receipt;
use crate::worker::state::Worker;

/// The state is not what the gateway's callback says. No gateway is known to do that.
pub(super) const INCONSISTENT: Fault = Fault { call: "bet-priority", status: None };

/// A login or deposit whose end counts.
#[derive(Debug)]
pub(super) enum Attempt {
    Login(LoginTicket),
    Deposit(DepositTicket),
}

/// One request's filter.
#[derive(Debug)]
pub struct PriorityFilter {
    pub(super) policy: Rc<Policy>,
    pub(super) worker: Rc<RefCell<Worker>>,
    pub(super) case: Case,
    /// The request's headers, until it goes on.
    pub(super) headers: Option<Rc<Headers>>,
    /// The body, while a lease of tokens is asked for.
    pub(super) body: Option<Vec<u8>>,
    /// The place of the request in the queue, or its permit.
    pub(super) hold: Hold,
    /// Frees the places of its markets when it is dropped.
    pub(super) market: Option<MarketPermit>,
    /// The login or deposit whose end counts.
    pub(super) attempt: Option<Attempt>,
    /// What was charged, to be given back if the request is shed.
    pub(super) receipt: Receipt,
    /// The call for tokens that it waits for, and how many it has waited for.
    pub(super) lease: (String, u8),
    /// The first refusal that was only watched, and its rule.
    pub(super) shadowed: Option<(Denial, String)>,
    /// Whether it went on to the upstream, or to the filters before it.
    pub(super) went_on: bool,
    /// What the response says about limits.
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Drop for PriorityFilter {
    /// A stream can end without its log callback. Its permit is free again all the same.
    fn drop(&mut self) {
        self.forget();
    }
}

impl PriorityFilter {
    /// The filter of a new request.
    pub fn new(policy: Rc<Policy>, worker: Rc<RefCell<Worker>>) -> Self {
        Self {
            policy,
            worker,
            case: Case::default(),
            headers: None,
            body: None,
            hold: Hold::Nothing,
            market: None,
            attempt: None,
            receipt: Receipt::default(),
            lease: (String::new(), 0),
            shadowed: None,
            went_on: false,
            fields: Vec::new(),
        }
    }

    pub(super) fn content<'b>(&self, body: &'b [u8]) -> Content<'b> {
        Content::selecting(body, self.case.body_format)
    }

    /// The state of the worker. It is free between callbacks.
    pub(super) fn worker(&self) -> Result<RefMut<'_, Worker>, Fault> {
        self.worker.try_borrow_mut().map_err(|_| INCONSISTENT)
    }
}
