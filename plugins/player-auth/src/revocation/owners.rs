//! The brands and issuers whose players and sessions a feed may name.

use super::mark::Scope;

/// The configured brands and issuers. A revocation that names another one applies to all: whose player or
/// session it means is unknown.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    brands: Vec<String>,
    issuers: Vec<String>,
}

impl Owners {
    /// Keeps each name once, in order.
    pub fn new<'a>(
        mut brands: impl Iterator<Item = &'a str>,
        mut issuers: impl Iterator<Item = &'a str>,
    ) -> Self {
        Self { brands: distinct(&mut brands), issuers: distinct(&mut issuers) }
    }

    /// The scope of a revocation that names this brand and issuer.
    pub fn scope<'a>(&self, brand: Option<&'a str>, issuer: Option<&'a str>) -> Scope<'a> {
        let known = |name: Option<&'a str>, of: &[String]| {
            name.filter(|name| of.iter().any(|known| known == name))
        };
        Scope { brand: known(brand, &self.brands), issuer: known(issuer, &self.issuers) }
    }

    /// All names, as part of a shared-data key.
    pub fn describe(&self) -> String {
        format!("{} {}", self.brands.join(" "), self.issuers.join(" "))
    }
}

/// Each name once and in order: the shared-data key must not depend on the order in a document.
fn distinct(names: &mut dyn Iterator<Item = &str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if let Err(at) = all.binary_search_by(|known| known.as_str().cmp(name)) {
            all.insert(at, name.to_owned());
        }
    }
    all
}
