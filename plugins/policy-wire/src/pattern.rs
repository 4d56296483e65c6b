//! Paths compared with the patterns of endpoints.

/// One segment of a pattern. The order is that of specificity, least first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The end of a prefix: anything may follow.
    Rest,
    /// The end of the pattern: the path must end, too.
    End,
    /// Any segment that is not empty.
    Any,
    /// Exactly this segment.
    Exactly(String),
}

/// A path that is compared with many patterns.
#[derive(Clone, Copy)]
pub struct Segments<'a> {
    text: &'a [u8],
    /// Number of segments, one after each slash.
    count: usize,
}

impl<'a> Segments<'a> {
    /// Counts the segments of a canonical path.
    pub fn new(path: &'a str) -> Self {
        let text = path.as_bytes();
        Self { text, count: text.iter().filter(|b| **b == b'/').count() }
    }

    /// Number of segments.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether the pattern matches it; `same` compares a segment with one that the pattern names.
    pub fn fits(&self, parts: &[Part], same: fn(&[u8], &[u8]) -> bool) -> bool {
        let mut segments = self.text.split(|b| *b == b'/').skip(1);
        for part in parts {
            match part {
                Part::Rest => return true,
                Part::End => return segments.next().is_none(),
                Part::Any => match segments.next() {
                    Some(segment) if !segment.is_empty() => {}
                    _ => return false,
                },
                Part::Exactly(want) => {
                    if !segments.next().is_some_and(|segment| same(segment, want.as_bytes())) {
                        return false;
                    }
                }
            }
        }
        true
    }
}
