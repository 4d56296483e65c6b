//! Values, URLs, cookies and free text.
use super::names::{is_id_after, is_personal};
use super::Redactor;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use percent_encoding::{percent_decode_str, utf8_percent_encode, NON_ALPHANUMERIC};
use std::net::{IpAddr, SocketAddr};

/// Shorter values are not looked for elsewhere: `ev-1` may be anything.
const SHORTEST: usize = 5;

impl Redactor<'_> {
    /// What stands for a value that is replaced by name.
    pub(super) fn value(&mut self, value: &str) -> String {
        if let Some((scheme, rest)) = value.split_once(' ') {
            match scheme.to_ascii_lowercase().as_str() {
                "bearer" | "token" | "digest" => return format!("{scheme} {}", self.value(rest)),
                "basic" => return format!("{scheme} {}", self.basic(rest)),
                _ => {}
            }
        }
        if let Some(token) = self.jwt(value) {
            return token;
        }
        if let Some(address) = self.address(value) {
            return address;
        }
        if value.len() >= SHORTEST {
            self.known.insert(value.to_owned());
        }
        self.key.pseudonym(value)
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

    /// `a=1; b=2`: names stay. Of a `set-cookie` only the first pair is a value.
    pub(super) fn cookies(&mut self, text: &str, set: bool) -> String {
        let mut first = true;
        let mut pair = |pair: &str| {
            let keep = set && !std::mem::take(&mut first);
            match pair.split_once('=') {
                Some((name, value)) if !keep => format!("{name}={}", self.value(value)),
                _ => pair.to_owned(),
            }
        };
        text.split(';').map(&mut pair).collect::<Vec<_>>().join(";")
    }

    /// A URL or a request target.
    pub(super) fn url(&mut self, text: &str) -> String {
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
                (format!("{scheme}://{}", self.authority(authority)), path)
            }
            None => (String::new(), path),
        };
        let mut folder = String::new();
        let mut segment = |segment: &str| {
            let mut params = segment.split(';');
            let segment = params.next().unwrap_or_default();
            let decoded = percent_decode_str(segment).decode_utf8_lossy().into_owned();
            let before = std::mem::replace(&mut folder, decoded.clone());
            let redacted = match is_id_after(&before, &decoded) {
                true => self.value(&decoded),
                false => self.scrub(&decoded),
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
        let mut pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| {
                let text = text.replace('+', " ");
                percent_decode_str(&text).decode_utf8_lossy().into_owned()
            };
            let (shown, decoded) = (plain(name), plain(value));
            let redacted = self.named(&shown, &decoded);
            match redacted == decoded {
                true => pair.to_owned(),
                false => format!("{name}={}", encode(&redacted)),
            }
        };
        text.split('&').map(&mut pair).collect::<Vec<_>>().join("&")
    }

    /// A value beside its name.
    pub(super) fn named(&mut self, name: &str, value: &str) -> String {
        if is_personal(name) {
            self.value(value)
        } else {
            self.free(value)
        }
    }

    /// Free text: what is known, and what has the shape of a secret.
    pub(super) fn scrub(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for known in &self.sought {
            if text.contains(known.as_str()) {
                text = replace_words(&text, known, &self.key.pseudonym(known));
            }
        }
        let text = self.cards(&text);
        let part = |it: char| it.is_ascii_alphanumeric() || "._@:+-%".contains(it);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let length = rest.find(|it| !part(it)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(length);
            let bare = word.trim_end_matches(['.', ':']);
            out.push_str(&self.word(bare).unwrap_or_else(|| bare.to_owned()));
            out.push_str(word.get(bare.len()..).unwrap_or_default());
            let skip = tail.chars().next().map_or(0, char::len_utf8);
            let (between, tail) = tail.split_at(skip);
            out.push_str(between);
            rest = tail;
        }
        out
    }

    fn word(&mut self, word: &str) -> Option<String> {
        let email = word.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && host.contains('.') && !host.ends_with("redacted.example")
        });
        if email {
            return Some(self.value(word));
        }
        self.jwt(word).or_else(|| self.address(word))
    }

    fn address(&mut self, text: &str) -> Option<String> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(self.addresses.map(self.key, ip).to_string());
        }
        let socket = text.parse::<SocketAddr>().ok()?;
        let ip = self.addresses.map(self.key, socket.ip());
        Some(SocketAddr::new(ip, socket.port()).to_string())
    }

    /// Runs of 13 to 19 digits, single spaces and dashes between them allowed, that pass Luhn's check.
    fn cards(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|it: char| it.is_ascii_digit()) {
            let (before, run) = rest.split_at(start);
            out.push_str(before);
            let length = run.find(|it: char| !(it.is_ascii_digit() || it == ' ' || it == '-'));
            let (run, tail) = run.split_at(length.unwrap_or(run.len()));
            let number: String = run.chars().filter(char::is_ascii_digit).collect();
            let inside = out.ends_with(|it: char| it.is_ascii_alphanumeric());
            if !inside && (13..=19).contains(&number.len()) && luhn(&number) {
                out.push_str(&self.value(&number));
                out.push_str(run.get(run.trim_end_matches([' ', '-']).len()..).unwrap_or_default());
            } else {
                out.push_str(run);
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, it)| {
            let digit = u32::from(it - b'0');
            match digit * 2 {
                _ if at % 2 == 0 => digit,
                double if double > 9 => double - 9,
                double => double,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Replaces a text where it is no part of a longer word.
fn replace_words(text: &str, wanted: &str, with: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(wanted) {
        let (before, found) = rest.split_at(at);
        let tail = found.get(wanted.len()..).unwrap_or_default();
        out.push_str(before);
        let word = |it: char| it.is_ascii_alphanumeric();
        let whole = !out.ends_with(word) && !tail.starts_with(word);
        out.push_str(if whole { with } else { wanted });
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn encode(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b':')
        .remove(b'@');
    utf8_percent_encode(text, KEPT).to_string()
}
