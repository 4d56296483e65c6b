//! Reads one gzip member (RFC 1952) with DEFLATE in it (RFC 1951).
//!
//! Request bodies are short, so this is small rather than fast: a library's tables would be a twentieth of
//! each module. The output is bounded by the limit and by [`RATIO`] times the input.

/// Most bytes that one byte of a compressed body may become. Repetitive JSON comes to 20 or 30; DEFLATE can come
/// to 1032.
pub(crate) const RATIO: usize = 100;
/// Longest code of an alphabet, in bits.
const LONGEST: usize = 15;
/// The order of the code length codes (RFC 1951 section 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The first length of each of the 29 ranges, and the number of extra bits (section 3.2.5).
#[rustfmt::skip]
const LENGTHS: [(u16, u8); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0),
    (11, 1), (13, 1), (15, 1), (17, 1), (19, 2), (23, 2), (27, 2), (31, 2),
    (35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4), (115, 4),
    (131, 5), (163, 5), (195, 5), (227, 5), (258, 0),
];
/// CRC-32 of each half byte.
#[rustfmt::skip]
const CRC: [u32; 16] = [
    0x0000_0000, 0x1db7_1064, 0x3b6e_20c8, 0x26d9_30ac,
    0x76dc_4190, 0x6b6b_51f4, 0x4db2_6158, 0x5005_713c,
    0xedb8_8320, 0xf00f_9344, 0xd6d6_a3e8, 0xcb61_b38c,
    0x9b64_c2b0, 0x86d3_d2d4, 0xa00a_e278, 0xbdbd_f21c,
];

/// Why a body could not be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not exactly one gzip member.
    Broken,
    /// The output is over the limit.
    TooLong,
}

/// Decompresses one member of gzip, to `limit` bytes at most.
pub(crate) fn gunzip(packed: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let most = limit.min(packed.len().saturating_mul(RATIO));
    let mut bits = Bits { bytes: deflated(packed).ok_or(Fault::Broken)?, held: 0, count: 0 };
    let mut out = Vec::new();
    loop {
        let last = bits.take(1).ok_or(Fault::Broken)? == 1;
        match bits.take(2) {
            Some(0) => stored(&mut bits, &mut out, most)?,
            Some(1) => {
                let (codes, distances) = fixed().ok_or(Fault::Broken)?;
                block(&mut bits, &codes, &distances, &mut out, most)?;
            }
            Some(2) => {
                let (codes, distances) = dynamic(&mut bits).ok_or(Fault::Broken)?;
                block(&mut bits, &codes, &distances, &mut out, most)?;
            }
            _ => return Err(Fault::Broken),
        }
        if last {
            break;
        }
    }
    // At most one byte is taken ahead of its bits, so no whole byte is lost here.
    let Some((trailer, [])) = bits.bytes.split_at_checked(8) else { return Err(Fault::Broken) };
    let size = u32::try_from(out.len()).map_err(|_| Fault::TooLong)?;
    let expected = [crc(&out).to_le_bytes(), size.to_le_bytes()].concat();
    if expected == trailer {
        Ok(out)
    } else {
        Err(Fault::Broken)
    }
}

