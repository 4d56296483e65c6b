//! The traffic to replay, and defaults for it.
use anyhow::Context as _;
use clap::Args;
use host_tests::intake::{self, Defaults, Recording};
use std::net::IpAddr;
use std::path::PathBuf;
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

#[derive(Debug, Args)]
pub(super) struct Traffic {
    /// The recorded traffic: a HAR, or what Envoy's HTTP tap wrote (a file, or a folder of traces)
    #[arg(long = "traffic", value_name = "FILE")]
    pub(super) path: PathBuf,
    /// The gateway's peer, for requests recorded without one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    client: IpAddr,
    /// A header for requests without one of this name, as an edge would add it; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<Header>,
    /// When the first request was sent, for recordings without times [default: 2026-01-01T00:00:00Z]
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    start: Option<u64>,
}

type Header = (String, String);

impl Traffic {
    /// Reads it.
    pub(super) fn read(&self) -> anyhow::Result<Recording> {
        let bytes =
            |(name, value): &Header| (name.clone().into_bytes(), value.clone().into_bytes());
        let defaults = Defaults {
            client: self.client,
            headers: self.headers.iter().map(bytes).collect(),
            start: self.start.unwrap_or(intake::START),
        };
        intake::read(&self.path, &defaults).with_context(|| self.path.display().to_string())
    }
}

fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("must be `NAME: VALUE`")?;
    http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "has no header name before the colon")?;
    if value.contains(['\r', '\n']) {
        return Err("must not hold a line break".to_owned());
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn moment(text: &str) -> Result<u64, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "must be a time of RFC 3339")?;
    u64::try_from(time.unix_timestamp_nanos()).map_err(|_| "must be since 1970".to_owned())
}
