//! What a worker knows of the tokens of one key, as it lies in the table of leases.

/// Bytes of a slot besides its hash and time.
pub(crate) const LENGTH: usize = 9;

/// Tokens of one key. The slot's time is until when this is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Redis had none.
    pub(crate) refused: bool,
    pub(crate) left: u32,
    /// How many the last grants brought.
    pub(crate) granted: u32,
}

impl Tokens {
    pub(crate) fn write(self) -> [u8; LENGTH] {
        let mut out = [u8::from(self.refused); LENGTH];
        for (to, from) in out
            .iter_mut()
            .skip(1)
            .zip(self.left.to_le_bytes().iter().chain(&self.granted.to_le_bytes()))
        {
            *to = *from;
        }
        out
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (refused, rest) = bytes.split_first()?;
        let (left, rest) = rest.split_first_chunk()?;
        let granted = rest.first_chunk()?;
        let number = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        Some(Self { refused: *refused != 0, left: number(left), granted: number(granted) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_written() {
        for tokens in [
            Tokens::default(),
            Tokens { refused: true, left: 0, granted: 7 },
            Tokens { refused: false, left: u32::MAX, granted: 0x0102_0304 },
        ] {
            assert_eq!(Tokens::read(&tokens.write()), Some(tokens));
        }
        assert_eq!(Tokens::read(&[0; 8]), None);
    }
}
