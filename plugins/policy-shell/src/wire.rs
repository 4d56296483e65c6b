//! The ABI's serialised forms that a module writes.

/// A header map: a count, the lengths of each name and value, then the bytes, each followed by a
/// NUL; integers little-endian 32 bits. [`policy_kit::Headers::parse`] reads it.
pub(crate) fn headers<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let word = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = Vec::from(word(pairs.clone().count()));
    for (name, value) in pairs.clone() {
        out.extend(word(name.len()));
        out.extend(word(value.len()));
    }
    for (name, value) in pairs {
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
    out
}

/// A property path: segments joined by NUL.
pub(crate) fn path(segments: &[&str]) -> Vec<u8> {
    segments.join("\0").into_bytes()
}

/// A variable of an environment: `NAME=value` entries, each followed by a NUL. The first counts.
pub(crate) fn variable<'a>(environment: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let value = |entry: &'a [u8]| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=");
    environment.split(|byte| *byte == 0).find_map(value)
}

#[cfg(test)]
mod tests {
    use policy_kit::Headers;

    #[test]
    fn what_is_written_reads_back() {
        for pairs in [vec![], vec![("a", "1")], vec![("a", ""), ("b", "x\0y"), ("a", "2")]] {
            let want: Vec<_> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
            let map = Headers::parse(super::headers(want.iter().copied())).unwrap();
            let read: Vec<_> = map.iter().collect();
            assert_eq!(read, want);
        }
    }

    #[test]
    fn paths() {
        assert_eq!(super::path(&["source", "address"]), b"source\0address");
        assert_eq!(super::path(&["pitboss.class"]), b"pitboss.class");
    }

    #[test]
    fn variables() {
        let environment = b"A=1\0AB=x=y\0EMPTY=\0A=2\0ODD\0";
        for (name, want) in [
            ("A", Some(&b"1"[..])),
            ("AB", Some(b"x=y")),
            ("EMPTY", Some(b"")),
            ("ODD", None),
            ("B", None),
        ] {
            assert_eq!(super::variable(environment, name), want, "{name}");
        }
        assert_eq!(super::variable(&[0; 9], "A"), None);
    }
}
