//! The matrix, cell by cell: the default, for New Jersey, for one brand.

use super::*;
use crate::player_state::jurisdiction::Jurisdiction;

/// Columns in the order of the tables below; the last is an unclassified request.
const COLUMNS: [(&str, Option<&str>); 15] = [
    ("content", None),
    ("content", Some("promotions")),
    ("history", Some("promotions")),
    ("odds", None),
    ("account", None),
    ("launch", Some("casino")),
    ("deposit", None),
    ("withdrawal", None),
    ("session", None),
    ("wager", None),
    ("round", None),
    ("cashout", None),
    ("safer-gambling", None),
    ("settlement", None),
    ("unclassified", None),
];

/// content, promotions, history, odds, account, launch, deposit, withdrawal, session, wager, round,
/// cashout, safer-gambling, settlement, unclassified: `Y` passes, `-` does not.
const DEFAULT: [(PlayerState, &str); 7] = [
    (PlayerState::Active, "Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y"),
    (PlayerState::KycPending, "Y - Y Y Y - - - Y - - Y Y Y -"),
    (PlayerState::CoolOff, "Y - Y Y Y - - Y Y - - - Y Y -"),
    (PlayerState::SelfExcluded, "Y - Y Y Y - - Y Y - - - Y Y -"),
    (PlayerState::TimeLimit, "Y - Y Y Y - - Y Y - Y Y Y Y -"),
    (PlayerState::DepositLimit, "Y Y Y Y Y Y - Y Y Y Y Y Y Y Y"),
    (PlayerState::Suspended, "Y - Y Y Y - - - Y - - - Y Y -"),
];

