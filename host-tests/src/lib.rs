//! Recorded casino traffic through the `.wasm` files: in wasmtime, in a real Envoy, and compared.
pub mod artifact;
pub mod bench;
pub mod callouts;
pub mod client;
pub mod envoy;
pub mod front;
pub mod gateway;
pub mod golden;
pub mod har;
pub mod loopback;
pub mod raw;
pub mod record;
pub mod replay;
pub mod traffic;
pub mod up;
pub mod upstream;
