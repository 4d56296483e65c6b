//! The pure core: facts in, decision out. No clock, no host, no log.

mod blocked;
pub mod case;
pub mod compile;
mod decide;
pub mod decision;
mod device;
pub mod licence;
