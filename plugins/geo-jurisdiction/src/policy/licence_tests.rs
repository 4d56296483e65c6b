//! The matrix as a table, and against a naive model.

use super::*;
use policy_kit::Brands;
use proptest::prelude::*;

fn brands() -> Brands {
    let hosts = [("a.example", "otter"), ("b.example", "kings"), ("c.example", "heron")];
    let hosts = hosts.map(|(h, b)| (h.to_owned(), b.to_owned()));
    Brands::compile(hosts.into_iter().collect()).unwrap()
}

fn licences(json: &str) -> Result<Vec<Licence>, ConfigError> {
    let raw: Vec<LicenceConfig> = policy_kit::parse(json.as_bytes())?;
    raw.into_iter().enumerate().map(|(i, raw)| Licence::compile(i, raw, &brands())).collect()
}

#[test]
fn licences_cover_brand_market_product_class_and_time() {
    let all = licences(
        r#"[
        {"brand": "otter", "markets": ["MT"]},
        {"brand": "otter", "markets": ["US-NJ"], "products": ["sportsbook"]},
        {"brand": "kings", "markets": ["GB"], "products": ["casino"], "classes": ["wager"]},
        {"brand": "kings", "markets": ["SE"], "from": "1970-01-01T00:00:10Z",
         "until": "1970-01-01T01:00:20+01:00"},
        {"brand": "heron", "markets": ["PR", "FR", "GB-ENG"]}
    ]"#,
    )
    .unwrap();
    for (brand, place, class, product, second, want) in [
        ("otter", "MT", EndpointClass::Wager, Some("casino"), 0, LicenceMatch::Covered(0)),
        ("otter", "US-NJ", EndpointClass::Wager, Some("sportsbook"), 0, LicenceMatch::Covered(1)),
        ("otter", "US-NJ", EndpointClass::Wager, Some("casino"), 0, LicenceMatch::OtherProduct),
        ("otter", "US-NJ", EndpointClass::Deposit, None, 0, LicenceMatch::Covered(1)),
        ("otter", "US-NJ", EndpointClass::Unclassified, None, 0, LicenceMatch::OtherProduct),
        ("otter", "MT", EndpointClass::Unclassified, None, 0, LicenceMatch::Covered(0)),
        ("otter", "GB", EndpointClass::Wager, Some("casino"), 0, LicenceMatch::Uncovered),
        ("kings", "GB", EndpointClass::Wager, Some("casino"), 0, LicenceMatch::Covered(2)),
        ("kings", "GB", EndpointClass::Launch, Some("casino"), 0, LicenceMatch::Uncovered),
        ("kings", "SE", EndpointClass::Wager, None, 9, LicenceMatch::Uncovered),
        ("kings", "SE", EndpointClass::Wager, None, 10, LicenceMatch::Covered(3)),
        ("kings", "SE", EndpointClass::Wager, None, 19, LicenceMatch::Covered(3)),
        ("kings", "SE", EndpointClass::Wager, None, 20, LicenceMatch::Uncovered),
        ("", "MT", EndpointClass::Wager, None, 0, LicenceMatch::Uncovered),
        // New Jersey may be the part of the country that it is, or may not.
        ("otter", "US", EndpointClass::Wager, Some("sportsbook"), 0, LicenceMatch::InPart),
        ("otter", "US", EndpointClass::Wager, Some("casino"), 0, LicenceMatch::Uncovered),
        ("otter", "US-NY", EndpointClass::Wager, Some("sportsbook"), 0, LicenceMatch::Uncovered),
        // One place, two codes; and a territory has its own law.
        ("heron", "US-PR", EndpointClass::Wager, None, 0, LicenceMatch::Covered(4)),
        ("heron", "PR", EndpointClass::Wager, None, 0, LicenceMatch::Covered(4)),
        ("heron", "US", EndpointClass::Wager, None, 0, LicenceMatch::InPart),
        ("heron", "GU", EndpointClass::Wager, None, 0, LicenceMatch::Uncovered),
        ("heron", "FR", EndpointClass::Wager, None, 0, LicenceMatch::Covered(4)),
        ("heron", "RE", EndpointClass::Wager, None, 0, LicenceMatch::InPart),
        ("heron", "GB-LND", EndpointClass::Wager, None, 0, LicenceMatch::Covered(4)),
        ("heron", "GB-SCT", EndpointClass::Wager, None, 0, LicenceMatch::Uncovered),
        ("heron", "GB", EndpointClass::Wager, None, 0, LicenceMatch::InPart),
    ] {
        let at = Place::parse(place.as_bytes()).unwrap();
        let brand = Some(brand).filter(|b| !b.is_empty());
        let now = second * 1_000_000_000;
        let got = lookup(&all, &LicenceQuery { brand, class, product, now }, &at);
        assert_eq!(got, want, "{brand:?} {place} {class} {product:?} {second}");
    }
}

