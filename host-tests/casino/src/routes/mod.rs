//! The route table.

mod account;
mod admin;
mod betting;
mod content;
mod games;
mod identity;
mod location;
mod payments;
mod safer;
mod session;
mod settlement;

use http::{Method, StatusCode};

use crate::call::Call;
use crate::casino::Casino;
use crate::reply::{Answer, Refusal};
use crate::wallet;

/// One row of the table.
pub(crate) struct Route {
    method: Method,
    template: &'static str,
    class: &'static str,
    pub(crate) run: fn(&mut Casino, &Call<'_>) -> Answer,
}

impl Route {
    /// `METHOD template`, the name under which the route is counted.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// A route, for documentation and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    /// The HTTP method.
    pub method: Method,
    /// The path; `{name}` stands for one segment, `{*name}` for the rest.
    pub template: &'static str,
    /// The endpoint class at a gateway; `identity` for services that only gateways call, `admin` for the
    /// casino's test routes.
    pub class: &'static str,
}

/// Every route, in the order in which they are tried.
pub fn route_table() -> impl Iterator<Item = RouteInfo> {
    ROUTES.iter().map(|route| RouteInfo {
        method: route.method.clone(),
        template: route.template,
        class: route.class,
    })
}

/// A route and the values of its parameters.
pub(crate) struct Found<'p> {
    pub(crate) route: &'static Route,
    pub(crate) params: Vec<&'p str>,
}

/// Finds the route of a path. Paths are taken as they stand: no decoding, no normalising.
pub(crate) fn find<'p>(method: &Method, path: &'p str) -> Result<Found<'p>, Refusal> {
    let mut other_method = false;
    for route in ROUTES {
        if let Some(params) = matches(route.template, path) {
            if route.method == *method {
                return Ok(Found { route, params });
            }
            other_method = true;
        }
    }
    if other_method {
        let (status, code) = (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        return Err(Refusal::new(status, code, "this path knows other methods"));
    }
    Err(Refusal::not_found("route_unknown", "no route has this path"))
}

fn matches<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut params = Vec::new();
    let mut rest = path.strip_prefix('/')?;
    let mut segments = template.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.starts_with("{*") {
            params.push(rest);
            return (!rest.is_empty()).then_some(params);
        }
        let (head, tail) = match rest.split_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (rest, None),
        };
        if segment.starts_with('{') {
            if head.is_empty() {
                return None;
            }
            params.push(head);
        } else if segment != head {
            return None;
        }
        match (tail, segments.peek()) {
            (None, None) => return Some(params),
            (Some(tail), Some(_)) => rest = tail,
            _ => return None,
        }
    }
    None
}

macro_rules! routes {
    ($($method:ident $template:literal $class:literal $run:path;)*) => {
        &[$(Route { method: Method::$method, template: $template, class: $class, run: $run }),*]
    };
}

