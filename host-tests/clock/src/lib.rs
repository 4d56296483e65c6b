//! Shifts the wall clock of the process it is preloaded into (`LD_PRELOAD`), for tests only.
//!
//! 1. `clock_gettime(CLOCK_REALTIME)` and `gettimeofday` answer the machine's time plus an offset.
//!    All other clocks are unchanged, so that timers, timeouts and latencies stay real.
//! 2. The offset is an `i64` of nanoseconds in native byte order: the first eight bytes of the file
//!    that `PITBOSS_CLOCK_FILE` names, mapped once. Writing the file moves the clock, at once and in every
//!    thread, forward or back.
//! 3. `PITBOSS_CLOCK_AHEAD` is a number of seconds that is always added: it simulates a machine with a wrong
//!    clock.
//! 4. Without either, or with a file that cannot be mapped, nothing is shifted; the caller must check that
//!    the clock of the process follows.
//! 5. Nothing here allocates, locks or panics: it may run before `main` and inside an allocator.
//!
//! Linux with 64-bit pointers only; elsewhere this is an empty library.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux;
