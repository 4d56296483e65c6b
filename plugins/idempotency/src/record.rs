//! What a store keeps of a key, and of an answer.

use crate::bytes::{Reader, Writer};
use crate::scope::digest;
use crate::{Fence, Fingerprint, Settled};

/// A key as a store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// The last claim.
    pub fence: Fence,
    /// Until when the call of that claim may take effect, in nanoseconds since the epoch.
    pub deadline: u64,
    /// Until when it is kept.
    pub expires: u64,
    /// How it stands.
    pub state: State,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Somebody carries the call out; after the deadline the outcome is unknown.
    InProgress,
    /// The call is over.
    Settled(Settled),
}

impl Entry {
    /// The same key, settled.
    #[must_use]
    pub fn settled(&self, settled: Settled, expires: u64) -> Self {
        Self { state: State::Settled(settled), expires, ..self.clone() }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.array(&self.fingerprint.0).u64(self.fence.0);
        out.u64(self.deadline).u64(self.expires);
        match self.state {
            State::InProgress => out.u8(0),
            State::Settled(Settled::Completed { status, digest, kept: Some(length) }) => {
                out.u8(1).u16(status).array(&digest).u32(length)
            }
            State::Settled(Settled::Completed { status, digest, kept: None }) => {
                out.u8(2).u16(status).array(&digest)
            }
            State::Settled(Settled::Oversize { status }) => out.u8(3).u16(status),
            State::Settled(Settled::Unknown) => out.u8(4),
        };
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let fingerprint = Fingerprint(from.array()?);
        let (fence, deadline, expires) = (Fence(from.u64()?), from.u64()?, from.u64()?);
        let state = match from.u8()? {
            0 => State::InProgress,
            1 => {
                let (status, digest) = (from.u16()?, from.array()?);
                State::Settled(Settled::Completed { status, digest, kept: Some(from.u32()?) })
            }
            2 => {
                let (status, digest) = (from.u16()?, from.array()?);
                State::Settled(Settled::Completed { status, digest, kept: None })
            }
            3 => State::Settled(Settled::Oversize { status: from.u16()? }),
            4 => State::Settled(Settled::Unknown),
            _ => return None,
        };
        Some(Self { fingerprint, fence, deadline, expires, state })
    }
}

/// The answer to a call, as every retry gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers that may be told again.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, exact.
    pub body: Vec<u8>,
}

/// Headers that say something of one transfer, one client or one moment, and are never told again:
/// hop-by-hop fields (RFC 9110 section 7.6.1), cookies, and what is counted or dated.
const NEVER: [&str; 18] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "set-cookie",
    "date",
    "age",
    "server",
    "retry-after",
    "www-authenticate",
    "proxy-authenticate",
    "x-request-id",
    "x-envoy-upstream-service-time",
    "strict-transport-security",
];

/// Whether a header, its name in lower case, may be told again.
pub(crate) fn may_be_told(name: &str) -> bool {
    let counted = name.starts_with("x-ratelimit-")
        || name.starts_with("x-rate-limit")
        || name.starts_with("ratelimit");
    !name.starts_with(':') && !counted && !NEVER.contains(&name)
}

impl Answer {
    /// An answer with the headers among `headers` whose names are `allowed`, but for those that may
    /// never be told again. Names are lower case.
    pub fn new(
        status: u16,
        headers: impl IntoIterator<Item = (String, Vec<u8>)>,
        allowed: &[String],
        body: Vec<u8>,
    ) -> Self {
        let kept = headers.into_iter();
        let kept = kept.filter(|(name, _)| may_be_told(name) && allowed.contains(name));
        Self { status, headers: kept.collect(), body }
    }

    /// What tells this answer from any other.
    pub fn digest(&self) -> [u8; 32] {
        digest(b"answer", &[&self.to_bytes()])
    }

    /// The answer as a store keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u16(self.status).u32(u32::try_from(self.headers.len()).unwrap_or(u32::MAX));
        for (name, value) in &self.headers {
            out.bytes(name.as_bytes()).bytes(value);
        }
        out.bytes(&self.body);
        out.done()
    }

    /// Reads what [`Answer::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let (status, count) = (from.u16()?, from.u32()?);
        let mut headers = Vec::new();
        for _ in 0..count {
            let name = String::from_utf8(from.bytes()?.to_vec()).ok()?;
            headers.push((name, from.bytes()?.to_vec()));
        }
        let body = from.bytes()?.to_vec();
        from.is_empty().then_some(Self { status, headers, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_never_told_again() {
        let names =
            ["content-type", "set-cookie", "date", "x-ratelimit-left", "location", "x-mine"];
        let headers = names.map(|name| (name.to_owned(), b"v".to_vec()));
        let allowed: Vec<String> = names[..5].iter().map(|name| (*name).to_owned()).collect();
        let answer = Answer::new(201, headers, &allowed, Vec::new());
        let kept: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(kept, ["content-type", "location"]);
    }

    proptest! {
        #[test]
        fn answers_come_back_as_they_were(
            status in 200..600_u16,
            headers in prop::collection::vec(("[a-z-]{1,9}", prop::collection::vec(any::<u8>(), 0..9)), 0..4),
            body in prop::collection::vec(any::<u8>(), 0..99),
            cut in 0..99_usize,
        ) {
            let answer = Answer { status, headers, body };
            let bytes = answer.to_bytes();
            prop_assert_eq!(Answer::from_bytes(&bytes), Some(answer));
            let cut = cut.min(bytes.len() - 1);
            prop_assert_eq!(Answer::from_bytes(&bytes[..cut]), None);
        }

        #[test]
        fn entries_come_back_as_they_were(
            fence: u64, expires: u64, deadline: u64, status: u16, length: u32, kind in 0..5_u8,
        ) {
            let digest = [7; 32];
            let state = match kind {
                0 => State::InProgress,
                1 => State::Settled(Settled::Completed { status, digest, kept: Some(length) }),
                2 => State::Settled(Settled::Completed { status, digest, kept: None }),
                3 => State::Settled(Settled::Oversize { status }),
                _ => State::Settled(Settled::Unknown),
            };
            let fingerprint = Fingerprint([9; 32]);
            let entry = Entry { fingerprint, fence: Fence(fence), deadline, expires, state };
            let mut out = Writer::default();
            entry.write(&mut out);
            let bytes = out.done();
            prop_assert_eq!(Entry::read(&mut Reader::new(&bytes)), Some(entry));
            prop_assert_eq!(Entry::read(&mut Reader::new(&bytes[..bytes.len() - 1])), None);
        }
    }
}
