//! Output of another implementation, and members that no implementation writes.

use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;

use super::*;

/// A member of gzip around what is deflated.
fn gzip(text: &[u8], level: u8) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(compress_to_vec(text, level));
    out.extend(crc(text).to_le_bytes());
    out.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    out
}

#[test]
fn the_checksum_is_crc32() {
    assert_eq!(crc(b"123456789"), 0xcbf4_3926, "the check value of CRC-32/ISO-HDLC");
}

#[test]
fn rejects_malformed_members() {
    let text = br#"{"transaction_id":"tx-0002-aaa1","status":"approved"}"#;
    let plain = gzip(text, 6);
    let with = |flags: u8, fields: &[u8]| {
        let mut member = plain.clone();
        member[3] = flags;
        member.splice(10..10, fields.iter().copied());
        member
    };
    let changed = |at: usize| {
        let mut member = plain.clone();
        member[at] ^= 1;
        member
    };
    let length = plain.len();
    for (member, whole) in [
        (plain.clone(), true),
        (with(8, b"body.json\0"), true),
        (with(16, b"a comment\0"), true),
        (with(4, b"\x03\0abc"), true),
        (with(2, b"\x12\x34"), true),
        (with(31, b"\x01\0abody\0comment\0\x12\x34"), true),
        (with(32, b""), false),
        (with(8, b""), false),
        (changed(0), false),
        (changed(2), false),
        (changed(length - 1), false),
        (changed(length - 5), false),
        (plain[..length - 1].to_vec(), false),
        ([plain.as_slice(), b"x"].concat(), false),
        // Readers disagree about a second one.
        ([plain.as_slice(), &plain].concat(), false),
        (text.to_vec(), false),
        (Vec::new(), false),
    ] {
        let got = gunzip(&member, 1_000);
        assert_eq!(
            got,
            if whole { Ok(text.to_vec()) } else { Err(Fault::Broken) },
            "{member:02x?}"
        );
    }
}

#[test]
fn bombs_are_cut_short() {
    let zeros = vec![0; 1 << 20];
    let bomb = gzip(&zeros, 9);
    assert!(bomb.len() * RATIO < zeros.len(), "{}", bomb.len());
    assert_eq!(gunzip(&bomb, 1 << 20), Err(Fault::TooLong), "a thousand times itself");
    let text: Vec<u8> = (0..2_000_u32).flat_map(|n| (n * n).to_string().into_bytes()).collect();
    for (limit, want) in [(text.len(), Ok(text.clone())), (text.len() - 1, Err(Fault::TooLong))] {
        assert_eq!(gunzip(&gzip(&text, 6), limit), want);
        assert_eq!(gunzip(&gzip(&text, 0), limit), want, "stored");
    }
}

proptest! {
    #[test]
    fn reads_the_output_of_miniz(
        text in prop::collection::vec("[a-d]{0,9}|\\PC{0,40}", 0..60), level in 0_u8..=10,
    ) {
        let text = text.concat();
        prop_assert_eq!(gunzip(&gzip(text.as_bytes(), level), 1 << 20), Ok(text.into_bytes()));
    }

    #[test]
    fn bytes_compress_and_come_back(
        bytes in prop::collection::vec(any::<u8>(), 0..4_000), level in 0_u8..=10,
    ) {
        prop_assert_eq!(gunzip(&gzip(&bytes, level), 1 << 20), Ok(bytes));
    }

    #[test]
    fn any_bytes_decompress_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        member.extend(bytes);
        prop_assert!(gunzip(&member, 10_000).map_or(true, |out| out.len() <= 10_000));
    }
}
