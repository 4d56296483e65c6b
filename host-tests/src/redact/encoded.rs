//! Percent-encoded texts within a text.
use super::redactor::{Redactor, DEEPEST};

impl Redactor<'_> {
    /// The text with such texts read, each by itself, where this changes anything. A recorder, or an
    /// address within an address, has several levels of them in one text.
    pub(super) fn encoded(&mut self, text: &str) -> Option<String> {
        if self.depth >= DEEPEST || !has_escape(text) {
            return None;
        }
        let between = |it: char| it.is_whitespace() || "\"'`<>\\|".contains(it);
        let within = |it: char| ":/?#[]@!$&()*,;={}".contains(it);
        match text.contains(between) {
            true => self.pieces(text, between),
            false => self.pieces(text, within),
        }
    }

    fn pieces(&mut self, text: &str, ends: impl Fn(char) -> bool) -> Option<String> {
        let (mut out, mut done) = (String::new(), 0);
        let mut at = 0;
        for piece in text.split(ends) {
            let (start, end) = (at, at + piece.len());
            at = end + text.get(end..)?.chars().next().map_or(0, char::len_utf8);
            if piece.len() == text.len() || !has_escape(piece) {
                continue;
            }
            let redacted = self.free(piece);
            if redacted != piece {
                out.push_str(text.get(done..start)?);
                out.push_str(&redacted);
                done = end;
            }
        }
        out.push_str(text.get(done..)?);
        (done > 0).then_some(out)
    }
}

/// True where a percent sign and two digits stand for a byte.
pub(super) fn has_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    text.match_indices('%').any(|(at, _)| digit(at + 1) && digit(at + 2))
}
