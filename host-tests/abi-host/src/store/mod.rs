//! What all VMs of the process share: data, queues, metrics.

pub(crate) mod metrics;
pub(crate) mod shared_data;
pub(crate) mod shared_queues;
