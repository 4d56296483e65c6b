//! How entries and answers are written to shared data. Numbers are big-endian; byte strings of variable
//! length are preceded by their length in four bytes.

use crate::policy::answer::Answer;
use crate::policy::identity::Fingerprint;
use crate::policy::outcome::Outcome;
use crate::store::machine::{Entry, KeptAnswer, KeptBody, KeyState};
use crate::store::port::Fence;

/// Writes a value.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, number: u8) -> &mut Self {
        self.array(&[number])
    }

    pub(crate) fn u16(&mut self, number: u16) -> &mut Self {
        self.array(&number.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, number: u32) -> &mut Self {
        self.array(&number.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, number: u64) -> &mut Self {
        self.array(&number.to_be_bytes())
    }

    /// Bytes whose number the reader knows.
    pub(crate) fn array<const N: usize>(&mut self, bytes: &[u8; N]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// The number whose eight bytes begin at `at`; 0 where there are fewer.
pub(crate) fn number_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk());
    number.copied().map_or(0, u64::from_be_bytes)
}

/// Reads a value; `None` where it is too short.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Entry {
    /// Bytes that [`Entry::write`] writes.
    pub(crate) const LENGTH: usize = 32 + 8 + 8 + 1 + 2 + 32;

    /// Bytes of the answer that is kept for this entry.
    pub(crate) fn answer_bytes(&self) -> usize {
        match self.state {
            KeyState::Settled(Outcome::Completed(KeptAnswer {
                body: KeptBody::Whole(length),
                ..
            })) => length as usize,
            _ => 0,
        }
    }

    /// [`Entry::answer_bytes`] of an entry that [`Entry::write`] wrote, without reading the rest.
    pub(crate) fn written_answer_bytes(written: &[u8]) -> usize {
        let length = written.get(51..55).and_then(|length| length.first_chunk());
        match (written.get(48), length) {
            (Some(1), Some(length)) => u32::from_be_bytes(*length) as usize,
            _ => 0,
        }
    }

    /// Writes all but `expires`, in [`Entry::LENGTH`] bytes.
    pub(crate) fn write(&self, out: &mut Writer) {
        let (form, status, rest) = match self.state {
            KeyState::InProgress => (0, 0, [0; 32]),
            KeyState::Settled(Outcome::Completed(KeptAnswer { status, body })) => match body {
                KeptBody::Whole(length) => {
                    let mut rest = [0; 32];
                    rest.iter_mut().zip(length.to_be_bytes()).for_each(|(to, from)| *to = from);
                    (1, status, rest)
                }
                KeptBody::Digest(digest) => (2, status, digest),
            },
            KeyState::Settled(Outcome::NotKept { status }) => (3, status, [0; 32]),
            // No entry has `NoEffect`; unknown is the safe reading.
            KeyState::Settled(Outcome::Unknown | Outcome::NoEffect) => (4, 0, [0; 32]),
        };
        out.array(&self.fingerprint.0).u64(self.fence.0).u64(self.deadline);
        out.u8(form).u16(status).array(&rest);
    }

    /// Reads what [`Entry::write`] wrote of a key that is kept until `expires`.
    pub(crate) fn read(expires: u64, from: &mut Reader<'_>) -> Option<Self> {
        let fingerprint = Fingerprint(from.array()?);
        let (fence, deadline) = (Fence(from.u64()?), from.u64()?);
        let (form, status, rest) = (from.u8()?, from.u16()?, from.array::<32>()?);
        let completed = |body| Outcome::Completed(KeptAnswer { status, body });
        let state = match form {
            0 => KeyState::InProgress,
            1 => {
                let length = u32::from_be_bytes(*rest.first_chunk()?);
                KeyState::Settled(completed(KeptBody::Whole(length)))
            }
            2 => KeyState::Settled(completed(KeptBody::Digest(rest))),
            3 => KeyState::Settled(Outcome::NotKept { status }),
            4 => KeyState::Settled(Outcome::Unknown),
            _ => return None,
        };
        Some(Self { fingerprint, fence, deadline, expires, state })
    }
}

impl Answer {
    /// Writes the answer.
    pub(crate) fn write(&self, out: &mut Writer) {
        out.u16(self.status).u32(u32::try_from(self.headers.len()).unwrap_or(u32::MAX));
        for (name, value) in &self.headers {
            out.bytes(name.as_bytes()).bytes(value);
        }
        out.bytes(&self.body);
    }

    /// Reads what [`Answer::write`] wrote; `None` if anything follows.
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
#[path = "record_tests.rs"]
mod tests;
