//! The path of a question about a player, with places for whose fact it is.

use policy_kit::percent_encoded;

use crate::identity::Identity;

/// What stands for the parts of a player's name, in full.
const PLACES: [(&str, Place); 3] =
    [("{sub}", Place::Player), ("{brand}", Place::Brand), ("{issuer}", Place::Issuer)];

/// A path with places.
#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Of(Place),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Player,
    Brand,
    Issuer,
}

impl Template {
    /// Reads a path. `None` where the player has no place in it, a place is there twice, or braces are
    /// there that are none.
    pub(super) fn compile(path: &str) -> Option<Self> {
        let (mut parts, mut rest) = (Vec::new(), path);
        while let Some((text, _)) = rest.split_once('{') {
            let after = rest.get(text.len()..)?;
            let found = PLACES.into_iter().find(|(written, _)| after.starts_with(written));
            let (written, place) = found?;
            if parts.contains(&Part::Of(place)) {
                return None;
            }
            parts.extend([Part::Text(text.to_owned()), Part::Of(place)]);
            rest = after.get(written.len()..)?;
        }
        parts.push(Part::Text(rest.to_owned()));
        let closed = |part: &Part| matches!(part, Part::Text(text) if text.contains('}'));
        let good = parts.contains(&Part::Of(Place::Player)) && !parts.iter().any(closed);
        good.then_some(Self(parts))
    }

    /// Whether it tells players of one id apart that are with different brands or issuers.
    pub(super) fn tells_owners(&self) -> bool {
        let owner = |part: &Part| matches!(part, Part::Of(Place::Brand | Place::Issuer));
        self.0.iter().any(owner)
    }

    /// The path for a player. `None` where a part is not known, or is one that readers take out of paths.
    pub(super) fn of(&self, who: &Identity) -> Option<String> {
        let mut path = String::new();
        for part in &self.0 {
            let text = match part {
                Part::Text(text) => {
                    path.push_str(text);
                    continue;
                }
                Part::Of(Place::Player) => &who.player,
                Part::Of(Place::Brand) => &who.brand,
                Part::Of(Place::Issuer) => who.issuer.as_ref()?,
            };
            if text.bytes().all(|b| b == b'.') {
                return None;
            }
            path.push_str(&percent_encoded(text));
        }
        Some(path)
    }
}
