//! The configuration document exactly as the operator writes it.

pub mod classes;
pub mod document;
pub mod licence;
pub mod location;
pub mod place;
pub mod table;
pub mod uri;
