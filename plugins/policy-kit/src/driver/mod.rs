//! Plugin, filter, and the driver that runs a filter over any gateway.

mod body;
pub(crate) mod filter;
pub(crate) mod gateway;
pub(crate) mod plugin;
pub(crate) mod request;
mod response;
mod rewrite;
pub(crate) mod ticket;
