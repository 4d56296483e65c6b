//! A place on the map, as a licence and a request name it.

use policy_kit::One;

/// ISO 3166-1 alpha-2, the officially assigned codes, and `XK`, which geolocation vendors use for
/// Kosovo; in order, three bytes a code.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI \
    BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY \
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN \
    GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL \
    PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN \
    VU WF WS XK YE YT ZA ZM ZW";

/// A country, or one subdivision of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `MT`, or `US-NJ`: upper case, nothing else.
    code: String,
}

impl Place {
    /// Reads `MT` or `US-NJ`. Upper case only: an edge that writes anything else is not the edge
    /// that was configured. `XX`, `T1` and `ZZ` are no countries.
    pub fn parse(code: &[u8]) -> Option<Self> {
        let code = std::str::from_utf8(code).ok()?;
        let (country, region) = match code.split_once('-') {
            Some((country, region)) => (country, Some(region)),
            None => (code, None),
        };
        let known = is_country(country) && region.is_none_or(is_region);
        known.then(|| Self { code: code.to_owned() })
    }

    /// The place that a country header and a region header tell. `None` where there is no country, a
    /// header came twice, either is malformed, or they contradict each other.
    pub fn from_headers(country: One<'_>, region: One<'_>) -> Option<Self> {
        let One::Value(country) = country else { return None };
        let place = Self::parse(country)?;
        let region = match region {
            One::Absent | One::Value(b"") => return Some(place),
            One::Many => return None,
            One::Value(region) => std::str::from_utf8(region).ok()?,
        };
        let full = if region.contains('-') {
            region.to_owned()
        } else {
            format!("{}-{region}", place.country())
        };
        let full = Self::parse(full.as_bytes())?;
        // The country header may itself hold a subdivision; then both must be the same one.
        full.within(&place).then_some(full)
    }

    /// Whether this place lies in `market`: the same subdivision, or anywhere in the country.
    pub fn within(&self, market: &Place) -> bool {
        self.code == market.code || self.country() == market.code
    }

    /// The code, `MT` or `US-NJ`.
    pub fn as_str(&self) -> &str {
        &self.code
    }

    /// The country's code, `US` of `US-NJ`.
    pub fn country(&self) -> &str {
        self.code.split('-').next().unwrap_or_default()
    }
}

fn is_country(code: &str) -> bool {
    // Asked for every request, so it is searched by halves.
    let at = |index: usize| COUNTRIES.get(index * 3..index * 3 + 2).unwrap_or_default();
    let (mut low, mut high) = (0, COUNTRIES.len().div_ceil(3));
    while low < high {
        let middle = low.midpoint(high);
        match at(middle).cmp(code) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    false
}

fn is_region(region: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    matches!(region.len(), 1..=3) && region.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::Headers;

    #[test]
    fn headers_that_tell_a_place() {
        type Values = &'static [&'static [u8]];
        let cases: &[(Values, Values, Option<&str>)] = &[
            (&[b"MT"], &[], Some("MT")),
            (&[b"MT"], &[b""], Some("MT")),
            (&[b"US"], &[b"NJ"], Some("US-NJ")),
            (&[b"US"], &[b"US-NJ"], Some("US-NJ")),
            (&[b"US-NJ"], &[], Some("US-NJ")),
            (&[b"US-NJ"], &[b"US-NJ"], Some("US-NJ")),
            (&[b"GB"], &[b"ENG"], Some("GB-ENG")),
            (&[b"FR"], &[b"75"], Some("FR-75")),
            (&[b"US-NJ"], &[b"NY"], None),
            (&[b"US"], &[b"GB-ENG"], None),
            (&[b"US"], &[b"nj"], None),
            (&[b"US"], &[b"NJ", b"NJ"], None),
            (&[b"US"], &[b"\xff"], None),
            (&[b"MT", b"MT"], &[], None),
            (&[b"MT,GB"], &[], None),
            (&[b"mt"], &[], None),
            (&[b" MT"], &[], None),
            (&[b"MLT"], &[], None),
            (&[b"UK"], &[], None),
            (&[b"XX"], &[], None),
            (&[b"T1"], &[], None),
            (&[b"ZZ"], &[], None),
            (&[b"US-"], &[], None),
            (&[b"US-NJ-1"], &[], None),
            (&[b"US-JERSEY"], &[], None),
            (&[b"\xff\xfe"], &[], None),
            (&[b""], &[], None),
            (&[], &[b"US-NJ"], None),
        ];
        for (country, region, want) in cases {
            let pairs = country.iter().map(|v| (&b"c"[..], *v));
            let map = Headers::from_pairs(pairs.chain(region.iter().map(|v| (&b"r"[..], *v))));
            let got = Place::from_headers(map.one("c"), map.one("r"));
            assert_eq!(got.as_ref().map(Place::as_str), *want, "{country:?} {region:?}");
        }
    }

    #[test]
    fn a_subdivision_is_in_its_country_and_not_the_other_way() {
        let place = |code: &str| Place::parse(code.as_bytes()).unwrap();
        for (at, market, want) in [
            ("US-NJ", "US-NJ", true),
            ("US-NJ", "US", true),
            ("US", "US-NJ", false),
            ("US-NY", "US-NJ", false),
            ("MT", "MT", true),
            ("MT", "GB", false),
        ] {
            assert_eq!(place(at).within(&place(market)), want, "{at} in {market}");
        }
    }

    #[test]
    fn the_catalogue_has_every_assigned_code_once() {
        let codes: std::collections::BTreeSet<_> = COUNTRIES.split(' ').collect();
        assert_eq!(codes.len(), 250);
        assert_eq!(COUNTRIES.split(' ').count(), 250);
        assert!(COUNTRIES.split(' ').all(is_country), "in order");
        assert!(!["", "M", "MTX", "AA", "ZZ", "T "].into_iter().any(is_country));
    }
}
