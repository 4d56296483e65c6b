//! Recorded casino traffic through the `.wasm` files: in wasmtime, in a real Envoy, and compared.
pub mod gateway;
