//! Values, URLs, cookies and free text.
use super::body_kind::looks_like_json;
use super::encoded::has_escape;
use super::names::{is_id_after, is_of_a_query};
use super::redactor::Redactor;
use super::summary::is_random;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use percent_encoding::{percent_decode_str, utf8_percent_encode, NON_ALPHANUMERIC};
use std::borrow::Cow;

impl Redactor<'_> {
    /// The pseudonym of a value that is replaced by name.
    pub(super) fn value(&mut self, value: &str) -> String {
        if let Some((scheme, rest)) = value.split_once(' ') {
            match scheme.to_ascii_lowercase().as_str() {
                "bearer" | "dpop" | "token" | "digest" => {
                    return format!("{scheme} {}", self.value(rest));
                }
                "basic" => return format!("{scheme} {}", self.basic(rest)),
                _ => {}
            }
        }
        match self.jwt(value) {
            // One part alone, with nothing in it that has a name: all of it may be the secret.
            Some(token) if token == value && !value.contains('.') => {
                return self.known.pseudonym(self.key, value);
            }
            Some(token) => return token,
            None => {}
        }
        if let Some(address) = self.address(value) {
            return address;
        }
        self.known.pseudonym(self.key, value)
    }

    fn basic(&mut self, encoded: &str) -> String {
        let decoded = STANDARD.decode(encoded).ok().and_then(|it| String::from_utf8(it).ok());
        match decoded.as_deref().and_then(|it| it.split_once(':')) {
            Some((user, password)) => {
                STANDARD.encode(format!("{}:{}", self.value(user), self.value(password)))
            }
            None => self.value(encoded),
        }
    }

    /// `a=1; b=2`: names stay. Of a `set-cookie` only the first pair is a value. Several cookies may be
    /// joined by line breaks (Firefox, Browsertime) or commas (the Fetch API).
    pub(super) fn cookies(&mut self, text: &str, set: bool) -> String {
        let compound = self.known.replace_compound(text, None);
        let text = compound.as_deref().unwrap_or(text);
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let (cookie, tail) = rest.split_at(cookie_end(rest));
            let mut first = true;
            for (index, pair) in cookie.split(';').enumerate() {
                let keep = set && !std::mem::take(&mut first);
                out.push_str(if index > 0 { ";" } else { "" });
                out.push_str(&self.cookie(pair, keep));
            }
            let length = tail.find(|it: char| !matches!(it, '\n' | '\r' | ',' | ' '));
            let (between, next) = tail.split_at(length.unwrap_or(tail.len()));
            out.push_str(between);
            rest = next;
        }
        out
    }

    fn cookie(&mut self, pair: &str, keep: bool) -> String {
        match pair.split_once('=') {
            _ if keep => self.scrub(pair),
            // Quotes are not part of the value.
            Some((name, value)) => {
                let bare = value.trim().trim_matches('"');
                let (before, after) = value.split_once(bare).unwrap_or(("", ""));
                let redacted = self.cookie_value(name.trim(), bare);
                format!("{}={before}{redacted}{after}", self.name(name))
            }
            None => self.name(pair),
        }
    }

    /// The value of a cookie. The ids in it are learnt, too.
    pub(super) fn cookie_value(&mut self, name: &str, value: &str) -> String {
        let meant = percent_decode_str(value).decode_utf8_lossy();
        ids(&meant).for_each(|id| drop(self.known.pseudonym(self.key, id)));
        if let Some(id) = client_id(name, &meant) {
            self.known.pseudonym(self.key, id);
        }
        self.value(value)
    }

    /// A URL or a request target.
    pub(super) fn url(&mut self, text: &str) -> String {
        let compound = self.known.replace_compound(text, Some(path_start(text)));
        let text = compound.as_deref().unwrap_or(text);
        let (rest, fragment) = match text.split_once('#') {
            Some((rest, fragment)) => (rest, format!("#{}", self.form(fragment))),
            None => (text, String::new()),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, format!("?{}", self.form(query))),
            None => (rest, String::new()),
        };
        let (scheme, path) = match path.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                // `a=1&next=https://b.example/`, a text with a URL at its end.
                let starts = |it: char| !it.is_ascii_alphanumeric() && !"+-.".contains(it);
                let at = scheme.rfind(starts).map_or(0, |at| at + 1);
                let (before, scheme) = scheme.split_at_checked(at).unwrap_or(("", scheme));
                let before =
                    if before.contains('=') { self.form(before) } else { self.scrub(before) };
                (format!("{before}{scheme}://{}", self.authority(authority)), path)
            }
            None => (String::new(), path),
        };
        let mut folder = String::new();
        let mut segment = |segment: &str| {
            let mut params = segment.split(';');
            let segment = params.next().unwrap_or_default();
            let decoded = percent_decode_str(segment).decode_utf8_lossy().into_owned();
            let before = std::mem::replace(&mut folder, decoded.clone());
            let redacted = match () {
                () if is_id_after(&before, &decoded) => self.value(&decoded),
                () if has_escape(&decoded) => self.free(&decoded),
                () => self.scrub(&decoded),
            };
            let kept = redacted == decoded;
            let mut out = if kept { segment.to_owned() } else { encode(&redacted) };
            // `;jsessionid=1`
            for param in params {
                out.push(';');
                out.push_str(&self.form(param));
            }
            out
        };
        let path: Vec<String> = path.split('/').map(&mut segment).collect();
        scheme + &path.join("/") + &query + &fragment
    }

    /// `user:password@host:port`.
    fn authority(&mut self, text: &str) -> String {
        let Some((user, host)) = text.rsplit_once('@') else { return self.scrub(text) };
        let mut secret = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8_lossy().into_owned();
            encode(&self.value(&decoded))
        };
        let user = user.split(':').map(&mut secret).collect::<Vec<_>>().join(":");
        format!("{user}@{}", self.scrub(host))
    }

    /// A query or a form.
    pub(super) fn form(&mut self, text: &str) -> String {
        let compound = self.known.replace_compound(text, None);
        let text = compound.as_deref().unwrap_or(text);
        let mut pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (shown, decoded) = (plain(name), plain(value));
            let renamed = match pair.contains('=') {
                // `?SECRET`: it may be a value.
                false if is_random(&shown) => self.value(&shown),
                _ => self.name(&shown),
            };
            // A token in plain base64 holds `+`, which a form reads as a blank.
            let token = match value.contains('+') {
                true => self.jwt(&percent_decode_str(value).decode_utf8_lossy()),
                false => None,
            };
            let redacted = token.unwrap_or_else(|| self.field(&shown, &decoded));
            let name = if renamed == shown { Cow::Borrowed(name) } else { encode(&renamed).into() };
            let rest = pair.find('=').and_then(|at| pair.get(at..)).unwrap_or_default();
            match redacted == decoded {
                true => format!("{name}{rest}"),
                false => format!("{name}={}", encode(&redacted)),
            }
        };
        text.split('&').map(&mut pair).collect::<Vec<_>>().join("&")
    }

    /// The value of a field of a query or a form.
    pub(super) fn field(&mut self, name: &str, value: &str) -> String {
        if is_of_a_query(name, value) {
            return self.value(value);
        }
        self.named(name, value)
    }

    /// The value of a name.
    pub(super) fn named(&mut self, name: &str, value: &str) -> String {
        if self.is_personal(name) {
            self.value(value)
        } else {
            self.free(value)
        }
    }

    /// A name chosen by a client: a known value that is not a plain word is replaced here too, and so is JSON
    /// in the place of a name.
    pub(super) fn name(&mut self, name: &str) -> String {
        let word = |it: u8| it.is_ascii_alphabetic() || b"_-.[] ".contains(&it);
        if name.len() <= 40 && name.bytes().all(word) {
            return name.to_owned();
        }
        if looks_like_json(name) || name.contains(['@', '&']) {
            return self.free(name);
        }
        self.scrub(name)
    }

    /// What has no values by its place: known values and tokens in it are replaced.
    pub(super) fn mention(&mut self, text: &str) -> String {
        let known = self.known.replace(text).map_or(Cow::Borrowed(text), Cow::Owned);
        match self.tokens(&known) {
            Some(replaced) => replaced,
            None => known.into_owned(),
        }
    }

    /// Free text: known values, and values with the shape of a secret.
    pub(super) fn scrub(&mut self, text: &str) -> String {
        let known = self.known.replace(text).map_or(Cow::Borrowed(text), Cow::Owned);
        let mut text = known;
        if let Some(read) = self.encoded(&text) {
            text = Cow::Owned(read);
        }
        if let Some(labelled) = self.labelled(&text) {
            text = Cow::Owned(labelled);
        }
        if let Some(replaced) = self.tokens(&text) {
            text = Cow::Owned(replaced);
        }
        let text = self.shapes(&text);
        self.summary.look(&text);
        text
    }
}

