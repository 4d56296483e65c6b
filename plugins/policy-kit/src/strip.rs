//! Headers that a client may not send on.

use crate::{Fault, Headers, Host, MapKind};

/// Names of headers that are taken out of requests.
#[derive(Clone, Debug, Default)]
pub struct HeaderNames {
    /// Each with its [`Headers::bit`]: every request is asked for all of them, and has hardly any.
    names: Vec<(u64, String)>,
    /// One bit for each length that a name has.
    lengths: u64,
}

impl HeaderNames {
    /// These, in lower case.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.insert(name));
        all
    }

    /// One more, in lower case.
    pub fn insert(&mut self, name: &str) {
        debug_assert!(!name.bytes().any(|b| b.is_ascii_uppercase()), "{name}");
        if !self.contains(name) {
            self.names.push((Headers::bit(name.as_bytes()), name.to_owned()));
            self.lengths |= length(name.as_bytes());
        }
    }

    /// Whether this is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|(_, known)| known == name)
    }
}

fn length(name: &[u8]) -> u64 {
    1 << (name.len() % 64)
}

/// Removes every request header of these names, also where it is spelt with `_` for `-`: some upstreams
/// read `x_player_id` as they read `x-player-id`. `headers` is what the gateway told of them.
///
/// # Errors
/// The gateway refused.
pub fn strip(host: &mut dyn Host, headers: &Headers, all: &HeaderNames) -> Result<(), Fault> {
    let sent = all.names.iter().filter(|(bit, name)| headers.may_have(*bit) && headers.has(name));
    for (_, name) in sent {
        host.remove_header(MapKind::Request, name)?;
    }
    let alike = |name: &[u8]| length(name) & all.lengths != 0 && name.contains(&b'_');
    for (name, _) in headers.iter().filter(|(name, _)| alike(name)) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if all.contains(&name.replace('_', "-").to_ascii_lowercase()) {
            host.remove_header(MapKind::Request, name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    #[test]
    fn every_spelling_goes_and_nothing_else() {
        let sent =
            ["x-a", "X-A", "x_a", "X_a", "x-a", "x-ab", "x_b", "xa", "x__a", "x-b-c", "x_b-c"];
        let headers: Vec<_> = sent.iter().map(|name| (*name, "v")).collect();
        let mut host = FakeHost::request(&headers);
        let headers = host.headers(MapKind::Request).unwrap();
        strip(&mut host, &headers, &HeaderNames::new(["x-a", "x-b-c", "x-none"])).unwrap();
        let left: Vec<_> = host.request.iter().map(|(name, _)| name.as_slice()).collect();
        assert_eq!(left, [&b"x-ab"[..], b"x_b", b"xa", b"x__a"]);
        let mut failing =
            FakeHost::request(&[("x-a", "v")]).failing("proxy_remove_header_map_value", 2);
        let headers = failing.headers(MapKind::Request).unwrap();
        assert!(strip(&mut failing, &headers, &HeaderNames::new(["x-a"])).is_err());
    }
}
