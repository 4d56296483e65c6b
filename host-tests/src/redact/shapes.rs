//! Values known by their shape: cards, bank accounts, email and IP addresses, certificate names.
use super::redactor::Redactor;
use std::net::{IpAddr, SocketAddr};

impl Redactor<'_> {
    /// The text without values that have the shape of a secret.
    pub(super) fn shapes(&mut self, text: &str) -> String {
        let text = self.cards(text);
        let part = |it: char| it.is_ascii_alphanumeric() || "._@:+-%".contains(it);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let length = rest.find(|it| !part(it)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(length);
            let bare = word.trim_end_matches(['.', ':']);
            match self.word(bare) {
                Some(redacted) => out.push_str(&redacted),
                None => out.push_str(bare),
            }
            out.push_str(word.get(bare.len()..).unwrap_or_default());
            let skip = tail.chars().next().map_or(0, char::len_utf8);
            let (between, tail) = tail.split_at(skip);
            out.push_str(between);
            rest = tail;
        }
        out
    }

    fn word(&mut self, word: &str) -> Option<String> {
        if word.len() < 3 {
            return None;
        }
        let email = word.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && is_mail_host(host) && !host.ends_with("redacted.example")
        });
        if email {
            self.summary.replaced("email addresses", word);
            return Some(self.value(word));
        }
        if is_iban(word) {
            self.summary.replaced("bank accounts", word);
            return Some(self.value(word));
        }
        self.address(word)
    }

    /// The pseudonym of an address.
    pub(super) fn address(&mut self, text: &str) -> Option<String> {
        let starts = |it: u8| it.is_ascii_hexdigit() || it == b'[' || it == b':';
        if !text.bytes().next().is_some_and(starts) || !text.contains(['.', ':']) {
            return None;
        }
        let (ip, port) = match text.parse::<IpAddr>() {
            Ok(ip) => (ip, None),
            Err(_) => {
                let socket = text.parse::<SocketAddr>().ok()?;
                (socket.ip(), Some(socket.port()))
            }
        };
        let mapped = self.addresses.map(self.key, ip);
        if mapped != ip {
            self.summary.replaced("addresses", text);
        }
        let mapped = match port {
            Some(port) => SocketAddr::new(mapped, port).to_string(),
            None => mapped.to_string(),
        };
        self.known.give(&mapped);
        Some(mapped)
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
            let inside = out.ends_with(|it: char| it.is_ascii_alphanumeric());
            let digits = run.bytes().filter(u8::is_ascii_digit).count();
            let number: String = match (13..=19).contains(&digits) && !inside {
                true => run.chars().filter(char::is_ascii_digit).collect(),
                false => String::new(),
            };
            if !number.is_empty() && luhn(&number) {
                self.summary.replaced("cards", &number);
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

    /// A client certificate in a proxy's header, as `Hash=...;Subject="CN=..."` (Envoy), as a name
    /// (`/C=MT/CN=...`, `CN=...,O=...`) or as the certificate itself: everything but the country and the
    /// service's address is replaced.
    pub(super) fn certificate(&mut self, text: &str) -> String {
        if !text.contains('=') || text.contains("-----BEGIN") || text.starts_with("MII") {
            return self.value(text);
        }
        let (mut out, mut rest, mut quoted) = (String::with_capacity(text.len()), text, false);
        while let Some((name, tail)) = rest.split_once('=') {
            out.push_str(name);
            out.push('=');
            let inner = tail.strip_prefix('"');
            if inner.is_some() {
                out.push('"');
                quoted = true;
            }
            let tail = inner.unwrap_or(tail);
            let ends = |it: char| {
                it == '"' || it == ',' || (it == ';' && !quoted) || it == '/' || it == '+'
            };
            let key = name.rsplit([',', ';', '/', '+', '"', ' ']).next().unwrap_or_default();
            let key = key.to_ascii_lowercase();
            let (service, country) = (matches!(key.as_str(), "by" | "uri" | "dns"), key == "c");
            let end = |it: char| if service { matches!(it, ';' | ',' | '"') } else { ends(it) };
            // A name within quotes, `Subject="CN=a,O=b"`, starts with a name of its own.
            let length = tail.find(end).unwrap_or(tail.len());
            let (value, next) = tail.split_at(length);
            if value.contains('=') {
                rest = tail;
                continue;
            }
            out.push_str(&match () {
                () if country => value.to_owned(),
                () if service => self.free(value),
                () => self.value(value),
            });
            quoted &= !next.starts_with('"');
            rest = next;
        }
        out.push_str(rest);
        out
    }
}

/// True for a domain or an address, and not for the rest of `icon@2x.png` or `package@1.2.0`.
fn is_mail_host(host: &str) -> bool {
    const FILES: &[&str] =
        &["css", "gif", "html", "jpeg", "jpg", "js", "json", "map", "mjs", "png", "svg", "webp"];
    let last = host.rsplit('.').next().unwrap_or_default();
    let letters = last.starts_with(|it: char| it.is_ascii_alphabetic() || !it.is_ascii());
    host.contains('.') && (letters || host.parse::<IpAddr>().is_ok()) && !FILES.contains(&last)
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

/// An international bank account number (ISO 13616), without spaces, whose check digits are right.
fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(country), Some(check), Some(rest)) =
        (bytes.get(..2), bytes.get(2..4), bytes.get(4..))
    else {
        return false;
    };
    let digits = |it: &[u8]| it.iter().all(u8::is_ascii_digit);
    let letters = |it: &u8| it.is_ascii_digit() || it.is_ascii_uppercase();
    if !(11..=30).contains(&rest.len())
        || !country.iter().all(u8::is_ascii_uppercase)
        || !digits(check)
        || !rest.iter().all(letters)
    {
        return false;
    }
    let value = |it: &u8| match it {
        b'0'..=b'9' => u32::from(it - b'0'),
        _ => u32::from(it - b'A') + 10,
    };
    let chained = rest.iter().chain(country).chain(check).map(value);
    chained.fold(0, |sum, it| (if it > 9 { sum * 100 } else { sum * 10 } + it) % 97) == 1
}
