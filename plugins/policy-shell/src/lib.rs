//! The proxy-wasm adapter: the only Pitboss crate that talks to a gateway, and the only one with
//! `unsafe` code.
//!
//! It gives any [`policy_kit::Plugin`] the callbacks of proxy-wasm ABI 0.2.1, reads headers as bytes
//! and checks every status itself. The callbacks are its own, not those of the Rust SDK: the SDK's
//! dispatcher unwraps the status of `proxy_set_effective_context`, panics on most statuses of
//! `proxy_http_call` and on ids it does not know, and a panic takes down the VM with every other
//! stream in it. The SDK is the yardstick of the tests: numbers and names are compared with its own.
//!
//! A module exports only the callbacks that its plugin uses, because a gateway pays for each one it
//! finds:
//!
//! ```ignore
//! #[cfg(target_arch = "wasm32")]
//! policy_shell::export!(crate::plugin::GeoJurisdiction: request_headers, request_body);
//! ```
#![warn(missing_docs)]
// Natively nothing but the tests calls any of this.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod codes;
mod metrics;
mod quirks;
mod wire;

#[cfg(any(target_arch = "wasm32", test))]
mod abi;
#[cfg(any(target_arch = "wasm32", test))]
pub mod callbacks;
#[cfg(any(target_arch = "wasm32", test))]
mod calls;
#[cfg(any(target_arch = "wasm32", test))]
mod contexts;
#[cfg(any(target_arch = "wasm32", test))]
mod foreign;
#[cfg(any(target_arch = "wasm32", test))]
mod pending;
#[cfg(test)]
mod probe;
#[cfg(target_arch = "wasm32")]
mod raw;
#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "fake_gateway.rs"]
mod raw;
#[cfg(test)]
mod release_tests;
#[cfg(test)]
mod shell_tests;
#[cfg(any(target_arch = "wasm32", test))]
mod sys;
#[cfg(any(target_arch = "wasm32", test))]
mod vm;

#[cfg(any(target_arch = "wasm32", test))]
pub use contexts::start;

/// Makes a module of a plugin: exports what every module has, and the callbacks named after the
/// colon: `request_headers`, `request_body` (which brings the trailers that may end a body), `call`
/// (the replies to calls; without it none is made), `response_headers`, `response_body`
/// (likewise with trailers), `tick` (without it no stream waits for one), `log`, `drain` (what a configuration
/// sends at its end).
/// `foreign` is no callback, but lets the module use foreign functions; `release` is none either, and lets the plugin
/// hold requests and release them at ticks, and at the ends of other requests and calls.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! export {
    ($plugin:ty : $($callback:ident),+ $(,)?) => {
        // A module of its own: nothing but the gateway calls these.
        #[allow(unreachable_pub)]
        mod entry_points {
            /// Name and version, in a custom section of the module.
            const VERSION: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
            #[used]
            #[link_section = "pitboss.version"]
            static SECTION: [u8; VERSION.len()] = match VERSION.as_bytes().first_chunk() {
                Some(bytes) => *bytes,
                None => [0; VERSION.len()],
            };

            extern "C" {
                fn __wasm_call_ctors();
            }

            #[no_mangle]
            extern "C" fn _initialize() {
                // SAFETY: the linker defines it, and a gateway calls `_initialize` once, first.
                unsafe { __wasm_call_ctors() };
                $crate::start::<$plugin>();
                $($crate::enable!($callback);)+
            }

            $($crate::export_callback!($callback);)+
        }
    };
}

/// What a callback of [`export!`] brings with it.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! enable {
    (call) => {
        $crate::callbacks::allow_calls()
    };
    (foreign) => {
        $crate::callbacks::allow_foreign()
    };
    (tick) => {
        $crate::callbacks::allow_ticks()
    };
    (drain) => {
        $crate::callbacks::allow_drain()
    };
    (release) => {
        $crate::callbacks::allow_release()
    };
    ($other:ident) => {};
}

/// One callback of [`export!`].
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! export_callback {
    (request_headers) => {
        #[no_mangle]
        extern "C" fn proxy_on_request_headers(context: u32, _: u32, end_of_stream: u32) -> u32 {
            $crate::callbacks::request_headers(context, end_of_stream)
        }
    };
    (request_body) => {
        #[no_mangle]
        extern "C" fn proxy_on_request_body(context: u32, size: u32, end_of_stream: u32) -> u32 {
            $crate::callbacks::request_body(context, size, end_of_stream)
        }
        #[no_mangle]
        extern "C" fn proxy_on_request_trailers(context: u32, _: u32) -> u32 {
            $crate::callbacks::request_trailers(context)
        }
    };
    (call) => {
        #[no_mangle]
        extern "C" fn proxy_on_http_call_response(
            _: u32,
            token: u32,
            headers: u32,
            body: u32,
            _: u32,
        ) {
            $crate::callbacks::call_response(token, headers, body)
        }
    };
    (response_headers) => {
        #[no_mangle]
        extern "C" fn proxy_on_response_headers(context: u32, _: u32, end_of_stream: u32) -> u32 {
            $crate::callbacks::response_headers(context, end_of_stream)
        }
    };
    (response_body) => {
        #[no_mangle]
        extern "C" fn proxy_on_response_body(context: u32, size: u32, end_of_stream: u32) -> u32 {
            $crate::callbacks::response_body(context, size, end_of_stream)
        }
        #[no_mangle]
        extern "C" fn proxy_on_response_trailers(context: u32, _: u32) -> u32 {
            $crate::callbacks::response_trailers(context)
        }
    };
    (tick) => {
        #[no_mangle]
        extern "C" fn proxy_on_tick(context: u32) {
            $crate::callbacks::tick(context)
        }
    };
    (foreign) => {};
    (release) => {};
    (drain) => {
        #[no_mangle]
        extern "C" fn proxy_on_done(context: u32) -> u32 {
            $crate::callbacks::done(context)
        }
    };
    (log) => {
        #[no_mangle]
        extern "C" fn proxy_on_log(context: u32) {
            $crate::callbacks::log(context)
        }
    };
}
