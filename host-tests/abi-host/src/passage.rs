//! How headers, body and trailers pass from filter to filter.
//!
//! Requests pass from the first filter to the last, responses from the last to the first (on WasmX
//! from the first to the last too). A *step*
//! counts in the order of passage, a *place* in the order of the chain.

use crate::stage::{DataStatus, Stage};
use crate::stream::{Hold, Side, Way};
use crate::worker::Worker;
use crate::{Profile, StreamId};

impl Worker {
    /// Step and place are each other's mirror image on the way back.
    pub(crate) fn place_at(&self, way: Way, step: usize) -> usize {
        match way {
            Way::Request => step,
            Way::Response if self.world.shared.profile == Profile::Wasmx => step,
            Way::Response => self.places.len().saturating_sub(1).saturating_sub(step),
        }
    }

    pub(crate) fn side(&mut self, id: StreamId, way: Way, place: usize) -> Option<&mut Side> {
        Some(self.world.streams.get_mut(&id)?.slots.get_mut(place)?.side(way))
    }

    pub(crate) fn pass_headers(&mut self, id: StreamId, way: Way, from: usize, end: bool) {
        for step in from..self.places.len() {
            let place = self.place_at(way, step);
            let hold = self.headers_at(id, Stage { way, place }, end);
            let Some(side) = self.side(id, way, place) else { return };
            if side.headers_continued {
                // It went on by itself from within its callback; what it returned holds the rest.
                side.hold = hold;
                return;
            }
            side.hold = hold;
            side.headers_continued = hold == Hold::Run;
            if hold != Hold::Run || !self.goes_on(id, way) {
                return;
            }
        }
        self.headers_through(id, way, end);
    }

    pub(crate) fn pass_data(
        &mut self,
        id: StreamId,
        way: Way,
        from: usize,
        mut data: Vec<u8>,
        mut end: bool,
    ) {
        let mut trailers_from = None;
        for step in from..self.places.len() {
            let place = self.place_at(way, step);
            let Some(side) = self.side(id, way, place) else { return };
            if side.hold == Hold::All {
                return side.hold_back(data);
            }
            let status = self.data_at(id, Stage { way, place }, data, end);
            if !self.goes_on(id, way) {
                return;
            }
            if end && trailers_from.is_none() && self.has_trailers(id, way) {
                end = false;
                trailers_from = Some(step + 1);
            }
            let Some(side) = self.side(id, way, place) else { return };
            match status {
                DataStatus::Continue(passed) if side.hold == Hold::Run => data = passed,
                DataStatus::Continue(passed) => {
                    side.hold_back(passed);
                    return self.resume(id, way, place);
                }
                DataStatus::Buffer(held) => {
                    side.hold = Hold::Single;
                    side.hold_back(held);
                    return self.check_limit(id, Stage { way, place });
                }
                DataStatus::Drop => {
                    side.hold = Hold::Single;
                    return side.hold_back(Vec::new());
                }
            }
        }
        self.data_through(id, way, data, end);
        if let Some(step) = trailers_from {
            if self.goes_on(id, way) {
                self.pass_trailers(id, way, step);
            }
        }
    }

    pub(crate) fn pass_trailers(&mut self, id: StreamId, way: Way, from: usize) {
        for step in from..self.places.len() {
            let place = self.place_at(way, step);
            if self.side(id, way, place).is_none_or(|side| side.hold == Hold::All) {
                return;
            }
            let hold = self.trailers_at(id, Stage { way, place });
            if !self.goes_on(id, way) {
                return;
            }
            let Some(side) = self.side(id, way, place) else { return };
            match (hold, side.hold) {
                (Hold::Run, Hold::Run) => {}
                (Hold::Run, _) => {
                    if side.resuming {
                        // Envoy passes it from this filter once more, which has seen its end.
                        side.held = Some(Vec::new());
                    }
                    return self.resume(id, way, place);
                }
                (_, _) => {
                    side.hold = Hold::Single;
                    return;
                }
            }
        }
        self.trailers_through(id, way);
    }

    /// A filter lets a direction go on: everything it held back passes to the filters behind it.
    /// Where it had seen nothing of the body, it sees that first.
    pub(crate) fn resume(&mut self, id: StreamId, way: Way, place: usize) {
        let step = self.place_at(way, place);
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        let ended = stream.flow(way).ended;
        let trailers = ended && stream.flow(way).has_trailers;
        let Some(side) = stream.slots.get_mut(place).map(|slot| slot.side(way)) else { return };
        let all = side.hold == Hold::All;
        let body_from = if all { step } else { step + 1 };
        side.resuming |= all;
        let was_held = side.hold != Hold::Run;
        side.hold = Hold::Run;
        let held = side.held.take();
        if !side.headers_continued {
            side.headers_continued = true;
            let end = ended && held.is_none() && !trailers;
            self.pass_headers(id, way, step + 1, end);
        }
        if let Some(data) = held {
            if !self.goes_on(id, way) {
                return;
            }
            self.pass_data(id, way, body_from, data, ended && !trailers);
        }
        if trailers && was_held && self.goes_on(id, way) {
            self.pass_trailers(id, way, body_from);
        }
        if let Some(side) = self.side(id, way, place).filter(|_| all) {
            side.resuming = false;
        }
    }

    fn has_trailers(&self, id: StreamId, way: Way) -> bool {
        self.world.streams.get(&id).is_some_and(|stream| match way {
            Way::Request => stream.request.has_trailers,
            Way::Response => stream.response.has_trailers,
        })
    }
}