/// What follows the header of a member (RFC 1952 section 2.3).
fn deflated(packed: &[u8]) -> Option<&[u8]> {
    let [header_crc, extra, name, comment, reserved] = [2, 4, 8, 16, 0xe0_u8];
    let (header, mut rest) = packed.split_at_checked(10)?;
    let [0x1f, 0x8b, 8, flags, ..] = header else { return None };
    if flags & reserved != 0 {
        return None;
    }
    if flags & extra != 0 {
        let (length, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for _ in [name, comment].iter().filter(|flag| flags & *flag != 0) {
        let end = rest.iter().position(|byte| *byte == 0)?;
        rest = rest.get(end + 1..)?;
    }
    rest.get(if flags & header_crc != 0 { 2.. } else { 0.. })
}

fn crc(bytes: &[u8]) -> u32 {
    let half = |crc: u32| {
        let at = usize::try_from(crc & 15).unwrap_or_default();
        crc >> 4 ^ CRC.get(at).copied().unwrap_or_default()
    };
    !bytes.iter().fold(!0, |crc, byte| half(half(crc ^ u32::from(*byte))))
}

/// Bits, the lowest of each byte first. A byte is taken when its first bit is.
struct Bits<'a> {
    bytes: &'a [u8],
    held: u32,
    count: u32,
}

impl Bits<'_> {
    /// The next `count` bits, up to 16.
    fn take(&mut self, count: u32) -> Option<u32> {
        while self.count < count {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            self.held |= u32::from(*byte) << self.count;
            self.count += 8;
        }
        let taken = self.held & ((1 << count) - 1);
        self.held >>= count;
        self.count -= count;
        Some(taken)
    }

    fn size(&mut self, count: u8) -> Option<usize> {
        usize::try_from(self.take(u32::from(count))?).ok()
    }

    /// The next symbol of an alphabet.
    fn symbol(&mut self, codes: &Codes) -> Option<u16> {
        let (mut code, mut first, mut at) = (0_usize, 0_usize, 0_usize);
        for count in codes.counts.iter().skip(1).map(|count| usize::from(*count)) {
            code |= self.size(1)?;
            if code < first + count {
                return codes.symbols.get(at + code - first).copied();
            }
            at += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// A canonical Huffman code (RFC 1951 section 3.2.2).
struct Codes {
    /// How many codes there are of each length.
    counts: [u16; LONGEST + 1],
    /// Symbols in the order of their codes.
    symbols: Vec<u16>,
}

impl Codes {
    /// The code whose symbols have these lengths; `None` where it has more codes than fit. Fewer do no harm: a
    /// code without a symbol is an error when it is read.
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0_u16; LONGEST + 1];
        for length in lengths.iter().filter(|length| **length > 0) {
            *counts.get_mut(usize::from(*length))? += 1;
        }
        let (mut left, mut symbols) = (1_u32, Vec::with_capacity(lengths.len()));
        for (length, count) in (0_u8..).zip(counts).skip(1) {
            left = (left << 1).checked_sub(u32::from(count))?;
            if count > 0 {
                let coded = (0_u16..).zip(lengths).filter(|(_, other)| **other == length);
                symbols.extend(coded.map(|(symbol, _)| symbol));
            }
        }
        Some(Self { counts, symbols })
    }
}

fn fixed() -> Option<(Codes, Codes)> {
    let length = |symbol| match symbol {
        0..=143 | 280..=287 => 8,
        144..=255 => 9,
        _ => 7,
    };
    let lengths: Vec<u8> = (0..288).map(length).collect();
    Some((Codes::new(&lengths)?, Codes::new(&[5; 30])?))
}

fn dynamic(bits: &mut Bits<'_>) -> Option<(Codes, Codes)> {
    let (codes, distances) = (bits.size(5)? + 257, bits.size(5)? + 1);
    let mut lengths = [0; 19];
    for at in ORDER.iter().take(bits.size(4)? + 4) {
        *lengths.get_mut(*at)? = u8::try_from(bits.take(3)?).ok()?;
    }
    let of_lengths = Codes::new(&lengths)?;
    let mut lengths: Vec<u8> = Vec::new();
    while lengths.len() < codes + distances {
        let (length, times) = match bits.symbol(&of_lengths)? {
            16 => (*lengths.last()?, bits.size(2)? + 3),
            17 => (0, bits.size(3)? + 3),
            18 => (0, bits.size(7)? + 11),
            length => (u8::try_from(length).ok()?, 1),
        };
        lengths.resize(lengths.len() + times, length);
    }
    let (codes, distances) =
        lengths.split_at_checked(codes).filter(|(_, d)| d.len() == distances)?;
    Some((Codes::new(codes)?, Codes::new(distances)?))
}

/// A block that is not compressed. The remaining bits of the last byte are skipped.
fn stored(bits: &mut Bits<'_>, out: &mut Vec<u8>, most: usize) -> Result<(), Fault> {
    (bits.held, bits.count) = (0, 0);
    let (length, check) = (bits.take(16), bits.take(16));
    let (Some(length), Some(check)) = (length, check) else { return Err(Fault::Broken) };
    let length = usize::try_from(length).ok().filter(|_| length ^ check == 0xffff);
    let block = length.and_then(|length| bits.bytes.split_at_checked(length));
    let (block, rest) = block.ok_or(Fault::Broken)?;
    bits.bytes = rest;
    check_limit(out, block.len(), most)?;
    out.extend_from_slice(block);
    Ok(())
}

fn block(
    bits: &mut Bits<'_>,
    codes: &Codes,
    distances: &Codes,
    out: &mut Vec<u8>,
    most: usize,
) -> Result<(), Fault> {
    loop {
        match bits.symbol(codes).ok_or(Fault::Broken)? {
            256 => return Ok(()),
            symbol => match u8::try_from(symbol) {
                Ok(byte) => {
                    check_limit(out, 1, most)?;
                    out.push(byte);
                }
                Err(_) => copy(bits, symbol, distances, out, most)?,
            },
        }
    }
}

/// Repeats earlier output: a length and a distance.
fn copy(
    bits: &mut Bits<'_>,
    symbol: u16,
    distances: &Codes,
    out: &mut Vec<u8>,
    most: usize,
) -> Result<(), Fault> {
    let mut read = || {
        let (base, extra) = *LENGTHS.get(usize::from(symbol.checked_sub(257)?))?;
        let length = usize::from(base) + bits.size(extra)?;
        let code = bits.symbol(distances).filter(|code| *code < 30)?;
        let extra = u8::try_from((code >> 1).saturating_sub(1)).ok()?;
        let base = if code < 2 { code.into() } else { (2 + usize::from(code & 1)) << extra };
        let from = out.len().checked_sub(base + 1 + bits.size(extra)?)?;
        Some((length, from))
    };
    let (length, from) = read().ok_or(Fault::Broken)?;
    check_limit(out, length, most)?;
    for at in from..from + length {
        // The source may overlap what is written here.
        let byte = *out.get(at).ok_or(Fault::Broken)?;
        out.push(byte);
    }
    Ok(())
}

fn check_limit(out: &[u8], more: usize, most: usize) -> Result<(), Fault> {
    if out.len() + more > most {
        return Err(Fault::TooLong);
    }
    Ok(())
}

#[cfg(test)]
#[path = "gzip_tests.rs"]
mod tests;