/// Where the path of a URL starts, after scheme and authority.
fn path_start(url: &str) -> usize {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let Some(scheme) = url.get(..end).and_then(|it| it.find("://")) else { return 0 };
    let authority = scheme + 3;
    let path = url.get(authority..end).and_then(|it| it.find('/'));
    path.map_or(end, |path| authority + path)
}

fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let text = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

/// Ids in a cookie of several fields, `v=1&id=3cf9c76a-b6e2`, which may occur alone in queries: long parts
/// with digits. Parts of a token do not count.
fn ids(cookie: &str) -> impl Iterator<Item = &str> {
    const SHORTEST: usize = 16;
    let parts = cookie.split(|it: char| !it.is_ascii_alphanumeric() && !"-_+".contains(it));
    parts.filter(|part| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        part.len() >= SHORTEST && digits >= 3 && !part.starts_with("ey")
    })
}

/// The client's id in a cookie of Google Analytics, `GA1.2.1234567890.1700000000`, which goes to other hosts
/// as `cid` and `ga_vid`.
fn client_id<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    const SHORTEST: usize = 6;
    let number = |it: &str| it.len() >= SHORTEST && it.bytes().all(|it| it.is_ascii_digit());
    if !(matches!(name, "_ga" | "_gid") || value.starts_with("GA1.")) {
        return None;
    }
    let (rest, time) = value.rsplit_once('.')?;
    let start = rest.rfind('.').map_or(0, |at| at + 1);
    (number(rest.get(start..)?) && number(time)).then(|| value.get(start..)).flatten()
}

/// Where the first of several cookies ends: at a line break, or at a comma before another name.
fn cookie_end(text: &str) -> usize {
    let name = |it: char| it.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(it);
    text.char_indices()
        .find(|(at, it)| match it {
            '\n' | '\r' => true,
            ',' => {
                let next = text.get(at + 1..).unwrap_or_default().trim_start_matches(' ');
                let rest = next.trim_start_matches(name);
                rest.len() < next.len() && rest.starts_with('=')
            }
            _ => false,
        })
        // A comma or a line break at the start separates nothing.
        .map_or(text.len(), |(at, it)| if at == 0 { it.len_utf8() } else { at })
}

pub(super) fn encode(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b':')
        .remove(b'@');
    utf8_percent_encode(text, KEPT).to_string()
}
