//! Shared by several commands.
use super::print::note;
use anyhow::Context as _;
use host_tests::gateway::{self, Gateway};
use std::path::Path;

/// Reads a gateway's configuration, and warns of what may change decisions.
pub(super) fn read_gateway(path: &Path) -> anyhow::Result<Gateway> {
    let gateway = Gateway::read(path).with_context(|| path.display().to_string())?;
    for advice in gateway::advice(&gateway) {
        note(format_args!("warning: {}: {advice}", path.display()));
    }
    Ok(gateway)
}

/// A runtime for Envoy, its clients and its upstream.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
