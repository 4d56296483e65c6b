//! The metrics that a VM has defined.

/// Names, each with the number that the gateway gave it.
#[derive(Default)]
pub(crate) struct Names(Vec<(String, u32)>);

impl Names {
    /// The number of a name. The names of a plugin begin alike and differ in their lengths and ends: a search in their order would
    /// compare the same beginning again at each step.
    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let wanted = name.as_bytes();
        let found = self.0.iter().find(|(known, _)| is_same(known.as_bytes(), wanted));
        found.map(|(_, id)| *id)
    }

    /// One more, that is not there yet.
    pub(crate) fn add(&mut self, name: &str, id: u32) {
        self.0.push((name.to_owned(), id));
    }
}

/// Whether two names are the same: from their ends, and eight bytes at a time, which the C library's
/// comparison of bytes does not do.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (one, other) = (one.rchunks_exact(8), other.rchunks_exact(8));
    let rest = one.remainder() == other.remainder();
    let word = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_le_bytes);
    one.zip(other).all(|(one, other)| word(one) == word(other)) && rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_own_number() {
        let list = ["", "a", "b", "abcdefgh", "bbcdefgh", "abcdefgi", "xabcdefgh", "yabcdefgh"];
        let mut names = Names::default();
        for (id, name) in (0..).zip(list) {
            assert_eq!(names.find(name), None, "{name}");
            names.add(name, id);
        }
        for (id, name) in (0..).zip(list) {
            assert_eq!(names.find(name), Some(id), "{name}");
        }
    }
}
