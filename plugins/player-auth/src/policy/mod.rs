//! The policy: the compiled configuration, the facts of a request, and the decision about it. No clock and
//! no log; the gateway is asked only while the configuration is compiled, for secrets in the environment.

pub mod class_rules;
pub mod compile;
pub mod decide;
pub mod facts;
pub mod reply;
pub mod request;
