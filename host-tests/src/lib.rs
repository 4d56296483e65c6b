//! Recorded casino traffic through the `.wasm` files: in wasmtime, in a real Envoy, and compared.
pub mod client;
pub mod envoy;
pub mod front;
pub mod gateway;
pub mod raw;
pub mod traffic;
pub mod upstream;
