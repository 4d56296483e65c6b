//! Public keys as SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7), the form that gateways accept.

/// RFC 5480: id-ecPublicKey, secp256r1; a bit string of 65 bytes follows.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// RFC 5480: id-ecPublicKey, secp384r1; a bit string of 97 bytes follows.
const P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// RFC 8017 appendix C: rsaEncryption with NULL for parameters.
const RSA: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

/// A point of P-256, uncompressed.
pub(crate) fn p256(point: &[u8]) -> Option<Vec<u8>> {
    (point.len() == 65).then(|| [&P256, point].concat())
}

/// A point of P-384, uncompressed.
pub(crate) fn p384(point: &[u8]) -> Option<Vec<u8>> {
    (point.len() == 97).then(|| [&P384, point].concat())
}

/// An RSA key: modulus and exponent, big-endian.
pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let key = [integer(modulus)?, integer(exponent)?].concat();
    let bits = [vec![0], element(SEQUENCE, &key)?].concat();
    element(SEQUENCE, &[RSA.to_vec(), element(BIT_STRING, &bits)?].concat())
}

/// Modulus and exponent of an RSA key; `None` for bytes that differ from what [`rsa`] writes.
pub(crate) fn read_rsa(spki: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let outer = content(SEQUENCE, spki)?.0;
    let bits = content(BIT_STRING, outer.strip_prefix(&RSA)?)?.0;
    let key = content(SEQUENCE, bits.strip_prefix(&[0])?)?.0;
    let (modulus, rest) = content(INTEGER, key)?;
    let (exponent, _) = content(INTEGER, rest)?;
    // Without the sign byte.
    let digits = |bytes: &[u8]| bytes.strip_prefix(&[0]).unwrap_or(bytes).to_vec();
    let (modulus, exponent) = (digits(modulus), digits(exponent));
    (rsa(&modulus, &exponent)? == spki).then_some((modulus, exponent))
}

/// The content of the first element of `der`, and the rest.
fn content(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [0x81, low, rest @ ..] => (usize::from(*low), rest),
        [0x82, high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        [low, rest @ ..] => (usize::from(*low), rest),
        [] => return None,
    };
    rest.split_at_checked(length)
}

/// A positive integer in DER; `None` for zero.
pub(crate) fn integer(big_endian: &[u8]) -> Option<Vec<u8>> {
    let start = big_endian.iter().position(|byte| *byte != 0)?;
    let digits = big_endian.get(start..)?;
    let sign = digits.first().is_some_and(|byte| byte & 0x80 != 0);
    let digits = if sign { [&[0], digits].concat() } else { digits.to_vec() };
    element(INTEGER, &digits)
}

/// One element of DER, up to 64 KiB.
pub(crate) fn element(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?.to_be_bytes();
    let header: &[u8] = match length {
        [0, low] if low < 0x80 => &[tag, low],
        [0, low] => &[tag, 0x81, low],
        [high, low] => &[tag, 0x82, high, low],
    };
    Some([header, content].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_simple::prelude::*;

    #[test]
    fn encodes_elements() {
        for (length, header) in [
            (0, vec![4, 0]),
            (127, vec![4, 127]),
            (128, vec![4, 0x81, 128]),
            (256, vec![4, 0x82, 1, 0]),
        ] {
            assert_eq!(element(4, &vec![7; length]), Some([header, vec![7; length]].concat()));
        }
        assert_eq!(element(4, &vec![0; 65_536]), None);
    }

    #[test]
    fn reads_rsa_keys_in_pem() {
        let key = RS256KeyPair::generate(2048).unwrap().public_key();
        let der = key.to_der().unwrap();
        let pem = key.to_pem().unwrap();
        assert_eq!(crate::base64url::from_pem(&pem), Some(der.clone()));
        let rsa_key = key.public_key().as_ref();
        let parts = (rsa_key.n().to_vec(), rsa_key.e().to_vec());
        assert_eq!(read_rsa(&der), Some(parts));
        let at = |i: usize, byte: u8| {
            let mut bad = der.clone();
            bad[i] = byte;
            bad
        };
        for (name, bad) in [
            ("nothing", vec![]),
            ("a byte more", [&der[..], &[0]].concat()),
            ("a byte less", der[..der.len() - 1].to_vec()),
            ("another length", at(3, der[3] ^ 1)),
            ("another algorithm", at(14, 11)),
            ("no sequence", at(0, 0x31)),
        ] {
            assert_eq!(read_rsa(&bad), None, "{name}");
        }
        let ec = ES256KeyPair::generate().public_key();
        assert_eq!(read_rsa(&ec.to_der().unwrap()), None);
        let two = format!("{pem}{pem}");
        let private = pem.replace("PUBLIC", "PRIVATE");
        for bad in ["", &pem[1..], &two, &private, &pem.replacen("\n", "!", 2)] {
            assert_eq!(crate::base64url::from_pem(bad), None, "{bad}");
        }
    }

    #[test]
    fn encodes_integers() {
        for (bytes, want) in [
            (&[0u8, 0, 1][..], Some(vec![2, 1, 1])),
            (&[0x80], Some(vec![2, 2, 0, 0x80])),
            (&[0x7f, 0xff], Some(vec![2, 2, 0x7f, 0xff])),
            (&[0, 0], None),
            (&[], None),
        ] {
            assert_eq!(integer(bytes), want, "{bytes:?}");
        }
    }

    #[test]
    fn agrees_with_another_der_encoder() {
        let p256_key = ES256KeyPair::generate().public_key();
        let point = p256_key.public_key().as_ref().to_sec1_point(false);
        assert_eq!(p256(point.as_bytes()), p256_key.to_der().ok());
        let p384_key = ES384KeyPair::generate().public_key();
        let point = p384_key.public_key().as_ref().to_sec1_point(false);
        assert_eq!(p384(point.as_bytes()), p384_key.to_der().ok());
        for bits in [2048, 3072] {
            let key = RS256KeyPair::generate(bits).unwrap().public_key();
            let rsa_key = key.public_key().as_ref();
            assert_eq!(rsa(&rsa_key.n().to_vec(), &rsa_key.e().to_vec()), key.to_der().ok());
        }
    }
}