/// Rows that differ from the default.
type Rows<'a> = &'a [(PlayerState, &'a str)];

const OVERRIDES: &str = r#"[
    {"jurisdictions": ["US-NJ", "SE"], "states": {
        "self_excluded": {"withdrawal": "refuse"},
        "cool_off": {"withdrawal": "refuse", "account": "refuse"},
        "deposit_limit": {"promotions": "refuse"}}},
    {"brands": ["kings"], "states": {
        "self_excluded": {"withdrawal": "allow", "cashout": "allow"},
        "kyc_pending": {"wager": "allow"}}},
    {"jurisdictions": ["US-NJ"], "brands": ["kings"], "states": {"time_limit": {"round": "refuse"}}}
]"#;

fn matrix(json: &str) -> Result<Matrix, ConfigError> {
    let brands = br#"{"otter.example": "otter", "kings.example": "kings"}"#;
    let brands = Brands::compile(policy_kit::parse(brands)?)?;
    Matrix::compile(policy_kit::parse(json.as_bytes())?, &brands)
}

fn columns() -> [Column; 15] {
    COLUMNS.map(|(name, product)| {
        let class = EndpointClass::ALL.into_iter().find(|class| class.as_str() == name);
        Column::of(class.unwrap(), product)
    })
}

fn row(matrix: &Matrix, state: PlayerState, place: Option<&str>, brand: &str) -> String {
    let jurisdiction = place.map(Jurisdiction::read).unwrap_or_default();
    let cell = |column| match matrix.cell(state, column, jurisdiction.place(), brand) {
        Cell::Allow => "Y",
        Cell::Refuse => "-",
    };
    columns().map(cell).join(" ")
}

#[test]
fn every_state_and_class_has_its_cell() {
    let (plain, matrix) = (Matrix::default(), matrix(OVERRIDES).unwrap());
    use PlayerState::{CoolOff, DepositLimit, KycPending, SelfExcluded, TimeLimit};
    // At an unknown place, whatever refuses anywhere applies.
    let somewhere: Rows = &[
        (SelfExcluded, "Y - Y Y Y - - - Y - - - Y Y -"),
        (CoolOff, "Y - Y Y - - - - Y - - - Y Y -"),
        (DepositLimit, "Y - Y Y Y Y - Y Y Y Y Y Y Y Y"),
    ];
    // Place and brand, and the rows that differ from the default.
    let cases: [(Option<&str>, &str, Rows); 17] = [
        (None, "otter", somewhere),
        (Some(""), "otter", somewhere),
        (Some("NJ"), "otter", somewhere),
        (Some("New Jersey"), "otter", somewhere),
        (Some("US-NJ "), "otter", somewhere),
        (Some("UK"), "otter", somewhere),
        (Some("XX"), "otter", somewhere),
        (Some("GBR"), "otter", somewhere),
        (Some("MT"), "otter", &[]),
        (Some("US-NY"), "otter", &[]),
        // The country of which New Jersey is a part.
        (Some("US"), "otter", somewhere),
        (Some("US-XX"), "otter", somewhere),
        (
            Some("US-NJ"),
            "otter",
            &[
                (SelfExcluded, "Y - Y Y Y - - - Y - - - Y Y -"),
                (CoolOff, "Y - Y Y - - - - Y - - - Y Y -"),
                (DepositLimit, "Y - Y Y Y Y - Y Y Y Y Y Y Y Y"),
            ],
        ),
        (
            Some("SE-AB"),
            "otter",
            &[
                (SelfExcluded, "Y - Y Y Y - - - Y - - - Y Y -"),
                (CoolOff, "Y - Y Y - - - - Y - - - Y Y -"),
                (DepositLimit, "Y - Y Y Y Y - Y Y Y Y Y Y Y Y"),
            ],
        ),
        (
            Some("MT"),
            "kings",
            &[
                (SelfExcluded, "Y - Y Y Y - - Y Y - - Y Y Y -"),
                (KycPending, "Y - Y Y Y - - - Y Y - Y Y Y Y"),
            ],
        ),
        (
            Some("US-NJ"),
            "kings",
            &[
                // Two overrides name the withdrawal: the first decides.
                (SelfExcluded, "Y - Y Y Y - - - Y - - Y Y Y -"),
                (CoolOff, "Y - Y Y - - - - Y - - - Y Y -"),
                (DepositLimit, "Y - Y Y Y Y - Y Y Y Y Y Y Y Y"),
                (KycPending, "Y - Y Y Y - - - Y Y - Y Y Y Y"),
                (TimeLimit, "Y - Y Y Y - - Y Y - - Y Y Y -"),
            ],
        ),
        (
            None,
            "kings",
            &[
                // The override of the cash-out applies everywhere; the rest is as in New Jersey.
                (SelfExcluded, "Y - Y Y Y - - - Y - - Y Y Y -"),
                (CoolOff, "Y - Y Y - - - - Y - - - Y Y -"),
                (DepositLimit, "Y - Y Y Y Y - Y Y Y Y Y Y Y Y"),
                (KycPending, "Y - Y Y Y - - - Y Y - Y Y Y Y"),
                (TimeLimit, "Y - Y Y Y - - Y Y - - Y Y Y -"),
            ],
        ),
    ];
    for (state, want) in DEFAULT {
        assert_eq!(row(&plain, state, Some("US-NJ"), "kings"), want, "{state:?}");
        for (place, brand, differing) in cases {
            let differs = differing.iter().find(|(of, _)| *of == state);
            let want = differs.map_or(want, |(_, row)| row);
            assert_eq!(row(&matrix, state, place, brand), want, "{state:?} {place:?} {brand}");
        }
    }
}

#[test]
fn an_override_without_jurisdictions_hides_later_ones() {
    let entry = |places: &str, cell: &str| {
        format!(r#"{{{places}"states": {{"self_excluded": {{"withdrawal": "{cell}"}}}}}}"#)
    };
    let (everywhere, jersey) = ("", r#""jurisdictions": ["US-NJ"], "#);
    let sweden = r#""jurisdictions": ["SE"], "#;
    for (entries, want) in [
        ([entry(everywhere, "allow"), entry(jersey, "refuse")], Cell::Allow),
        ([entry(everywhere, "refuse"), entry(jersey, "allow")], Cell::Refuse),
        ([entry(jersey, "refuse"), entry(everywhere, "allow")], Cell::Refuse),
        ([entry(jersey, "allow"), entry(everywhere, "refuse")], Cell::Refuse),
        ([entry(jersey, "allow"), entry(sweden, "refuse")], Cell::Refuse),
    ] {
        let matrix = matrix(&format!("[{}]", entries.join(","))).unwrap();
        let column = Column::Class(EndpointClass::Withdrawal);
        let cell = matrix.cell(PlayerState::SelfExcluded, column, None, "otter");
        assert_eq!(cell, want, "{entries:?}");
    }
}

/// The listed place, its cell for withdrawals, the player's place; the result for a state whose default
/// allows withdrawals, and for one whose default refuses them.
#[test]
fn overrides_for_a_country_and_its_subdivisions() {
    for (listed, cell, at, excluded, suspended) in [
        ("US-NJ", "refuse", "US", "-", "-"),
        ("US-NJ", "allow", "US", "Y", "-"),
        ("US", "allow", "US-NJ", "Y", "Y"),
        ("US", "refuse", "US-NJ", "-", "-"),
        // One place with two codes.
        ("PR", "refuse", "US-PR", "-", "-"),
        ("PR", "allow", "US-PR", "Y", "Y"),
        ("US", "refuse", "PR", "-", "-"),
        ("US", "allow", "PR", "Y", "-"),
        ("GB-ENG", "allow", "GB-LND", "Y", "Y"),
        ("GB-LND", "refuse", "GB-ENG", "-", "-"),
        ("GB", "allow", "UK", "Y", "-"),
        ("GB", "refuse", "GBR", "-", "-"),
        // Short for California, or Canada.
        ("US-CA", "refuse", "CA", "-", "-"),
        ("US-CA", "allow", "CA", "Y", "-"),
        ("US-CA", "refuse", "SE", "Y", "-"),
        // Two countries claim it.
        ("UA-43", "refuse", "RU", "-", "-"),
    ] {
        let states = format!(r#"{{"withdrawal": "{cell}"}}"#);
        let entry = format!(
            r#"[{{"jurisdictions": ["{listed}"],
                  "states": {{"self_excluded": {states}, "suspended": {states}}}}}]"#
        );
        let matrix = matrix(&entry).unwrap();
        let jurisdiction = Jurisdiction::read(at);
        let got = [PlayerState::SelfExcluded, PlayerState::Suspended].map(|state| {
            let column = Column::Class(EndpointClass::Withdrawal);
            let cell = matrix.cell(state, column, jurisdiction.place(), "otter");
            if cell == Cell::Allow {
                "Y"
            } else {
                "-"
            }
        });
        assert_eq!(got, [excluded, suspended], "{listed} {cell} at {at}");
    }
}

#[test]
fn columns_that_no_state_stops() {
    let (plain, matrix) = (Matrix::default(), matrix(OVERRIDES).unwrap());
    let may = |matrix: &Matrix| {
        columns().map(|column| if matrix.may_refuse(column) { "?" } else { "Y" }).join(" ")
    };
    assert_eq!(may(&plain), "Y ? Y Y Y ? ? ? Y ? ? ? Y Y ?");
    assert_eq!(may(&matrix), "Y ? Y Y ? ? ? ? Y ? ? ? Y Y ?");
}

#[test]
fn rejects_invalid_overrides() {
    let at = |field: &str| format!("player_state.overrides[0].{field}");
    let good = r#"{"suspended": {"account": "refuse"}}"#;
    assert!(matrix(&format!(r#"[{{"states": {good}}}]"#)).is_ok());
    for (json, field) in [
        (
            r#"{"states": {"suspended": {"safer-gambling": "refuse"}}}"#.to_owned(),
            "states.suspended.safer-gambling",
        ),
        (
            r#"{"states": {"suspended": {"settlement": "refuse"}}}"#.to_owned(),
            "states.suspended.settlement",
        ),
        (
            r#"{"states": {"suspended": {"session": "refuse"}}}"#.to_owned(),
            "states.suspended.session",
        ),
        (r#"{"states": {"active": {"wager": "refuse"}}}"#.to_owned(), "states.active"),
        (r#"{"states": {"suspended": {}}}"#.to_owned(), "states"),
        (r#"{"states": {}}"#.to_owned(), "states"),
        (format!(r#"{{"jurisdictions": [], "states": {good}}}"#), "jurisdictions"),
        (format!(r#"{{"jurisdictions": ["us-nj"], "states": {good}}}"#), "jurisdictions"),
        (format!(r#"{{"jurisdictions": ["US-"], "states": {good}}}"#), "jurisdictions"),
        (format!(r#"{{"jurisdictions": ["US-NJ", "US-NK"], "states": {good}}}"#), "jurisdictions"),
        (format!(r#"{{"jurisdictions": ["UK"], "states": {good}}}"#), "jurisdictions"),
        (format!(r#"{{"jurisdictions": ["New Jersey"], "states": {good}}}"#), "jurisdictions"),
        (format!(r#"{{"brands": [], "states": {good}}}"#), "brands"),
        (format!(r#"{{"brands": ["heron"], "states": {good}}}"#), "brands"),
    ] {
        let error = matrix(&format!("[{json}]")).unwrap_err();
        assert_eq!(error.field, at(field), "{json}");
    }
    for (json, field) in [
        (r#"{"states": {"closed": {"wager": "refuse"}}}"#, "[0].states.closed"),
        (
            r#"{"states": {"suspended": {"unclassified": "allow"}}}"#,
            "[0].states.suspended.unclassified",
        ),
        (r#"{"states": {"suspended": {"wager": "open"}}}"#, "[0].states.suspended.wager"),
    ] {
        assert_eq!(matrix(&format!("[{json}]")).unwrap_err().field, field, "{json}");
    }
}
