//! The tables against each other, codes as sources report them, and relations of places.

use super::*;
use crate::place::equivalents;
use crate::{Headers, One, PlaceReading, Relation};
use proptest::prelude::*;

fn place(code: &str) -> Place {
    Place::parse(code.as_bytes()).unwrap()
}

#[test]
fn the_catalogue_has_every_assigned_code_once() {
    let codes: Vec<&str> = country::CODES.split(' ').collect();
    assert_eq!(codes.len(), 250);
    assert!(codes.is_sorted_by(|one, two| one < two));
    for (at, code) in codes.iter().enumerate() {
        assert_eq!(country::index(code.as_bytes()), u8::try_from(at).ok(), "{code}");
        assert_eq!(place(code).as_str(), *code);
        let back = u8::try_from(at).ok().and_then(country::code);
        assert_eq!(back.as_ref().map(|code| &code[..]), Some(code.as_bytes()));
    }
    let all = || (0..=u8::MAX).flat_map(|one| (0..=u8::MAX).map(move |two| [one, two]));
    assert_eq!(all().filter(|code| country::index(code).is_some()).count(), 250);
}

/// Every subdivision of the table, and what it lies in.
#[test]
fn the_catalogue_has_every_subdivision() {
    let all = subdivision::all();
    assert_eq!(all.len(), 5_046);
    let territory = |code: &str| equivalents::all().any(|one| one == code);
    for (code, parent) in &all {
        let (one, land) = (place(code), place(&code[..2]));
        assert!(one.is_within(&land), "{code}");
        assert!(!one.is_part() || !land.is_within(&one), "{code}");
        assert!(territory(code) || one.as_str() == code, "{code}");
        if let Some(parent) = parent {
            let parent = place(parent);
            assert_eq!(one.relation(&parent), Relation::Inside, "{code}");
            assert_eq!(parent.relation(&one), Relation::MayBe, "{code}");
        }
    }
    for code in equivalents::all() {
        let one = place(code);
        assert_eq!(one, place(one.as_str()), "{code}");
        assert!(one.is_within(&place(&code[..2])), "{code}");
    }
}

#[test]
fn configurations_name_assigned_codes() {
    for (code, want) in [
        ("MT", Some("MT")),
        ("US-NJ", Some("US-NJ")),
        ("XK", Some("XK")),
        ("US-PR", Some("PR")),
        ("CN-HK", Some("HK")),
        ("FI-01", Some("AX")),
        ("NL-BQ1", Some("BQ-BO")),
        ("RS-KM", Some("XK")),
        ("NO-21", Some("NO-21")),
        ("FR-75", Some("FR-75C")),
        ("FR-974", Some("RE")),
        ("KZ-ALA", Some("KZ-75")),
        ("US-NK", None),
        ("CA-ONT", None),
        ("UA-34", None),
        ("MT-", None),
        ("MT-1-2", None),
        ("US-JERSEY", None),
        ("us-nj", None),
        ("US-nj", None),
        ("USNJ", None),
        ("UK", None),
        ("XX", None),
        ("ZZ", None),
        ("T1", None),
        ("GBR", None),
        ("NJ", None),
        ("SJ-21", None),
        ("XK-25", None),
        ("M", None),
        ("", None),
        (" MT", None),
        ("MÅ", None),
    ] {
        let got = Place::parse(code.as_bytes());
        assert_eq!(got.as_ref().map(Place::as_str), want, "{code}");
    }
}