#[test]
fn rejects_invalid_licences() {
    for (changes, field) in [
        (r#""brand": "ottr""#, "licences[0].brand"),
        (r#""markets": []"#, "licences[0].markets"),
        (r#""markets": ["MT", "UK"]"#, "licences[0].markets[1]"),
        (r#""markets": ["mt"]"#, "licences[0].markets[0]"),
        (r#""markets": ["MT", "US-NK"]"#, "licences[0].markets[1]"),
        (r#""markets": ["CA-ONT"]"#, "licences[0].markets[0]"),
        (r#""classes": []"#, "licences[0].classes"),
        (r#""products": []"#, "licences[0].products"),
        (r#""from": "2026-01-01""#, "licences[0].from"),
        (r#""until": "1969-01-01T00:00:00Z""#, "licences[0].until"),
        (r#""from": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z""#, "licences[0].until"),
    ] {
        let mut entry = serde_json::json!({"brand": "otter", "markets": ["MT"]});
        let changes: serde_json::Value = serde_json::from_str(&format!("{{{changes}}}")).unwrap();
        for (name, value) in changes.as_object().unwrap() {
            entry[name] = value.clone();
        }
        let error = licences(&format!("[{entry}]")).map(|_| ()).unwrap_err();
        assert_eq!(error.field, field, "{changes}");
    }
}

/// One licence as generated; indices into the lists below.
#[derive(Clone, Debug)]
struct Entry {
    brand: usize,
    markets: Vec<usize>,
    products: Option<Vec<usize>>,
    classes: Option<Vec<usize>>,
    from: Option<u64>,
    until: Option<u64>,
}

/// The last two are no brand of the configuration: an unknown host, and none.
const BRANDS: [Option<&str>; 4] = [Some("otter"), Some("kings"), Some("otte"), None];
const PLACES: [&str; 5] = ["MT", "US", "US-NJ", "US-NY", "GB"];
const PRODUCTS: [&str; 3] = ["casino", "sportsbook", "poker"];
/// The last is none that a licence can name.
const CLASSES: [EndpointClass; 4] = [
    EndpointClass::Wager,
    EndpointClass::Deposit,
    EndpointClass::Cashout,
    EndpointClass::Unclassified,
];

fn entry() -> impl Strategy<Value = Entry> {
    let some = |n: usize| prop::collection::vec(0..n, 1..3);
    let (products, classes) = (prop::option::of(some(3)), prop::option::of(some(3)));
    let (from, until) = (prop::option::of(0..50u64), prop::option::of(51..100u64));
    (0..2usize, some(5), products, classes, from, until).prop_map(
        |(brand, markets, products, classes, from, until)| Entry {
            brand,
            markets,
            products,
            classes,
            from,
            until,
        },
    )
}

impl Entry {
    fn json(&self) -> String {
        let moment = |s: u64| format!("1970-01-01T00:{:02}:{:02}Z", s / 60, s % 60);
        let mut entry = serde_json::json!({
            "brand": BRANDS[self.brand],
            "markets": self.markets.iter().map(|m| PLACES[*m]).collect::<Vec<_>>(),
        });
        if let Some(products) = &self.products {
            entry["products"] = products.iter().map(|p| PRODUCTS[*p]).collect();
        }
        if let Some(classes) = &self.classes {
            entry["classes"] = classes.iter().map(|c| CLASSES[*c].as_str()).collect();
        }
        for (name, moment) in [("from", self.from.map(moment)), ("until", self.until.map(moment))] {
            if let Some(moment) = moment {
                entry[name] = moment.into();
            }
        }
        entry.to_string()
    }

    /// Whether it is about this brand, place, class and second, whatever the product.
    fn is_about(&self, brand: usize, at: &str, class: usize, second: u64) -> bool {
        let country = at.get(..2).unwrap();
        self.brand == brand
            && self.markets.iter().any(|m| PLACES[*m] == at || PLACES[*m] == country)
            && self.classes.as_ref().is_none_or(|classes| classes.contains(&class))
            && self.from.is_none_or(|from| from <= second)
            && self.until.is_none_or(|until| second < until)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn lookups_agree_with_a_naive_model(
        matrix in prop::collection::vec(entry(), 1..8),
        brand in 0..4usize, place in 0..5usize, product in prop::option::of(0..3usize),
        class in 0..4usize, second in 0..110u64,
    ) {
        let texts: Vec<_> = matrix.iter().map(Entry::json).collect();
        let all = licences(&format!("[{}]", texts.join(","))).unwrap();
        let at = PLACES[place];
        let there: Vec<_> =
            matrix.iter().filter(|entry| entry.is_about(brand, at, class, second)).collect();
        let covered = there.iter().any(|entry| match (&entry.products, product) {
            (None, _) => true,
            (Some(products), Some(product)) => products.contains(&product),
            (Some(_), None) => CLASSES[class] != EndpointClass::Unclassified,
        });
        let place = Place::parse(at.as_bytes()).unwrap();
        let got = lookup(&all, &LicenceQuery {
            brand: BRANDS[brand], class: CLASSES[class],
            product: product.map(|p| PRODUCTS[p]), now: second * 1_000_000_000,
        }, &place);
        prop_assert_eq!(matches!(got, LicenceMatch::Covered(_)), covered);
        prop_assert!(got != LicenceMatch::Uncovered || there.is_empty());
        prop_assert!(got != LicenceMatch::OtherProduct || !there.is_empty());
        prop_assert!(got != LicenceMatch::InPart || at == "US");
    }
}
