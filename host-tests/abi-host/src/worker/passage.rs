//! Passes headers, body and trailers from filter to filter.
//!
//! Requests pass from the first filter to the last, responses from the last to the first (on WasmX from the
//! first to the last too). A *step* counts in the order of passage, a *position* in the order of the chain.

use crate::plugin::Profile;
use crate::report::stream_id::StreamId;
use crate::slot::{Direction, Hold, Side};
use crate::worker::stage::{DataStatus, Stage};
use crate::worker::Worker;

impl Worker {
    /// The position of a step.
    pub(crate) fn position_at(&self, direction: Direction, step: usize) -> usize {
        match direction {
            Direction::Request => step,
            Direction::Response if self.host.shared.profile == Profile::Wasmx => step,
            Direction::Response => self.filters.len().saturating_sub(1).saturating_sub(step),
        }
    }

    pub(crate) fn side(
        &mut self,
        id: StreamId,
        direction: Direction,
        position: usize,
    ) -> Option<&mut Side> {
        Some(self.host.streams.get_mut(&id)?.slots.get_mut(position)?.side(direction))
    }

    pub(crate) fn pass_headers(
        &mut self,
        id: StreamId,
        direction: Direction,
        from: usize,
        end: bool,
    ) {
        for step in from..self.filters.len() {
            let position = self.position_at(direction, step);
            let hold = self.headers_at(id, Stage { direction, position }, end);
            let Some(side) = self.side(id, direction, position) else { return };
            if side.headers_continued {
                // The filter resumed during its callback; the return value applies to the rest.
                side.hold = hold;
                return;
            }
            side.hold = hold;
            side.headers_continued = hold == Hold::Run;
            if hold != Hold::Run || !self.goes_on(id, direction) {
                return;
            }
        }
        self.headers_through(id, direction, end);
    }

    pub(crate) fn pass_data(
        &mut self,
        id: StreamId,
        direction: Direction,
        from: usize,
        mut data: Vec<u8>,
        mut end: bool,
    ) {
        let mut trailers_from = None;
        for step in from..self.filters.len() {
            let position = self.position_at(direction, step);
            let Some(side) = self.side(id, direction, position) else { return };
            if side.hold == Hold::All {
                return side.hold_back(data);
            }
            let status = self.data_at(id, Stage { direction, position }, data, end);
            if !self.goes_on(id, direction) {
                return;
            }
            if end && trailers_from.is_none() && self.has_trailers(id, direction) {
                end = false;
                trailers_from = Some(step + 1);
            }
            let Some(side) = self.side(id, direction, position) else { return };
            match status {
                DataStatus::Continue(passed) if side.hold == Hold::Run => data = passed,
                DataStatus::Continue(passed) => {
                    side.hold_back(passed);
                    return self.resume(id, direction, position);
                }
                DataStatus::Buffer(held) => {
                    side.hold = Hold::Single;
                    side.hold_back(held);
                    return self.check_limit(id, Stage { direction, position });
                }
                DataStatus::Drop => {
                    side.hold = Hold::Single;
                    return side.hold_back(Vec::new());
                }
            }
        }
        self.data_through(id, direction, data, end);
        if let Some(step) = trailers_from {
            if self.goes_on(id, direction) {
                self.pass_trailers(id, direction, step);
            }
        }
    }

    pub(crate) fn pass_trailers(&mut self, id: StreamId, direction: Direction, from: usize) {
        for step in from..self.filters.len() {
            let position = self.position_at(direction, step);
            if self.side(id, direction, position).is_none_or(|side| side.hold == Hold::All) {
                return;
            }
            let hold = self.trailers_at(id, Stage { direction, position });
            if !self.goes_on(id, direction) {
                return;
            }
            let Some(side) = self.side(id, direction, position) else { return };
            match (hold, side.hold) {
                (Hold::Run, Hold::Run) => {}
                (Hold::Run, _) => {
                    if side.resuming {
                        // Envoy passes the end from this filter a second time.
                        side.held = Some(Vec::new());
                    }
                    return self.resume(id, direction, position);
                }
                (_, _) => {
                    side.hold = Hold::Single;
                    return;
                }
            }
        }
        self.trailers_through(id, direction);
    }

    /// Resumes a direction: everything held at this filter passes to the next filters. A filter that has
    /// not seen the body yet sees it first.
    pub(crate) fn resume(&mut self, id: StreamId, direction: Direction, position: usize) {
        let step = self.position_at(direction, position);
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        let ended = stream.flow(direction).ended;
        let trailers = ended && stream.flow(direction).has_trailers;
        let Some(side) = stream.slots.get_mut(position).map(|slot| slot.side(direction)) else {
            return;
        };
        let all = side.hold == Hold::All;
        let body_from = if all { step } else { step + 1 };
        side.resuming |= all;
        let was_held = side.hold != Hold::Run;
        side.hold = Hold::Run;
        let held = side.held.take();
        if !side.headers_continued {
            side.headers_continued = true;
            let end = ended && held.is_none() && !trailers;
            self.pass_headers(id, direction, step + 1, end);
        }
        if let Some(data) = held {
            if !self.goes_on(id, direction) {
                return;
            }
            self.pass_data(id, direction, body_from, data, ended && !trailers);
        }
        if trailers && was_held && self.goes_on(id, direction) {
            self.pass_trailers(id, direction, body_from);
        }
        if let Some(side) = self.side(id, direction, position).filter(|_| all) {
            side.resuming = false;
        }
    }

    fn has_trailers(&self, id: StreamId, direction: Direction) -> bool {
        self.host.streams.get(&id).is_some_and(|stream| match direction {
            Direction::Request => stream.request.has_trailers,
            Direction::Response => stream.response.has_trailers,
        })
    }
}
