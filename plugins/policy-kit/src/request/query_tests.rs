use proptest::prelude::*;

use super::*;

/// A query, what one reads, and what is left once it is taken out (the target without its path).
type Spelling = (&'static str, Result<Option<&'static str>, QueryFault>, &'static str);

const SPELLINGS: &[Spelling] = {
    use QueryFault::{Several, Unclear};
    &[
        ("?tid=debit", Ok(Some("debit")), ""),
        ("?a=1&tid=debit&b=2", Ok(Some("debit")), "?a=1&b=2"),
        ("?t%69d=deb%69t", Ok(Some("debit")), ""),
        ("?tid=a+b", Ok(Some("a b")), ""),
        ("?tid=", Ok(Some("")), ""),
        ("?tid", Ok(Some("")), ""),
        ("?tid=a=b", Ok(Some("a=b")), ""),
        ("", Ok(None), ""),
        ("?", Ok(None), "?"),
        ("?x=1", Ok(None), "?x=1"),
        ("?tids=1&x.tid=2", Ok(None), "?tids=1&x.tid=2"),
        ("?x=1?tid=debit", Ok(None), "?x=1?tid=debit"),
        // What other parameters hold is theirs.
        ("?promo=50%&tid=debit&x=%ff;y", Ok(Some("debit")), "?promo=50%&x=%ff;y"),
        ("?&tid=debit&=v", Ok(Some("debit")), "?&=v"),
        // More than one, for some reader.
        ("?tid=debit&tid=credit", Err(Several), ""),
        ("?tid=debit&t%69d=credit", Err(Several), ""),
        ("?tid=debit&TID=credit", Err(Several), ""),
        ("?tid=debit&tid[]=credit", Err(Several), ""),
        ("?tid=debit&tid[x]=credit", Err(Several), ""),
        ("?tid=debit&%20tid=credit", Err(Several), ""),
        ("?tid=debit&+tid=credit", Err(Several), ""),
        ("?tid=debit&tid%00x=credit", Err(Several), ""),
        ("?x=1;tid=credit&tid=debit", Err(Several), ""),
        ("?tid=debit;tid=credit", Err(Several), ""),
        // One, but not for all readers, or not of one value.
        ("?x=1;tid=credit", Err(Unclear), ""),
        ("?a=1&x=1;tid=credit&b=2", Err(Unclear), "?a=1&b=2"),
        ("?tid=debit;x=1", Err(Unclear), ""),
        ("?;tid=debit", Err(Unclear), ""),
        ("?TID=debit", Err(Unclear), ""),
        ("?tid[]=debit", Err(Unclear), ""),
        ("?tid%5B%5D=debit", Err(Unclear), ""),
        ("?+tid=debit", Err(Unclear), ""),
        ("?%09tid=debit", Err(Unclear), ""),
        ("?tid+=debit", Err(Unclear), ""),
        ("??tid=debit", Err(Unclear), ""),
        ("?tid=debit#x", Err(Unclear), ""),
        ("?x=1#&tid=debit", Err(Unclear), "?x=1#"),
        ("?tid=deb%6", Err(Unclear), ""),
        ("?tid=%ff", Err(Unclear), ""),
        // A name that cannot be decoded may be any: `%u0074id` is `tid` to some, an overlong `t` to others.
        ("?%u0074id=debit", Err(Unclear), ""),
        ("?%c1%b4id=debit", Err(Unclear), ""),
        ("?t%id=debit", Err(Unclear), ""),
    ]
};

#[test]
fn parameters_that_are_read_can_be_removed() {
    for (query, read, left) in SPELLINGS {
        let target = format!("/w{query}");
        let got = parameter(target.as_bytes(), "tid");
        assert_eq!(got.as_ref().map(Option::as_deref), read.as_ref().copied(), "{target}");
        let rest = without(target.as_bytes(), &["tid"]);
        match read {
            Ok(None) => assert_eq!(rest, None, "{target}"),
            _ => assert_eq!(rest.unwrap().escape_ascii().to_string(), format!("/w{left}")),
        }
    }
}

#[test]
fn php_names_are_one_parameter() {
    for other in ["bet.type", "bet type", "bet+type", "bet[type", "BET_type", "bet_type[x]"] {
        let target = format!("/w?bet_type=win&{other}=bet");
        let read = parameter(target.as_bytes(), "bet_type");
        assert_eq!(read, Err(QueryFault::Several), "{target}");
    }
    let target = b"/w?bet_type=win&bet_types=bet&x.bet_type=bet";
    assert_eq!(parameter(target, "bet_type").unwrap().as_deref(), Some("win"));
}

#[test]
fn several_names_are_removed_at_once() {
    let target = b"/w?a=1&sid=S&b=2&Token=T&c";
    let rest = without(target, &["sid", "token"]).unwrap();
    assert_eq!(rest.escape_ascii().to_string(), "/w?a=1&b=2&c");
}

proptest! {
    /// Nothing that a lenient reader finds is left behind.
    #[test]
    fn nothing_of_that_name_is_left(
        pieces in prop::collection::vec("[;& +?]?(tid|TID|t%69d|x|%|tid\\[\\])(=[a-c;%]{0,3})?", 0..6),
    ) {
        let target = format!("/w?{}", pieces.join("&"));
        let rest = without(target.as_bytes(), &["tid"]).unwrap_or(target.clone().into_bytes());
        prop_assert_eq!(parameter(&rest, "tid"), Ok(None), "{}", target);
        let query = query(&rest);
        let mut pairs = query.split(|b| matches!(b, b'&' | b';')).flat_map(form_pairs);
        prop_assert!(!pairs.any(|key| key.trim().eq_ignore_ascii_case("tid")), "{}", target);
    }
}

fn form_pairs(piece: &[u8]) -> Option<String> {
    unescape(sides(piece).0)
}
