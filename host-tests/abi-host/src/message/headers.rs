//! Header maps: ordered pairs of bytes, with the wire form the ABI carries them in.

/// A header map. Names are kept in lower case unless they were added as written, and are looked for in
/// either; values are any bytes, and equal names may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many pairs the map holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is not one pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value under `name`, which is all that a single-value read of the ABI shows.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Every value under `name`, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| &**value)
    }

    /// The first value under `name` as text, or `None` when it is absent or not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Appends a pair, keeping those that have the same name.
    pub fn add(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.push((name.as_ref().to_ascii_lowercase(), value.as_ref().to_vec()));
    }

    /// Appends a pair whose name keeps the case that a client gave it.
    pub fn add_as_written(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
    }

    /// Puts all names in lower case.
    pub(crate) fn lower_names(&mut self) {
        self.0.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    }

    /// Gives `name` this one value: the first pair keeps its place, later ones go.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let name = name.as_ref();
        let mut found = false;
        self.0.retain_mut(|(key, current)| {
            if !key.eq_ignore_ascii_case(name) {
                return true;
            }
            if found {
                return false;
            }
            found = true;
            current.clear();
            current.extend_from_slice(value.as_ref());
            true
        });
        if !found {
            self.add(name, value);
        }
    }

    /// Drops every pair under `name`.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) {
        let name = name.as_ref();
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The pairs themselves.
    pub fn into_pairs(self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.0
    }

    /// The bytes of all names and values together.
    pub fn byte_size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Moves the pseudo headers to the front, where a gateway's own map has them.
    pub fn pseudo_first(&mut self) {
        self.0.sort_by_key(|(name, _)| !name.starts_with(b":"));
    }

    /// Serialises the map: the count, all sizes, then all texts, each with a closing zero.
    pub(crate) fn write_wire(&self, out: &mut Vec<u8>) {
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        out.extend_from_slice(&u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (name, value) in &self.0 {
            out.extend_from_slice(&size(name));
            out.extend_from_slice(&size(value));
        }
        for (name, value) in &self.0 {
            out.extend_from_slice(name);
            out.push(0);
            out.extend_from_slice(value);
            out.push(0);
        }
    }

    /// Reads a serialised map. A map that does not fit its own sizes reads as an empty one.
    pub(crate) fn from_wire(bytes: &[u8]) -> Self {
        Self::parse_wire(bytes).unwrap_or_default()
    }

    fn parse_wire(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = take_u32(bytes)?;
        let count = usize::try_from(count).ok()?;
        let mut texts = rest.get(count.checked_mul(8)?..)?;
        let mut sizes = rest;
        let mut map = Self(Vec::with_capacity(count));
        for _ in 0..count {
            let (name_size, after_name) = take_u32(sizes)?;
            let (value_size, after_value) = take_u32(after_name)?;
            sizes = after_value;
            let (name, after_name) = take_text(texts, name_size)?;
            let (value, after_value) = take_text(after_name, value_size)?;
            texts = after_value;
            map.add(name, value);
        }
        Some(map)
    }
}

fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), rest))
}

fn take_text(bytes: &[u8], size: u32) -> Option<(&[u8], &[u8])> {
    let size = usize::try_from(size).ok()?;
    let text = bytes.get(..size)?;
    let rest = bytes.get(size.checked_add(1)?..)?;
    Some((text, rest))
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        let mut map = Self::new();
        for (name, value) in pairs {
            map.add(name, value);
        }
        map
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>, const C: usize> From<[(N, V); C]> for Headers {
    fn from(pairs: [(N, V); C]) -> Self {
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_round_trips() {
        let map = Headers::from([(":path", &b"/"[..]), ("x", b""), ("x", b"\xff\x00")]);
        let mut wire = Vec::new();
        map.write_wire(&mut wire);
        assert_eq!(wire.len(), 4 + map.len() * 10 + map.byte_size());
        assert_eq!(Headers::from_wire(&wire), map);
        for cut in 0..wire.len() {
            assert!(Headers::from_wire(&wire[..cut]).is_empty(), "cut at {cut}");
        }
        assert!(Headers::from_wire(&[0xff; 64]).is_empty());
    }

    #[test]
    fn set_replaces_the_first_value_and_drops_the_rest() {
        let mut map = Headers::from([("a", "1"), ("b", "2"), ("A", "3")]);
        map.set("a", "9");
        assert_eq!(map, Headers::from([("a", "9"), ("b", "2")]));
        map.set("C", "1");
        assert_eq!(map.get("c"), Some(&b"1"[..]));
    }
}
