//! Parts of a key, and times.

use policy_kit::{Field, FieldError, Setting};

/// One part of a key. `"player"`, `"session"`, `"partner"`, `"brand"` and `"client"` are words; the others are objects
/// with one member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyPart {
    /// The player of a valid token, within the brand.
    Player,
    /// The session of a valid token, within the brand.
    Session,
    /// The partner, once it is proven.
    Partner,
    /// The brand.
    Brand,
    /// The client's address; of IPv6 the first 64 bits.
    #[default]
    Client,
    /// `{"header": "x-device-id"}`: a header that is sent once. Clients choose it.
    Header(String),
    /// `{"pointer": "/market"}`: the text, number or boolean at a JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// `{"variable": "id"}`: a variable of the endpoint's template.
    Variable(String),
}

impl KeyPart {
    /// What tells it from other parts, also in a row of them.
    pub(crate) fn written(&self) -> String {
        let (kind, name) = match self {
            Self::Player => ("player", ""),
            Self::Session => ("session", ""),
            Self::Partner => ("partner", ""),
            Self::Brand => ("brand", ""),
            Self::Client => ("client", ""),
            Self::Header(name) => ("header", name.as_str()),
            Self::Pointer(name) => ("pointer", name.as_str()),
            Self::Variable(name) => ("variable", name.as_str()),
        };
        [kind, " ", &name.len().to_string(), ":", name, " "].concat()
    }
}

impl Setting for KeyPart {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        *self = match (field.text(), field.pair()) {
            (Some("player"), _) => Self::Player,
            (Some("session"), _) => Self::Session,
            (Some("partner"), _) => Self::Partner,
            (Some("brand"), _) => Self::Brand,
            (Some("client"), _) => Self::Client,
            (_, Some(("header", name))) => Self::Header(name.to_owned()),
            (_, Some(("pointer", name))) => Self::Pointer(name.to_owned()),
            (_, Some(("variable", name))) => Self::Variable(name.to_owned()),
            _ => {
                return Err(FieldError::expected(
                    "`player`, `session`, `partner`, `brand`, `client`, or one of `header`, \
                     `pointer` and `variable` with its name",
                ))
            }
        };
        Ok(())
    }
}

/// A time: `"second"`, `"minute"`, `"hour"`, `"day"`, or a number of seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Per {
    /// Seconds.
    pub seconds: u64,
}

impl Setting for Per {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        let seconds = match field.text() {
            Some("second") => Some(1),
            Some("minute") => Some(60),
            Some("hour") => Some(3_600),
            Some("day") => Some(86_400),
            _ => field.number(),
        };
        let wrong = "`second`, `minute`, `hour`, `day`, or a number of seconds";
        self.seconds = seconds.ok_or_else(|| FieldError::expected(wrong))?;
        Ok(())
    }
}
