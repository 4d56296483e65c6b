//! What a store keeps of a key, and of an answer.

use policy_kit::Headers;

use crate::bytes::{Reader, Writer};
use crate::{Fence, Fingerprint, Kept, Settled};

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

    /// Bytes that [`Entry::write`] writes.
    pub(crate) const LENGTH: usize = 32 + 8 + 8 + 1 + 2 + 32;

    /// Bytes of the answer that a store keeps for it.
    pub(crate) fn kept(&self) -> usize {
        match self.state {
            State::Settled(Settled::Completed { kept: Kept::Whole(length), .. }) => length as usize,
            _ => 0,
        }
    }

    /// The same of one that [`Entry::write`] wrote.
    pub(crate) fn kept_of(written: &[u8]) -> usize {
        let length = written.get(51..55).and_then(|length| length.first_chunk());
        match (written.get(48), length) {
            (Some(1), Some(length)) => u32::from_be_bytes(*length) as usize,
            _ => 0,
        }
    }

    /// Writes all but until when it is kept, always in [`Entry::LENGTH`] bytes.
    pub(crate) fn write(&self, out: &mut Writer) {
        let (form, status, rest) = match self.state {
            State::InProgress => (0, 0, [0; 32]),
            State::Settled(Settled::Completed { status, kept: Kept::Whole(length) }) => {
                let mut rest = [0; 32];
                rest.iter_mut().zip(length.to_be_bytes()).for_each(|(to, from)| *to = from);
                (1, status, rest)
            }
            State::Settled(Settled::Completed { status, kept: Kept::Digest(digest) }) => {
                (2, status, digest)
            }
            State::Settled(Settled::Oversize { status }) => (3, status, [0; 32]),
            State::Settled(Settled::Unknown) => (4, 0, [0; 32]),
        };
        out.array(&self.fingerprint.0).u64(self.fence.0).u64(self.deadline);
        out.u8(form).u16(status).array(&rest);
    }

    /// Reads what [`Entry::write`] wrote of a key that is kept until `expires`.
    pub(crate) fn read(expires: u64, from: &mut Reader<'_>) -> Option<Self> {
        let fingerprint = Fingerprint(from.array()?);
        let (fence, deadline) = (Fence(from.u64()?), from.u64()?);
        let (form, status, rest) = (from.u8()?, from.u16()?, from.array::<32>()?);
        let whole = || Some(Kept::Whole(u32::from_be_bytes(*rest.first_chunk()?)));
        let state = match form {
            0 => State::InProgress,
            1 => State::Settled(Settled::Completed { status, kept: whole()? }),
            2 => State::Settled(Settled::Completed { status, kept: Kept::Digest(rest) }),
            3 => State::Settled(Settled::Oversize { status }),
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
    /// An answer with the headers among `headers` whose names are `allowed` (in lower case), but for
    /// those that may never be told again.
    pub fn new(status: u16, headers: &Headers, allowed: &[String], body: Vec<u8>) -> Self {
        let allowed = allowed.iter().filter(|name| may_be_told(name));
        let kept = headers.iter().filter_map(|(name, value)| {
            let mut allowed = allowed.clone();
            let name = allowed.find(|known| name.eq_ignore_ascii_case(known.as_bytes()))?;
            Some((name.clone(), value.to_vec()))
        });
        Self { status, headers: kept.collect(), body }
    }

    /// Writes the answer as a store keeps it.
    pub(crate) fn write(&self, out: &mut Writer) {
        out.u16(self.status).u32(u32::try_from(self.headers.len()).unwrap_or(u32::MAX));
        for (name, value) in &self.headers {
            out.bytes(name.as_bytes()).bytes(value);
        }
        out.bytes(&self.body);
    }

    /// Reads what [`Answer::write`] wrote, and nothing more.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
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
            ["Content-Type", "set-cookie", "date", "x-ratelimit-left", "location", "x-mine"];
        let headers = Headers::from_pairs(names.map(|name| (name.as_bytes(), &b"v"[..])));
        let allowed: Vec<String> =
            names[..5].iter().map(|name| name.to_ascii_lowercase()).collect();
        let answer = Answer::new(201, &headers, &allowed, Vec::new());
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
            let mut out = Writer::default();
            answer.write(&mut out);
            let bytes = out.done();
            prop_assert_eq!(Answer::read(&bytes), Some(answer));
            let cut = cut.min(bytes.len() - 1);
            prop_assert_eq!(Answer::read(&bytes[..cut]), None);
        }

        #[test]
        fn entries_come_back_as_they_were(
            fence: u64, expires: u64, deadline: u64, status: u16, length: u32, kind in 0..5_u8,
        ) {
            let completed = |kept| State::Settled(Settled::Completed { status, kept });
            let state = match kind {
                0 => State::InProgress,
                1 => completed(Kept::Whole(length)),
                2 => completed(Kept::Digest([7; 32])),
                3 => State::Settled(Settled::Oversize { status }),
                _ => State::Settled(Settled::Unknown),
            };
            let fingerprint = Fingerprint([9; 32]);
            let entry = Entry { fingerprint, fence: Fence(fence), deadline, expires, state };
            let mut out = Writer::default();
            entry.write(&mut out);
            let bytes = out.done();
            prop_assert_eq!(bytes.len(), Entry::LENGTH);
            prop_assert_eq!(Entry::kept_of(&bytes), entry.kept());
            prop_assert_eq!(Entry::read(expires, &mut Reader::new(&bytes)), Some(entry));
            prop_assert_eq!(Entry::read(expires, &mut Reader::new(&bytes[1..])), None);
        }
    }
}
