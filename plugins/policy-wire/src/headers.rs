//! A header map as it crosses the ABI: one buffer, parsed in place, values as bytes.

use std::rc::Rc;

/// All headers of one message, in order. Values need not be UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    /// Position of each name and value in `bytes`: start, name length, value length.
    index: Vec<(usize, usize, usize)>,
    /// One bit for each name in the map, by [`Headers::bit`]. Most names that are looked up are not in the map,
    /// and most of those lookups end here.
    present: u64,
}

/// A header that counts only if it was sent exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum One<'a> {
    /// Not sent.
    Absent,
    /// Sent once.
    Value(&'a [u8]),
    /// Sent more than once, so it is unknown which one counts.
    Many,
}

impl Headers {
    /// Parses the ABI's serialised map: a count, then the lengths of each name and value, then the
    /// bytes, each followed by a NUL; all integers little-endian 32 bits.
    ///
    /// `None` for lengths that do not fit the bytes: a host's bytes are not trusted either.
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

    /// Builds a map from pairs, for tests and for hosts of which a pair must be rewritten.
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

    /// Every value of `name`, in any case on the wire.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        // Most names differ in their length already.
        let maybe = if self.may_have(Self::bit(name.as_bytes())) { &self.index[..] } else { &[] };
        let long_enough = maybe.iter().filter(|(_, length, _)| *length == name.len());
        let named = long_enough.filter_map(|entry| self.pair(entry));
        named.filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, v)| v)
    }

    /// Whether `name` was sent at all.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The value of a header that counts only if it was sent exactly once.
    ///
    /// ```
    /// use policy_wire::{Headers, One};
    ///
    /// let headers = Headers::from_pairs([(&b"x-id"[..], &b"a"[..]), (b"x-tag", b"1"), (b"X-Tag", b"2")]);
    /// assert_eq!(headers.one("x-id"), One::Value(b"a"));
    /// assert_eq!(headers.one("x-tag"), One::Many);
    /// assert_eq!(headers.single("x-tag"), None);
    /// ```
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

    /// One bit for a name, the same in any case: from its length, its first and its last letter. Equal names
    /// have equal bits, others mostly not.
    pub fn bit(name: &[u8]) -> u64 {
        let letter = |letter: Option<&u8>| letter.map_or(0, |b| usize::from(b | 0x20));
        let mix = name.len() * 5 + letter(name.first()) * 3 + letter(name.last());
        1 << (mix % 64)
    }

    /// Whether the map may have a name with this bit.
    pub(crate) fn may_have(&self, bit: u64) -> bool {
        self.present & bit != 0
    }

    /// The headers that are kept, or an empty map.
    pub fn kept(kept: &Option<Rc<Self>>) -> &Self {
        static NONE: Headers = Headers { bytes: Vec::new(), index: Vec::new(), present: 0 };
        kept.as_deref().unwrap_or(&NONE)
    }

    /// Number of headers.
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
    fn headers_are_absent_single_or_many() {
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
        fn serialised_maps_are_read_back(
            pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20)
        ) {
            let map = Headers::parse(serialise(&pairs)).unwrap();
            let read: Vec<_> = map.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn names_are_found_in_any_case(
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
        fn any_bytes_parse_without_a_panic(bytes in any::<Vec<u8>>()) {
            if let Some(map) = Headers::parse(bytes) {
                prop_assert_eq!(map.iter().count(), map.len());
            }
        }
    }
}
