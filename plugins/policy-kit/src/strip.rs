//! Headers that a client may not send on.

use crate::{Fault, Headers, Host, MapKind};

/// Removes every request header of these names, also where it is spelt with `_` for `-`: some upstreams
/// read `x_player_id` as they read `x-player-id`. `headers` is what the gateway told of them.
///
/// # Errors
/// The gateway refused.
pub fn strip(host: &mut dyn Host, headers: &Headers, names: &[String]) -> Result<(), Fault> {
    for name in names.iter().filter(|name| headers.has(name)) {
        host.remove_header(MapKind::Request, name)?;
    }
    for (name, _) in headers.iter().filter(|(name, _)| name.contains(&b'_')) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let dashed = name.replace('_', "-");
        if names.iter().any(|known| known.eq_ignore_ascii_case(&dashed)) {
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
        strip(&mut host, &headers, &["x-a", "x-b-c", "x-none"].map(str::to_owned)).unwrap();
        let left: Vec<_> = host.request.iter().map(|(name, _)| name.as_slice()).collect();
        assert_eq!(left, [&b"x-ab"[..], b"x_b", b"xa", b"x__a"]);
        let mut failing =
            FakeHost::request(&[("x-a", "v")]).failing("proxy_remove_header_map_value", 2);
        let headers = failing.headers(MapKind::Request).unwrap();
        assert!(strip(&mut failing, &headers, &["x-a".to_owned()]).is_err());
    }
}
