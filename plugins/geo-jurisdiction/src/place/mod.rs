//! The place of a request by its address: the sources, and what happens when they disagree.

pub mod anonymous;
pub mod located;
pub mod sources;
