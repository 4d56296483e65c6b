//! Places in HTML and XML where a secret was found to hide.
use super::{redact, Key};
use serde_json::{json, Value};

const SECRET: &str = "Sesame7042q";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJTZXNhbWU3MDQycSJ9.c2lnbmF0dXJlIG9mIGl0";

/// The redacted page, where the client has sent the secret in a cookie if it is known.
fn page(text: &str, known: bool) -> String {
    let cookie = if known { SECRET } else { "none" };
    let headers = json!([{"name": "Cookie", "value": format!("id={cookie}")}]);
    let entry = json!({
        "request": {"method": "GET", "url": "https://a.example/x", "headers": headers},
        "response": {"content": {"mimeType": "text/html", "text": text}},
    });
    let document = json!({"log": {"version": "1.2", "entries": [entry]}}).to_string();
    let out = redact(&document, &Key::new(b"a key of the test").unwrap()).unwrap();
    let out: Value = serde_json::from_str(&out).unwrap();
    out["log"]["entries"][0]["response"]["content"]["text"].as_str().unwrap().to_owned()
}

/// The parts of a page around the secret stay.
fn gone(text: &str, known: bool) {
    let filled = text.replace("@S", SECRET).replace("@T", TOKEN);
    let out = page(&filled, known);
    assert!(!out.contains(SECRET) && !out.contains(TOKEN), "{filled} became {out}");
    let parts = text.split(['@', '\u{1}']).map(|it| it.trim_start_matches(['S', 'T']));
    for part in parts {
        assert!(out.contains(part), "{filled} became {out} without {part}");
    }
}

#[test]
fn reads_scripts_as_text() {
    let start = "<html><script>for(i=0;i<n;i++){} ";
    for rest in [
        "ue_id = '@S',x={k:'@S'};</script></html>",
        "accessToken = '@S';</SCRIPT></html>",
        "accessToken = '@S'; // truncated",
    ] {
        gone(&format!("{start}{rest}"), rest.contains("ue_id"));
    }
    gone("<script>if(i<n){} var it = '@T';</script>", false);
    gone("<script>if(i<n){} var a={requestToken:'@S',b:\"c\"}, d={\"e\":1};</script>", false);
    gone("<script>if(i<n){} var s = '{\\\"accessToken\\\":\\\"@S\\\"}';</script>", false);
    gone("<style>a<b{} /* '@S' */</style><textarea>1 <x @S</textarea>", true);
    gone("<title>i<n @S</title><p id=\"a\">@S</p>", true);
}

#[test]
fn the_end_of_a_script_is_the_end_of_its_text() {
    let text = "<script>if(a<b){c=\"it's\"}</script><input name=\"csrf\" value=\"@S\"><b>1</b>";
    gone(text, false);
    gone("<title>a<input name=csrf value=@S>", false);
    gone("<p>1 < 2 and 3 <4</p><player>@S</player>", false);
}

#[test]
fn searches_tags_that_are_none() {
    gone("<p>if (i <n; i++) { a('@S', \"@S\") }</p>", true);
    gone("<p>if (i <n; i++) { a('@T') }</p>", false);
    gone("<b @S=1 data-@S></b>", true);
}

#[test]
fn reads_values_without_quotes() {
    gone("<form><input type=hidden name=csrf_token value=@S></form>", false);
    gone("<meta name=csrf-token content=@S />", false);
    gone("<player id=7 token=@S/>", false);
    gone("<a href=https://b.example/?token=@S>y</a>", false);
    gone("<a href=https://b.example/?u=@S>y</a>", true);
    gone("<INPUT NAME='csrf' VALUE='@S'>", false);
}

#[test]
fn known_values_in_names_and_classes() {
    gone("<div id=\"@S\" class=\"a @S\" name='@S'>x</div>", true);
}

#[test]
fn fields_with_an_id_and_no_name() {
    gone("<form><input type=\"hidden\" id=\"csrf-token\" value=\"@S\"></form>", false);
    gone("<meta property=\"csrf-token\" content=\"@S\"/>", false);
}

#[test]
fn resolves_references() {
    gone("<div data-props=\"{&quot;accessToken&quot;:&quot;@S&quot;}\"></div>", false);
    gone("<a href=\"/x?a=1&amp;code=@S&amp;b=1\">&nbsp;a &amp; b</a>", false);
    gone("<pre>{&quot;accessToken&quot;:&quot;@S&quot;,&quot;b&quot;:1}</pre>", false);
    let stays = "<p title=\"a&nbsp;b &amp; c\">it&#39;s &lt; 5 &copy;</p><!-- a --><![CDATA[b]]>";
    assert_eq!(page(stays, true), stays);
    for cut in ["<p><!-- a", "<p><![CDATA[b", "<p a=\"b", "<"] {
        assert_eq!(page(cut, true), cut);
    }
}
