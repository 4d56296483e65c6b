//! Requests and statuses of each route.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

/// Counts of one route.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RouteCount {
    pub(crate) requests: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
}

/// Requests per route since the start or the last reset. The casino's own `/_..` routes do not
/// count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    routes: BTreeMap<String, RouteCount>,
}

impl Tally {
    pub(crate) fn count(&mut self, route: &str, status: StatusCode) {
        let entry = match self.routes.get_mut(route) {
            Some(entry) => entry,
            None => self.routes.entry(route.to_owned()).or_default(),
        };
        entry.requests += 1;
        *entry.statuses.entry(status.as_u16()).or_default() += 1;
    }

    /// Requests per route.
    pub(crate) fn requests(&self) -> BTreeMap<&str, u64> {
        self.routes.iter().map(|(route, count)| (route.as_str(), count.requests)).collect()
    }

    /// Answers per route and status.
    pub(crate) fn statuses(&self) -> BTreeMap<&str, &BTreeMap<u16, u64>> {
        self.routes.iter().map(|(route, count)| (route.as_str(), &count.statuses)).collect()
    }
}