static ROUTES: &[Route] = routes! {
    POST "/api/session/login" "session" session::login;
    POST "/api/session/refresh" "session" session::refresh;
    POST "/api/session/logout" "session" session::logout;
    GET "/api/lobby" "content" content::lobby;
    GET "/api/promotions" "content" content::promotions;
    GET "/static/{*file}" "content" content::file;
    GET "/api/odds/{event}" "odds" betting::odds;
    GET "/api/account/balance" "account" account::balance;
    GET "/api/history" "history" account::history;
    POST "/api/slips/validate" "account" betting::validate;
    POST "/api/bets" "wager" betting::place;
    GET "/api/bets/{bet}" "history" betting::show;
    POST "/api/bets/{bet}/cashout" "cashout" betting::cash_out;
    POST "/api/games/{game}/launch" "launch" games::launch;
    POST "/api/games/{game}/spin" "wager" games::spin;
    POST "/api/games/{game}/rounds" "wager" games::open;
    POST "/api/rounds/{round}/hit" "round" games::hit;
    POST "/api/rounds/{round}/free-spin" "round" games::free_spin;
    POST "/api/rounds/{round}/close" "round" games::close;
    POST "/api/deposits" "deposit" payments::deposit;
    POST "/api/withdrawals" "withdrawal" payments::withdraw;
    GET "/api/safer-gambling/limits" "safer-gambling" safer::limits;
    PUT "/api/safer-gambling/limits" "safer-gambling" safer::set_limits;
    POST "/api/safer-gambling/limits" "safer-gambling" safer::set_limits;
    POST "/api/safer-gambling/self-exclusion" "safer-gambling" safer::exclude;
    POST "/api/safer-gambling/location-check" "safer-gambling" location::check;
    POST "/psp/callback" "settlement" payments::callback;
    POST "/wallet/win" "settlement" settlement::win;
    POST "/wallet/hub/user/info" "settlement" wallet::hub_info;
    POST "/wallet/hub/user/balance" "settlement" wallet::hub_balance;
    POST "/wallet/hub/transaction/bet" "settlement" wallet::hub_bet;
    POST "/wallet/hub/transaction/win" "settlement" wallet::hub_win;
    POST "/wallet/hub/transaction/rollback" "settlement" wallet::hub_rollback;
    POST "/wallet/bee/balance" "settlement" wallet::bee_balance;
    POST "/wallet/bee/betwin" "settlement" wallet::betwin;
    POST "/wallet/bee/rollback" "settlement" wallet::bee_rollback;
    POST "/wallet/bee/finish" "settlement" wallet::finish;
    POST "/wallet/one" "settlement" wallet::one_single;
    GET "/.well-known/jwks.json" "identity" identity::jwks;
    GET "/.well-known/location-jwks.json" "identity" identity::location_jwks;
    GET "/players/{sub}/status" "identity" identity::status;
    GET "/revocations" "identity" identity::revocations;
    POST "/oauth/introspect" "identity" identity::introspect;
    GET "/_ledger" "admin" admin::ledger;
    POST "/_reset" "admin" admin::reset;
    GET "/_faults" "admin" admin::faults;
    POST "/_faults" "admin" admin::set_faults;
    POST "/_settings" "admin" admin::set_settings;
    POST "/_players/{sub}" "admin" admin::set_player;
    POST "/_keys/rotate" "admin" admin::rotate;
    GET "/_partners" "admin" admin::partners;
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_paths() {
        let none: Option<Vec<&str>> = None;
        for (template, path, want) in [
            ("/api/lobby", "/api/lobby", Some(vec![])),
            ("/api/lobby", "/api/lobby/", none.clone()),
            ("/api/lobby", "//api/lobby", none.clone()),
            ("/api/lobby", "/api", none.clone()),
            ("/api/lobby", "*", none.clone()),
            ("/api/odds/{event}", "/api/odds/ev-1", Some(vec!["ev-1"])),
            ("/api/odds/{event}", "/api/odds/", none.clone()),
            ("/api/odds/{event}", "/api/odds/a/b", none.clone()),
            ("/a/{b}/c/{d}", "/a/1/c/2", Some(vec!["1", "2"])),
            ("/static/{*file}", "/static/css/x.css", Some(vec!["css/x.css"])),
            ("/static/{*file}", "/static/", none.clone()),
            ("/static/{*file}", "/static", none),
        ] {
            assert_eq!(matches(template, path), want, "{template} {path}");
        }
    }

    #[test]
    fn unknown_methods_and_paths_have_different_codes() {
        for (method, path, want) in [
            (Method::DELETE, "/api/bets", "method_not_allowed"),
            (Method::GET, "/api/unknown", "route_unknown"),
            (Method::GET, "", "route_unknown"),
        ] {
            let got = find(&method, path).map(|found| found.route.label());
            assert_eq!(got.map_err(|r| r.code), Err(want), "{method} {path}");
        }
    }
}
