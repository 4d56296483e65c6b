//! Envoy's foreign function `verify_signature`: its request and its response, in protocol buffers.

use crate::alg::Alg;
use crate::spki;

/// The name of the function.
pub(crate) const FUNCTION: &str = "verify_signature";

/// Whether a response says that the signature is valid: field 1, true, and nothing else. Status Ok alone only
/// means that the function ran.
pub(crate) fn is_valid(response: &[u8]) -> bool {
    response == [0x08, 0x01]
}

/// The request: 1 hash name, 2 key (SPKI, DER), 3 signature, 4 text. `None` for an unsupported algorithm.
pub(crate) fn request(alg: Alg, spki: &[u8], input: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let hash = alg.host_hash()?;
    let der;
    let signature = match alg.ecdsa_half() {
        Some(half) => {
            der = ecdsa_der(signature, half)?;
            der.as_slice()
        }
        None => signature,
    };
    let mut out = Vec::with_capacity(spki.len() + signature.len() + input.len() + 32);
    for (field, bytes) in [(1u8, hash.as_bytes()), (2, spki), (3, signature), (4, input)] {
        out.push(field << 3 | 2);
        push_varint(bytes.len(), &mut out);
        out.extend_from_slice(bytes);
    }
    Some(out)
}

fn push_varint(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        out.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

/// Converts r and s from JWS's concatenation to the ASN.1 sequence of two integers that Envoy expects. `None`
/// if one of them is zero, which is never valid (the "psychic signature").
fn ecdsa_der(raw: &[u8], half: usize) -> Option<Vec<u8>> {
    if raw.len() != half * 2 {
        return None;
    }
    let (r, s) = raw.split_at(half);
    spki::element(0x30, &[spki::integer(r)?, spki::integer(s)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_signatures_to_asn1() {
        let raw = |r: u8, s: u8| {
            let mut raw = vec![0; 64];
            raw[31] = r;
            raw[63] = s;
            raw
        };
        for (signature, want) in [
            (raw(1, 2), Some(vec![0x30, 6, 2, 1, 1, 2, 1, 2])),
            (raw(0x80, 2), Some(vec![0x30, 7, 2, 2, 0, 0x80, 2, 1, 2])),
            (raw(0, 2), None),
            (raw(1, 0), None),
            (vec![1; 63], None),
            (vec![1; 65], None),
        ] {
            assert_eq!(ecdsa_der(&signature, 32), want);
        }
        assert_eq!(ecdsa_der(&[0xff; 96], 48).map(|der| der.len()), Some(104));
    }

    #[test]
    fn encodes_varints() {
        for (value, want) in
            [(0, vec![0]), (127, vec![127]), (128, vec![128, 1]), (300, vec![0xac, 2])]
        {
            let mut out = Vec::new();
            push_varint(value, &mut out);
            assert_eq!(out, want, "{value}");
        }
    }

    #[test]
    fn only_true_is_valid() {
        for (answer, want) in [
            (&[8, 1][..], true),
            (&[], false),
            (&[8, 0], false),
            (&[8, 1, 8, 0], false),
            (&[18, 1, 120], false),
        ] {
            assert_eq!(is_valid(answer), want, "{answer:?}");
        }
    }
}
