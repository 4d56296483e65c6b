//! A header map as it crosses the ABI: one buffer, parsed in place, values as bytes.

use std::rc::Rc;

/// All headers of one message, in order. Values need not be UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    /// Where each name and value lies in `bytes`: start, name length, value length.
    index: Vec<(usize, usize, usize)>,
    /// One bit for each name that is there, by [`Headers::bit`]. Most names that are looked for are
    /// not there, and most of those need no look at the index.
    present: u64,
}

/// What a header that must be single turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum One<'a> {
    /// Not sent.
    Absent,
    /// Sent once.
    Value(&'a [u8]),
    /// Sent more than once: nobody can say which one counts.
    Many,
}

impl Headers {
    /// Parses the ABI's serialised map: a count, then the lengths of each name and value, then the
    /// bytes, each followed by a NUL; all integers little-endian 32 bits.
    ///
    /// `None` for anything that does not add up; a host's bytes are not trusted either.
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let count = word(&bytes, 0)?;
        let mut start = count.checked_mul(8)?.checked_add(4)?;
        if start > bytes.len() {
            return None;
        }
        let (mut index, mut present) = (Vec::with_capacity(count), 0);
        for entry in 0..count {
            let at = 4 + entry * 8;
            let (name, value) = (word(&bytes, at)?, word(&bytes, at + 4)?);
            let end = start.checked_add(name)?.checked_add(value)?.checked_add(2)?;
            if end > bytes.len() {
                return None;
            }
            index.push((start, name, value));
            present |= Self::bit(bytes.get(start..start + name)?);
            start = end;
        }
        Some(Self { bytes, index, present })
    }

    /// Builds a map from pairs, for tests and for hosts that need a pair rewritten.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut map = Self::default();
        for (name, value) in pairs {
            map.index.push((map.bytes.len(), name.len(), value.len()));
            map.present |= Self::bit(name);
            map.bytes.extend_from_slice(name);
            map.bytes.push(0);
            map.bytes.extend_from_slice(value);
            map.bytes.push(0);
        }
        map
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.index.iter().filter_map(|entry| self.pair(entry))
    }

    fn pair(&self, &(start, name, value): &(usize, usize, usize)) -> Option<(&[u8], &[u8])> {
        let from = start + name + 1;
        Some((self.bytes.get(start..start + name)?, self.bytes.get(from..from + value)?))
    }

    /// Every value of `name`, whatever the case of the name on the wire.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        // Most names differ in their length already, and then need no second look.
        let maybe = if self.may_have(Self::bit(name.as_bytes())) { &self.index[..] } else { &[] };
        let long_enough = maybe.iter().filter(|(_, length, _)| *length == name.len());
        let named = long_enough.filter_map(|entry| self.pair(entry));
        named.filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, v)| v)
    }

    /// Whether `name` was sent at all.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The value of a header that only counts when it was sent exactly once.
    pub fn one<'a>(&'a self, name: &'a str) -> One<'a> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (None, _) => One::Absent,
            (Some(value), None) => One::Value(value),
            (Some(_), Some(_)) => One::Many,
        }
    }

    /// The value of a header sent exactly once, else `None`.
    pub fn single<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        match self.one(name) {
            One::Value(value) => Some(value),
            One::Absent | One::Many => None,
        }
    }

    /// One bit for a name, the same whatever its case: from its length, its first and its last letter.
    /// Equal names have equal bits, others mostly not.
    pub fn bit(name: &[u8]) -> u64 {
        let letter = |letter: Option<&u8>| letter.map_or(0, |b| usize::from(b | 0x20));
        let mix = name.len() * 5 + letter(name.first()) * 3 + letter(name.last());
        1 << (mix % 64)
    }

    /// Whether a name with this bit may be there.
    pub(crate) fn may_have(&self, bit: u64) -> bool {
        self.present & bit != 0
    }

    /// Those that are kept, or none where nothing was read or is needed any more.
    pub fn kept(kept: &Option<Rc<Self>>) -> &Self {
        static NONE: Headers = Headers { bytes: Vec::new(), index: Vec::new(), present: 0 };
        kept.as_deref().unwrap_or(&NONE)
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn serialise(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut out = (pairs.len() as u32).to_le_bytes().to_vec();
        for (name, value) in pairs {
            out.extend((name.len() as u32).to_le_bytes());
            out.extend((value.len() as u32).to_le_bytes());
        }
        for (name, value) in pairs {
            out.extend_from_slice(name);
            out.push(0);
            out.extend_from_slice(value);
            out.push(0);
        }
        out
    }

    #[test]
    fn one_absent_many() {
        let map = Headers::from_pairs([
            (&b"x-a"[..], &b"1"[..]),
            (b"X-B", b"\xff\x00"),
            (b"x-b", b"2"),
            (b"x-c", b""),
        ]);
        for (name, want) in [
            ("x-a", One::Value(&b"1"[..])),
            ("X-A", One::Value(b"1")),
            ("x-b", One::Many),
            ("x-c", One::Value(b"")),
            ("x-d", One::Absent),
        ] {
            assert_eq!(map.one(name), want, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_a_host_serialises_is_read_back(
            pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20)
        ) {
            let map = Headers::parse(serialise(&pairs)).unwrap();
            let read: Vec<_> = map.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn names_are_found_whatever_their_case(
            names in prop::collection::vec("[a-cA-C_\\[{@-]{0,4}", 0..20), wanted in "[a-cA-C_-]{0,4}",
        ) {
            let map = Headers::from_pairs(names.iter().map(|name| (name.as_bytes(), &b"v"[..])));
            let read = Headers::parse(serialise(
                &names.iter().map(|name| (name.clone().into_bytes(), vec![])).collect::<Vec<_>>(),
            ));
            let found = names.iter().filter(|name| name.eq_ignore_ascii_case(&wanted)).count();
            prop_assert_eq!(map.all(&wanted).count(), found);
            prop_assert_eq!(read.unwrap().all(&wanted).count(), found);
        }

        #[test]
        fn no_bytes_make_the_parser_fail_badly(bytes in any::<Vec<u8>>()) {
            if let Some(map) = Headers::parse(bytes) {
                prop_assert_eq!(map.iter().count(), map.len());
            }
        }
    }
}
