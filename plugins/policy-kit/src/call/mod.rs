//! HTTP calls that a module makes to other services.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod shared;
