//! The demo casino as the upstream of a replay, in recorded time.
use bytes::Bytes;
use casino::{Broken, Casino, Settings, SetupError, Time};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A casino and its clock. Clones share both.
#[derive(Clone)]
pub struct DemoCasino {
    casino: Arc<Mutex<Casino>>,
    millis: Arc<AtomicI64>,
}

impl DemoCasino {
    /// A fresh casino.
    pub fn open() -> Result<Self, SetupError> {
        let casino = Casino::new(Settings::default())?;
        Ok(Self { casino: Arc::new(Mutex::new(casino)), millis: Arc::default() })
    }

    /// Sets its clock, in nanoseconds since the Unix epoch.
    pub fn set_time(&self, nanoseconds: u64) {
        let millis = i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    /// The broken invariants of its books; empty when all hold.
    pub fn broken(&self) -> Vec<Broken> {
        self.casino.lock().unwrap_or_else(PoisonError::into_inner).ledger().check()
    }

    /// Operations that took effect more than once, and how often.
    pub fn double_effects(&self) -> BTreeMap<String, u64> {
        self.casino.lock().unwrap_or_else(PoisonError::into_inner).ledger().double_effects()
    }

    /// Answers one request.
    pub fn answer(&self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        let now = Time::from_millis(self.millis.load(Ordering::Relaxed));
        self.casino.lock().unwrap_or_else(PoisonError::into_inner).handle(now, request)
    }
}
