//! Counters, gauges and histograms of all plugins.

use std::collections::HashMap;

use crate::status::Status;

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;
/// The lowest bits of an id are the type.
const TYPE_BITS: u32 = 2;

/// The metrics of the process.
#[derive(Default)]
pub(crate) struct Metrics {
    ids: HashMap<(u32, Vec<u8>), u32>,
    values: Vec<Metric>,
}

struct Metric {
    name: Vec<u8>,
    kind: u32,
    /// Value of a counter or gauge, number of records of a histogram.
    value: u64,
}

impl Metrics {
    pub(crate) fn define(&mut self, kind: u32, name: &[u8]) -> Result<u32, Status> {
        if kind > HISTOGRAM {
            return Err(Status::BAD_ARGUMENT);
        }
        if let Some(id) = self.ids.get(&(kind, name.to_vec())) {
            return Ok(*id);
        }
        self.values.push(Metric { name: name.to_vec(), kind, value: 0 });
        // Ids start at 1: an id of 0 is more likely an unset variable.
        let index = u32::try_from(self.values.len()).map_err(|_| Status::INTERNAL_FAILURE)?;
        let id = (index << TYPE_BITS) | kind;
        self.ids.insert((kind, name.to_vec()), id);
        Ok(id)
    }

    pub(crate) fn increment(&mut self, id: u32, offset: i64) -> Status {
        let kind = kind(id);
        if kind != COUNTER && kind != GAUGE {
            return Status::BAD_ARGUMENT;
        }
        let Some(metric) = self.metric(id) else { return Status::NOT_FOUND };
        if kind == COUNTER && offset <= 0 {
            return Status::BAD_ARGUMENT;
        }
        metric.value = metric.value.saturating_add_signed(offset);
        Status::OK
    }

    pub(crate) fn record(&mut self, id: u32, value: u64) -> Status {
        let kind = kind(id);
        let Some(metric) = self.metric(id) else { return Status::NOT_FOUND };
        match kind {
            GAUGE => metric.value = value,
            COUNTER => metric.value = metric.value.saturating_add(value),
            _ => metric.value += 1,
        }
        Status::OK
    }

    pub(crate) fn get(&mut self, id: u32) -> Result<u64, Status> {
        match kind(id) {
            COUNTER | GAUGE => self.metric(id).map(|metric| metric.value).ok_or(Status::NOT_FOUND),
            _ => Err(Status::BAD_ARGUMENT),
        }
    }

    pub(crate) fn is_counter(id: u32) -> bool {
        kind(id) == COUNTER
    }

    pub(crate) fn is_gauge(id: u32) -> bool {
        kind(id) == GAUGE
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<u64> {
        self.values.iter().find(|metric| metric.name == name.as_bytes()).map(|metric| metric.value)
    }

    pub(crate) fn all(&self) -> Vec<(String, u64)> {
        let name = |metric: &Metric| String::from_utf8_lossy(&metric.name).into_owned();
        self.values.iter().map(|metric| (name(metric), metric.value)).collect()
    }

    fn metric(&mut self, id: u32) -> Option<&mut Metric> {
        let index = usize::try_from(id >> TYPE_BITS).ok()?.checked_sub(1)?;
        self.values.get_mut(index).filter(|metric| metric.kind == kind(id))
    }
}

fn kind(id: u32) -> u32 {
    id & ((1 << TYPE_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_types_allow_their_operations() {
        let mut metrics = Metrics::default();
        assert_eq!(metrics.define(3, b"x"), Err(Status::BAD_ARGUMENT));
        let counter = metrics.define(COUNTER, b"c").unwrap();
        let gauge = metrics.define(GAUGE, b"g").unwrap();
        let histogram = metrics.define(HISTOGRAM, b"h").unwrap();
        assert_eq!(metrics.define(COUNTER, b"c"), Ok(counter), "same name, same id");
        assert_ne!(metrics.define(GAUGE, b"c"), Ok(counter));
        let cases = [
            (metrics.increment(counter, 2), Status::OK),
            (metrics.increment(counter, 0), Status::BAD_ARGUMENT),
            (metrics.increment(counter, -1), Status::BAD_ARGUMENT),
            (metrics.record(counter, 3), Status::OK),
            (metrics.record(gauge, 9), Status::OK),
            (metrics.increment(gauge, -4), Status::OK),
            (metrics.record(histogram, 1), Status::OK),
            (metrics.increment(histogram, 1), Status::BAD_ARGUMENT),
            (metrics.increment(400, 1), Status::NOT_FOUND),
            (metrics.record(401, 1), Status::NOT_FOUND),
        ];
        for (index, (got, expected)) in cases.into_iter().enumerate() {
            assert_eq!(got, expected, "case {index}");
        }
        assert_eq!(metrics.get(counter), Ok(5));
        assert_eq!(metrics.get(gauge), Ok(5));
        assert_eq!(metrics.get(histogram), Err(Status::BAD_ARGUMENT));
        assert_eq!(metrics.by_name("g"), Some(5));
    }
}