/// Country headers, region headers, the place, and why no more of it is known.
#[test]
fn headers_are_read_as_places() {
    type Values = &'static [&'static [u8]];
    let cases: &[(Values, Values, &str, &str)] = &[
        (&[b"MT"], &[], "MT", "read"),
        (&[b"MT"], &[b""], "MT", "read"),
        (&[b"US"], &[b"NJ"], "US-NJ", "read"),
        (&[b"US"], &[b"US-NJ"], "US-NJ", "read"),
        (&[b"US"], &[b"USNJ"], "US-NJ", "read"),
        (&[b"US"], &[b"nj"], "US-NJ", "read"),
        (&[b"US"], &[b"usnj"], "US-NJ", "read"),
        (&[b"US"], &[b"us-nj"], "US-NJ", "read"),
        (&[b"US-NJ"], &[], "US-NJ", "read"),
        (&[b"US-nj"], &[], "US-NJ", "read"),
        (&[b"US-NJ"], &[b"US-NJ"], "US-NJ", "read"),
        (&[b"US-NJ"], &[b"NJ"], "US-NJ", "read"),
        (&[b"GB"], &[b"ENG"], "GB-ENG", "read"),
        (&[b"GB"], &[b"gbeng"], "GB-ENG", "read"),
        (&[b"GB-ENG"], &[b"LND"], "GB-LND", "read"),
        (&[b"GB-LND"], &[b"ENG"], "GB-LND", "read"),
        (&[b"FR"], &[b"75"], "FR-75C", "read"),
        (&[b"FR"], &[b"fr75c"], "FR-75C", "read"),
        (&[b"AR"], &[b"ARB"], "AR-B", "read"),
        // One place, several codes.
        (&[b"US"], &[b"PR"], "PR", "read"),
        (&[b"PR"], &[b"US-PR"], "PR", "read"),
        (&[b"CN"], &[b"HK"], "HK", "read"),
        (&[b"RS"], &[b"25"], "RS-25", "read"),
        (&[b"NO"], &[b"22"], "NO-22", "read"),
        // The country is known, and no more.
        (&[b"GB"], &[b"England"], "GB", "region_not_a_place"),
        (&[b"US"], &[b"NK"], "US", "region_not_a_place"),
        (&[b"US"], &[b"USNK"], "US", "region_not_a_place"),
        (&[b"US-NK"], &[], "US", "region_not_a_place"),
        (&[b"US-JERSEY"], &[], "US", "region_not_a_place"),
        (&[b"US-"], &[], "US", "region_not_a_place"),
        (&[b"US-NJ-1"], &[], "US", "region_not_a_place"),
        (&[b"US"], &[b"\xff"], "US", "region_not_a_place"),
        (&[b"AX"], &[b"NO REGION"], "AX", "region_not_a_place"),
        (&[b"US"], &[b"?"], "US", "region_not_a_place"),
        (&[b"RU"], &[b"CR"], "RU", "region_not_a_place"),
        // Argentina, or its province of Santiago del Estero.
        (&[b"AR"], &[b"ARG"], "AR", "region_not_a_place"),
        (&[b"US"], &[b"NJ", b"NJ"], "US", "region_twice"),
        // Nothing is known.
        (&[b"US-NJ"], &[b"NY"], "", "contradiction"),
        (&[b"US"], &[b"GB-ENG"], "", "contradiction"),
        (&[b"US"], &[b"GB-XYZ"], "", "contradiction"),
        (&[b"RU"], &[b"UA-43"], "", "contradiction"),
        (&[b"MT", b"MT"], &[], "", "twice"),
        (&[b"MT", b"T1"], &[], "", "twice"),
        (&[b"T1"], &[], "", "anonymous"),
        (&[b"XX"], &[], "", "unsaid"),
        (&[b"ZZ"], &[b"NJ"], "", "unsaid"),
        (&[b"**"], &[b"?"], "", "unsaid"),
        (&[b"MT,GB"], &[], "", "not_a_place"),
        (&[b"mt"], &[], "", "not_a_place"),
        (&[b" MT"], &[], "", "not_a_place"),
        (&[b"MLT"], &[], "", "not_a_place"),
        (&[b"UK"], &[b"ENG"], "", "not_a_place"),
        (&[b"\xff\xfe"], &[], "", "not_a_place"),
        (&[b""], &[], "", "empty"),
        (&[], &[b"US-NJ"], "", "absent"),
        (&[], &[], "", "absent"),
    ];
    for (country, region, want, why) in cases {
        let pairs = country.iter().map(|v| (&b"c"[..], *v));
        let map = Headers::from_pairs(pairs.chain(region.iter().map(|v| (&b"r"[..], *v))));
        let told = PlaceReading::headers(map.one("c"), map.one("r"));
        let got = told.place.as_ref().map_or("", Place::as_str);
        assert_eq!((got, told.why.as_str()), (*want, *why), "{country:?} {region:?}");
    }
}

