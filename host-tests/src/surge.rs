//! A surge: three times the requests that the casino can carry out, through a real Envoy, once for each
//! way to protect the casino.
//!
//! 1. Open loop: requests leave at their times, whatever happened to those before. All variants get the
//!    same arrivals, drawn from a seed. Latency counts from that time on, so a late client is a slow answer.
//! 2. The casino has a fixed number of permits and takes a fixed time for each request. Requests wait in
//!    its queue, oldest first. It also carries out requests whose client left.
//! 3. Clients give up after a while and close their connection.
//! 4. One Envoy for each variant, one after the other; the variants differ in the filters, the routes and
//!    the circuit breakers, and in nothing else.
//! 5. A run whose client was late itself measures the client: [`SurgeError::Late`].
mod arrivals;
mod bet_priority;
mod breakers;
mod casino;
mod class;
mod error;
mod figures;
mod goals;
mod load;
mod monitor;
mod permits;
mod picture;
mod plan;
mod report;
mod run;
mod svg;
mod table;
mod variant;
mod variants;

pub use arrivals::{arrivals, Arrival};
pub use class::Class;
pub use error::SurgeError;
pub use figures::{ClassFigures, Figures};
pub use goals::{goals, Goal};
pub use load::{Ending, Sample};
pub use monitor::Moment;
pub use picture::draw;
pub use plan::Plan;
pub use report::Report;
pub use run::run;
pub use variant::{Missing, Variant};
pub use variants::{named, variants};
