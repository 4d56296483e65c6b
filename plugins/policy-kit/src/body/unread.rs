//! Why a body could not be read.

/// Why a body could not be read, in the words of evidence: `why=body_twice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The body is empty.
    Empty,
    /// The content type is neither JSON nor a form, is missing, or is given twice.
    Type,
    /// The content coding is another than gzip, or several are given.
    Coding,
    /// The content coding is gzip, and the body is not exactly one gzip member.
    Gzip,
    /// Decompressed, the body is over the limit.
    TooLong,
    /// The content type is JSON, and the body is not exactly one JSON document.
    Syntax,
    /// A member that is looked up is given twice, or so that some readers take another one for it.
    Twice,
    /// A value that is looked up is not Unicode text, or has an invalid escape.
    Text,
}

impl Unread {
    /// One word, for evidence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "body_empty",
            Self::Type => "body_type",
            Self::Coding => "body_coding",
            Self::Gzip => "body_gzip",
            Self::TooLong => "body_too_long",
            Self::Syntax => "body_syntax",
            Self::Twice => "body_twice",
            Self::Text => "body_text",
        }
    }
}