#[test]
fn relations_of_places() {
    use Relation::{Inside, MayBe, Outside};
    // A place, an area of a licence or a block, and whether the one lies in the other.
    for (at, area, want) in [
        ("MT", "MT", Inside),
        ("US-NJ", "US-NJ", Inside),
        ("US-NJ", "US", Inside),
        ("US", "US-NJ", MayBe),
        ("US-NY", "US-NJ", Outside),
        ("MT", "GB", Outside),
        ("CA", "CA-ON", MayBe),
        // What ISO 3166-2 puts in each other.
        ("GB-LND", "GB-ENG", Inside),
        ("GB-LND", "GB", Inside),
        ("GB-LND", "GB-SCT", Outside),
        ("GB-ENG", "GB-LND", MayBe),
        ("ES-GC", "ES-CN", Inside),
        ("FR-75C", "FR-IDF", Inside),
        ("FR-67", "FR-GES", Inside),
        ("FR-GES", "FR-67", MayBe),
        ("FR-67", "FR-IDF", Outside),
        // Territories with two codes.
        ("US-PR", "PR", Inside),
        ("PR", "US-PR", Inside),
        ("US", "PR", MayBe),
        ("PR", "US", MayBe),
        ("GU", "PR", Outside),
        ("US-NJ", "PR", Outside),
        ("PR", "US-NJ", Outside),
        ("CN", "HK", MayBe),
        ("HK", "CN", MayBe),
        ("CN-GD", "HK", Outside),
        ("FI", "AX", MayBe),
        ("FI-02", "AX", Outside),
        ("NL-BQ1", "BQ", Inside),
        ("NL", "BQ-BO", MayBe),
        ("BQ", "NL-BQ1", MayBe),
        ("NO-21", "SJ", Inside),
        ("SJ", "NO-21", MayBe),
        ("NO", "NO-21", MayBe),
        ("NO-21", "NO", MayBe),
        ("NO-21", "NO-22", Outside),
        ("UM-67", "US", MayBe),
        ("RS", "XK", MayBe),
        ("XK", "RS", MayBe),
        ("RS-KM", "XK", Inside),
        ("RS-25", "XK", Inside),
        ("XK", "RS-25", MayBe),
        ("RS-00", "XK", Outside),
        ("RS-01", "RS-VO", Inside),
        // What two countries claim.
        ("RU", "UA-43", MayBe),
        ("RU", "UA-40", MayBe),
        ("RU-MOW", "UA-43", Outside),
        ("RU", "UA-30", Outside),
        ("UA-43", "RU", MayBe),
        ("UA-43", "RU-MOW", Outside),
        ("UA-43", "UA", Inside),
        ("MA", "EH", MayBe),
        ("MA-12", "EH", MayBe),
        ("EH", "MA-12", MayBe),
        ("EH", "MA-01", Outside),
        ("MA-01", "EH", Outside),
    ] {
        assert_eq!(place(at).relation(&place(area)), want, "{at} in {area}");
    }
    for (one, country, want) in [
        ("HK", "CN", true),
        ("BQ-BO", "NL", true),
        ("UA-43", "RU", true),
        ("EH", "MA", true),
        ("US-NJ", "US", false),
        ("US", "PR", false),
        ("RU", "UA-43", false),
        ("MA", "EH", false),
        ("MT", "MT", false),
    ] {
        assert_eq!(place(one).may_count_to(&place(country)), want, "{one} to {country}");
    }
    for (one, two, want) in [
        ("US", "PR", Some("PR")),
        ("US-PR", "PR", Some("PR")),
        ("HK", "CN", Some("HK")),
        ("GB-ENG", "GB-LND", Some("GB-LND")),
        ("US-NJ", "US", Some("US-NJ")),
        ("PR", "US-NJ", None),
        ("RU", "UA-43", None),
        ("EH", "MA", None),
        ("MT", "GB", None),
    ] {
        let got = place(one).finer(&place(two)).map(|it| it.as_str().to_owned());
        assert_eq!(got.as_deref(), want, "{one} {two}");
        let other = place(two).finer(&place(one)).map(|it| it.as_str().to_owned());
        assert_eq!(other.as_deref(), want, "{two} {one}");
    }
}

/// A code at random: of the table, made up, or a country.
fn any_place() -> impl Strategy<Value = Place> {
    let all: Vec<String> = subdivision::all().into_iter().map(|(code, _)| code).collect();
    let countries: Vec<String> = country::CODES.split(' ').map(str::to_owned).collect();
    let near: Vec<String> =
        all.iter().filter(|code| "GBFRUSRSMA".contains(&code[..2])).cloned().collect();
    prop_oneof![
        prop::sample::select(all),
        prop::sample::select(countries),
        prop::sample::select(near),
    ]
    .prop_map(|code| place(&code))
}

proptest! {
    /// Whatever an edge sends: it is read in one way, and never as a place that it does not name.
    #[test]
    fn no_text_panics_and_a_region_stays_in_its_country(
        country in prop_oneof!["[A-Z]{2}", "[ -~]{0,8}"],
        region in prop_oneof!["[A-Za-z0-9]{1,5}", "[ -~]{0,9}"],
    ) {
        let told = PlaceReading::headers(One::Value(country.as_bytes()), One::Value(region.as_bytes()));
        let alone = PlaceReading::text(country.as_bytes()).place;
        if let (Some(place), Some(alone)) = (told.place, alone) {
            prop_assert!(place.is_within(&alone));
        }
        prop_assert!(alone.is_some() || told.place.is_none());
    }

    /// One place surely in another: then that one is known to touch it.
    #[test]
    fn relations_fit_each_other(one in any_place(), two in any_place(), three in any_place()) {
        let inside = |a: &Place, b: &Place| a.relation(b) == Relation::Inside;
        prop_assert!(inside(&one, &one));
        prop_assert!(!inside(&one, &two) || two.relation(&one) != Relation::Outside);
        prop_assert!(!(inside(&one, &two) && inside(&two, &one)) || one == two);
        prop_assert!(!(inside(&one, &two) && inside(&two, &three)) || inside(&one, &three));
        // What lies in a place is not further from any area than that place is.
        let outside = two.relation(&three) == Relation::Outside;
        prop_assert!(!(inside(&one, &two) && outside && inside(&one, &three)));
    }
}
