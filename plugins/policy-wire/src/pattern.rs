//! A path beside the patterns of endpoints.

/// One step of a pattern. The order is the order of specificity, least first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Here a prefix ends: anything may follow.
    Rest,
    /// Here the pattern ends and the path must, too.
    End,
    /// Any one segment that is not empty.
    Any,
    /// Exactly this segment.
    Exactly(String),
}

/// A path that is compared with many patterns.
#[derive(Clone, Copy)]
pub struct Segments<'a> {
    text: &'a [u8],
    /// How many segments it has: what follows each of its slashes.
    count: usize,
}

impl<'a> Segments<'a> {
    /// Measures a path that reads the same to everyone.
    pub fn new(path: &'a str) -> Self {
        let text = path.as_bytes();
        Self { text, count: text.iter().filter(|b| **b == b'/').count() }
    }

    /// How many segments it has.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether it is one of the paths of a pattern, segments being the `same` as those that it names.
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
