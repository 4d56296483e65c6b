//! The scripted clients whose traffic is recorded: seeded, with fixed times, the same in every run.
mod evening;
mod first_light;
mod recorder;
mod script;

pub use evening::{Crowd, Evening};
pub use first_light::first_light;
pub use recorder::{record, tidy, Scenario};
