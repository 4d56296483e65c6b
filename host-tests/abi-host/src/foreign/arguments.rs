//! The arguments of `verify_signature`, a protocol buffer: fields in any order, the last of several wins,
//! unknown fields and fields of another type are skipped.

/// Deepest nesting of groups that is skipped, as in Google's own reader.
const MAX_DEPTH: u8 = 100;

/// `{1 hash function, 2 public key, 3 signature, 4 text}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments<'a> {
    pub hash: &'a str,
    pub key: &'a [u8],
    pub signature: &'a [u8],
    pub text: &'a [u8],
}

impl<'a> Arguments<'a> {
    /// `None` where it cannot be read.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut arguments = Self::default();
        let mut rest = Reader(bytes);
        while !rest.0.is_empty() {
            match rest.tag()? {
                (1, 2) => arguments.hash = std::str::from_utf8(rest.bytes()?).ok()?,
                (2, 2) => arguments.key = rest.bytes()?,
                (3, 2) => arguments.signature = rest.bytes()?,
                (4, 2) => arguments.text = rest.bytes()?,
                (field, kind) => rest.skip(field, kind, MAX_DEPTH)?,
            }
        }
        Some(arguments)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for position in 0..10 {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A field's number and the kind of its value.
    fn tag(&mut self) -> Option<(u32, u32)> {
        let tag = u32::try_from(self.varint()?).ok()?;
        (tag >> 3 != 0).then_some((tag >> 3, tag & 7))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let size = usize::try_from(self.varint()?).ok()?;
        self.take(size)
    }

    fn skip(&mut self, field: u32, kind: u32, depth: u8) -> Option<()> {
        match kind {
            0 => self.varint().map(|_| ()),
            1 => self.take(8).map(|_| ()),
            2 => self.bytes().map(|_| ()),
            3 => {
                let depth = depth.checked_sub(1)?;
                loop {
                    match self.tag()? {
                        (end, 4) => return (end == field).then_some(()),
                        (inner, kind) => self.skip(inner, kind, depth)?,
                    }
                }
            }
            5 => self.take(4).map(|_| ()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_arguments_are_refused() {
        let empty = Arguments::default();
        let cases: [(&[u8], Option<Arguments<'_>>); 16] = [
            (b"", Some(empty)),
            (b"\x0a\x01a", Some(Arguments { hash: "a", ..empty })),
            (b"\x0a\x01a\x0a\x01b", Some(Arguments { hash: "b", ..empty })),
            (b"\x8a\x00\x01a", Some(Arguments { hash: "a", ..empty })),
            (b"\x22\x01t\x12\x01k", Some(Arguments { key: b"k", text: b"t", ..empty })),
            (b"\x08\x01", Some(empty)),
            (b"\x2b\x28\x01\x33\x34\x2c", Some(empty)),
            (b"\x2d1234\x2912345678\xaa\x01\x00", Some(empty)),
            (b"\x0a\x01\xff", None),
            (b"\x0a\x02a", None),
            (b"\x2b\x28\x01", None),
            (b"\x2b\x34", None),
            (b"\x2c", None),
            (b"\x2f\x01", None),
            (b"\x00", None),
            (b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", None),
        ];
        for (bytes, want) in cases {
            assert_eq!(Arguments::read(bytes), want, "{}", bytes.escape_ascii());
        }
        let deep = vec![0x2b; 300_000];
        assert_eq!(Arguments::read(&deep), None, "the stack outlives any nesting");
    }
}
