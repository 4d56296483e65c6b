//! Hostile bytes: what every parser of policy-wire and policy-kit must hold to, whatever comes.
#![allow(clippy::unwrap_used)] // helpers of a test

use policy_kit::{address, canonical_path, query, strict_json, BodyFormat, Content, Headers};

/// A map in the ABI's serialised form, as a test may write it: see [`Headers::parse`].
fn serialised(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let word = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut out = word(pairs.len()).to_vec();
    for (name, value) in pairs {
        out.extend(word(name.len()));
        out.extend(word(value.len()));
    }
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        out.extend_from_slice(part);
        out.push(0);
    }
    out
}

#[test]
fn a_header_map_that_is_read_is_the_one_that_was_written() {
    let one = serialised(&[(b":path", b"/api/bets"), (b"cookie", b"a=1; b"), (b"x", b"")]);
    let two = serialised(&[(b"host", b"a"), (b"host", b"\xff")]);
    fuzz::run("header map", &[&one, &two, b""], &[], |bytes| {
        let Some(headers) = Headers::parse(bytes.to_vec()) else { return };
        let pairs: Vec<_> = headers.iter().collect();
        let again = Headers::parse(serialised(&pairs)).unwrap();
        assert!(again.iter().eq(pairs.iter().copied()));
        for (name, _) in pairs {
            let name = String::from_utf8_lossy(name);
            headers.single(&name);
            assert!(headers.all(&name).count() <= headers.iter().count());
        }
    });
}

#[test]
fn a_canonical_path_has_one_reading() {
    let seeds: [&[u8]; 4] =
        [b"/api/bets?x=1", b"/a/%41/..;b/c", b"/wallet/%e2%82%ac/x", b"http://h/x"];
    fuzz::run("path", &seeds, &["%2f", "..", "/./", "//", "%25", ";x=", "%00"], |target| {
        let Ok(path) = canonical_path(target) else { return };
        assert!(
            path.starts_with('/') && !path.contains("//") && !path.contains(['\\', '?', '#', ';'])
        );
        assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
        // What is left encoded stays so; everything else reads the same again.
        if !path.contains('%') {
            assert_eq!(canonical_path(path.as_bytes()).as_deref(), Ok(&*path));
        }
    });
}

#[test]
fn strict_json_is_json_that_every_reader_reads_alike() {
    let seeds: [&[u8]; 3] = [
        br#"{"id":"x","stake":5,"legs":[{"e":1.5e3},null,true]}"#,
        b"[1,[2,[3]]]",
        b"\"\\u00e9\\ud83d\\ude00\"",
    ];
    let words = ["{\"id\":", "\"ID\":1,", "[[", "1e999", "\\ud800", "-0", "\u{feff}", "01"];
    fuzz::run("json", &seeds, &words, |bytes| {
        let Some(value) = strict_json(bytes) else { return };
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(text).ok(), Some(value));
    });
}

#[test]
fn bodies_are_read_within_their_limit() {
    let seeds: [&[u8]; 3] = [
        br#"{"id":"x","a":{"b":[1,2]}}"#,
        b"id=x&a=%31+2&a=3",
        // An empty member of gzip, and one with `{"id":1}` stored.
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x08\0\xf7\xff{\"id\":1}\0\0\0\0\x08\0\0\0",
    ];
    let formats: Vec<BodyFormat> = [
        ("application/json", ""),
        ("application/x-www-form-urlencoded", ""),
        ("application/json", "gzip"),
        ("text/plain", ""),
    ]
    .into_iter()
    .map(|(kind, coding)| {
        let pairs = [
            (&b"content-type"[..], kind.as_bytes()),
            (&b"content-encoding"[..], coding.as_bytes()),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        BodyFormat::by(&Headers::from_pairs(pairs))
    })
    .collect();
    fuzz::run("body", &seeds, &["\"id\":", "id=", "&", "%", "[", "null"], |bytes| {
        for format in &formats {
            let content = Content::new(bytes, *format, 64);
            let one = content.value_at("/id");
            let all = content.pick(&["/id", "/a/b/0", ""]);
            if let (Ok(one), Ok(all)) = (one, all) {
                assert_eq!(Some(&one), all.first());
            }
        }
    });
}

#[test]
fn a_query_parameter_that_is_read_is_there_once() {
    let seeds: [&[u8]; 3] = [b"/x?token=abc&a=1", b"/x?a=%74&token", b"/x"];
    fuzz::run("query", &seeds, &["&token=", "?", "%74oken=", ";", "+", "#", "TOKEN="], |target| {
        if let Ok(Some(value)) = query::parameter(target, "token") {
            let rest = query::without(target, &["token"]).unwrap_or_else(|| target.to_vec());
            assert_eq!(query::parameter(&rest, "token"), Ok(None), "{value}");
        }
    });
}

#[test]
fn an_address_that_is_read_reads_back() {
    let seeds: [&[u8]; 4] =
        [b"192.0.2.1:443", b"[2001:db8::1]:80", b"2001:db8::1", b"::ffff:192.0.2.1"];
    fuzz::run("address", &seeds, &["::", "[", "]", ":", "0x", "%eth0", "."], |text| {
        if let Some(one) = address(text) {
            assert_eq!(address(one.to_string().as_bytes()), Some(one));
        }
    });
}
