//! One function from request to answer, and the admission of requests.

use bytes::Bytes;
use http::{Request, Response};

use crate::call::Call;
use crate::casino::Casino;
use crate::faults::Slot;
use crate::reply::Refusal;
use crate::routes;
use crate::time::Time;

impl Casino {
    /// Handles one request at the given time. A request that is refused gets a status of 4xx and
    /// `{"error": {"code", "message"}}`.
    ///
    /// Faults of the transport are in the response's extensions as [`Transport`](crate::Transport).
    pub fn handle(&mut self, now: Time, request: &Request<Bytes>) -> Response<Bytes> {
        let (method, path) = (request.method(), request.uri().path());
        let own = path.starts_with("/_");
        let strike = if own { None } else { self.faults.strike(method, path) };
        let (label, answer) = match routes::find(method, path) {
            Ok(found) => {
                let call = Call::new(now, request, found.params);
                let answer = match strike.as_ref().filter(|strike| strike.prevents()) {
                    Some(strike) => Err(strike.refusal()),
                    None => (found.route.run)(self, &call),
                };
                (found.route.label(), answer)
            }
            Err(refusal) => ("unmatched".to_owned(), Err(refusal)),
        };
        let response = answer.unwrap_or_else(Refusal::into_response);
        let response = match strike {
            Some(strike) => strike.bend(response),
            None => response,
        };
        if !own {
            self.tally.count(&label, response.status());
        }
        response
    }

    /// Admits a request under the `concurrency` of the fault rules. A server that handles several
    /// requests at once calls this before [`Casino::handle`] and [`Casino::leave`] afterwards.
    ///
    /// # Errors
    /// The answer, 503 `at_capacity`, when too many are inside.
    pub fn enter(&mut self, request: &Request<Bytes>) -> Result<Slot, Box<Response<Bytes>>> {
        let (method, path) = (request.method(), request.uri().path());
        self.faults.enter(method, path).map_err(|refusal| {
            let found = routes::find(method, path);
            let label = found.map_or_else(|_| "unmatched".to_owned(), |found| found.route.label());
            self.tally.count(&label, refusal.status);
            Box::new(refusal.into_response())
        })
    }

    /// Releases a slot of [`Casino::enter`].
    pub fn leave(&mut self, slot: &Slot) {
        self.faults.leave(slot);
    }
}
