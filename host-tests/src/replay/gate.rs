//! A gate that delays the upstream's answer to one request.
use crate::traffic::REPLAY_HEADER;
use bytes::Bytes;
use tokio::sync::watch;

/// Delays the upstream's answer to one request.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(watch::Sender<State>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The request whose answer is delayed, until it is released.
    held: Option<usize>,
    /// The upstream has it.
    arrived: bool,
}

impl Gate {
    /// Closes it for the request of this number.
    pub(super) fn hold(&self, number: usize) {
        self.0.send_replace(State { held: Some(number), arrived: false });
    }

    /// Opens it.
    pub(super) fn release(&self) {
        self.0.send_replace(State::default());
    }

    /// Waits until the upstream has processed the request.
    pub(super) async fn arrived(&self) {
        // An error would mean that the gate was dropped, but `self` exists.
        let _ = self.0.subscribe().wait_for(|state| state.arrived).await;
    }

    /// Waits in the upstream while this request's answer is delayed.
    pub(super) fn pass(&self, request: &http::Request<Bytes>) {
        let number = request.headers().get(REPLAY_HEADER).and_then(|it| it.to_str().ok());
        let number = number.and_then(|it| it.parse().ok());
        if number.is_none() || self.0.borrow().held != number {
            return;
        }
        self.0.send_modify(|state| state.arrived = true);
        let mut changes = self.0.subscribe();
        tokio::task::block_in_place(|| {
            let open = changes.wait_for(|state| state.held.is_none());
            let _ = tokio::runtime::Handle::current().block_on(open);
        });
    }
}
