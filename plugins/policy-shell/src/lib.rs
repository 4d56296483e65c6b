//! The proxy-wasm adapter: the only Pitboss crate that names `proxy_wasm`, and the only one with
//! `unsafe` code.
//!
//! It gives any [`policy_kit::Plugin`] the callbacks of proxy-wasm ABI 0.2.1, reads headers as bytes
//! and checks every status itself. The SDK's own wrappers panic on a status they do not expect and
//! on headers that are not UTF-8; a panic takes the whole VM and every other stream in it down, so
//! none of them is called, save the one that registers a call's token (see [`shim`]).
//!
//! ```ignore
//! #[cfg(target_arch = "wasm32")]
//! policy_shell::export!(crate::filter::GeoJurisdiction);
//! ```
#![warn(missing_docs)]
// Natively only the pure parts are compiled, for their tests; nothing calls them there.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod quirks;
mod wire;

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
mod contexts;
#[cfg(target_arch = "wasm32")]
mod shim;
#[cfg(target_arch = "wasm32")]
mod sys;

#[cfg(target_arch = "wasm32")]
pub use contexts::start;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use proxy_wasm;

/// Makes a module of a plugin: exports the entry point that registers it.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        // A module of its own, since the SDK's entry point is public and undocumented.
        #[allow(unreachable_pub)]
        mod entry_point {
            $crate::proxy_wasm::main! {{ $crate::start::<$plugin>(); }}
        }
    };
}
