//! Places (ISO 3166): countries, their subdivisions, the several codes of one place, and whether one place
//! lies in another. Every module reads places here, so that no two modules read one text in two ways.

pub(crate) mod code;
mod country;
mod equivalents;
pub(crate) mod read;
pub(crate) mod relation;
mod subdivision;
mod territories;
