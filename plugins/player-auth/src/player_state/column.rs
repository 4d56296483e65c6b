//! The columns of the matrix.

use policy_kit::EndpointClass;
use serde::Deserialize;

/// The product of `content` endpoints that advertise.
const PROMOTIONS: &str = "promotions";

/// A column of the matrix: a class, or `promotions`, which is `content` that restricted players must not
/// see.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub enum Column {
    /// A class.
    Class(EndpointClass),
    /// `content` of the product `promotions`.
    Promotions,
}

impl TryFrom<String> for Column {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name == PROMOTIONS {
            true => Ok(Self::Promotions),
            false => {
                EndpointClass::try_from(name).map(Self::Class).map_err(|e| e + " or `promotions`")
            }
        }
    }
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Class(class) => class.fmt(f),
            Self::Promotions => f.write_str(PROMOTIONS),
        }
    }
}

impl Column {
    /// The column of a request. One that is unclassified may be a wager.
    pub fn of(class: EndpointClass, product: Option<&str>) -> Self {
        match class {
            EndpointClass::Content if product == Some(PROMOTIONS) => Self::Promotions,
            EndpointClass::Unclassified => Self::Class(EndpointClass::Wager),
            class => Self::Class(class),
        }
    }
}
