//! The path of a call to the PAM, with placeholders for the player.

use policy_kit::percent_encoded;

/// Placeholders as the configuration writes them.
const PLACEHOLDERS: [(&str, Placeholder); 3] = [
    ("{sub}", Placeholder::Player),
    ("{brand}", Placeholder::Brand),
    ("{issuer}", Placeholder::Issuer),
];

/// A path template.
#[derive(Clone, Debug)]
pub struct PamPath(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Of(Placeholder),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Player,
    Brand,
    Issuer,
}

impl PamPath {
    /// Parses a template. `None` without `{sub}`, with a placeholder given twice, or with other braces.
    pub(super) fn compile(path: &str) -> Option<Self> {
        let (mut parts, mut rest) = (Vec::new(), path);
        while let Some((text, _)) = rest.split_once('{') {
            let after = rest.get(text.len()..)?;
            let found = PLACEHOLDERS.into_iter().find(|(written, _)| after.starts_with(written));
            let (written, placeholder) = found?;
            if parts.contains(&Part::Of(placeholder)) {
                return None;
            }
            parts.extend([Part::Text(text.to_owned()), Part::Of(placeholder)]);
            rest = after.get(written.len()..)?;
        }
        parts.push(Part::Text(rest.to_owned()));
        let closed = |part: &Part| matches!(part, Part::Text(text) if text.contains('}'));
        let good = parts.contains(&Part::Of(Placeholder::Player)) && !parts.iter().any(closed);
        good.then_some(Self(parts))
    }

    /// Whether players with the same id at different brands or issuers have different paths.
    pub(super) fn has_owner(&self) -> bool {
        let owner =
            |part: &Part| matches!(part, Part::Of(Placeholder::Brand | Placeholder::Issuer));
        self.0.iter().any(owner)
    }

    /// The path for a player. `None` if a part is unknown, or consists of dots only, which readers
    /// remove from paths.
    pub fn of(&self, player: &str, brand: &str, issuer: Option<&str>) -> Option<String> {
        let mut path = String::new();
        for part in &self.0 {
            let text = match part {
                Part::Text(text) => {
                    path.push_str(text);
                    continue;
                }
                Part::Of(Placeholder::Player) => player,
                Part::Of(Placeholder::Brand) => brand,
                Part::Of(Placeholder::Issuer) => issuer?,
            };
            if text.bytes().all(|b| b == b'.') {
                return None;
            }
            path.push_str(&percent_encoded(text));
        }
        Some(path)
    }
}
