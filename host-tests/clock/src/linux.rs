//! The two functions, over the kernel's own.
use libc::{c_int, c_void, clockid_t, timespec, timeval};
use std::ffi::CStr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

/// Where the offset stands once it was looked for; null before.
static OFFSET: AtomicPtr<AtomicI64> = AtomicPtr::new(std::ptr::null_mut());
/// Stands in where there is no file.
static NO_OFFSET: AtomicI64 = AtomicI64::new(0);
/// What is added on top, in nanoseconds.
static AHEAD: AtomicI64 = AtomicI64::new(0);

const SECOND: i64 = 1_000_000_000;

/// Replaces the C library's function of this name.
///
/// # Safety
/// As `clock_gettime(2)`: `time` is null or may be written to.
#[no_mangle]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the kernel checks the pointer and answers EFAULT where it cannot write.
    let status = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if status == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the kernel has just written there, so it is a valid `timespec`.
        let time = unsafe { &mut *time };
        (time.tv_sec, time.tv_nsec) = shifted(time.tv_sec, time.tv_nsec);
    }
    c_int::try_from(status).unwrap_or(-1)
}

/// Replaces the C library's function of this name.
///
/// # Safety
/// As `gettimeofday(2)`: `time` and `zone` are null or may be written to.
#[no_mangle]
unsafe extern "C" fn gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int {
    // SAFETY: the kernel checks both pointers and answers EFAULT where it cannot write.
    let status = unsafe { libc::syscall(libc::SYS_gettimeofday, time, zone) };
    if status == 0 && !time.is_null() {
        // SAFETY: not null, and the kernel has just written there.
        let time = unsafe { &mut *time };
        let (seconds, nanoseconds) = shifted(time.tv_sec, time.tv_usec.saturating_mul(1000));
        (time.tv_sec, time.tv_usec) = (seconds, nanoseconds / 1000);
    }
    c_int::try_from(status).unwrap_or(-1)
}

/// The machine's time plus all that is to be added.
fn shifted(seconds: i64, nanoseconds: i64) -> (i64, i64) {
    add(seconds, nanoseconds, offset().saturating_add(AHEAD.load(Ordering::Relaxed)))
}

fn add(seconds: i64, nanoseconds: i64, by: i64) -> (i64, i64) {
    let nanoseconds = nanoseconds.saturating_add(by.rem_euclid(SECOND));
    let seconds = seconds.saturating_add(by.div_euclid(SECOND));
    (seconds.saturating_add(nanoseconds.div_euclid(SECOND)), nanoseconds.rem_euclid(SECOND))
}

fn offset() -> i64 {
    let mut at = OFFSET.load(Ordering::Acquire);
    if at.is_null() {
        AHEAD.store(ahead(), Ordering::Relaxed);
        let found = map();
        let found = if found.is_null() { std::ptr::from_ref(&NO_OFFSET).cast_mut() } else { found };
        // Two threads may get here at once; both mapped the same file, and one mapping stays unused.
        let null = std::ptr::null_mut();
        at = OFFSET
            .compare_exchange(null, found, Ordering::AcqRel, Ordering::Acquire)
            .map_or_else(|first| first, |_| found);
    }
    // SAFETY: `at` is `NO_OFFSET`, or the start of a page that `map` got and is never unmapped; a page is
    // aligned for an `i64`, and whatever bytes the file holds are one.
    unsafe { &*at }.load(Ordering::Relaxed)
}

/// `PITBOSS_CLOCK_AHEAD` in nanoseconds.
fn ahead() -> i64 {
    let seconds = variable(c"PITBOSS_CLOCK_AHEAD").and_then(|it| it.to_str().ok());
    let seconds = seconds.and_then(|it| it.parse::<i64>().ok()).unwrap_or(0);
    seconds.saturating_mul(SECOND)
}

/// Maps the file that `PITBOSS_CLOCK_FILE` names; null where that is not possible.
fn map() -> *mut AtomicI64 {
    const SIZE: usize = size_of::<i64>();
    let null = std::ptr::null_mut();
    let Some(path) = variable(c"PITBOSS_CLOCK_FILE") else { return null };
    // SAFETY: the path is a C string that is valid during the call.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return null;
    }
    // SAFETY: `file` is open, a new mapping overlaps nothing, and reading the file's size needs no
    // memory. A file that is cut short later would end the process; its writer never does so.
    let page = unsafe {
        if libc::lseek(file, 0, libc::SEEK_END) < libc::off_t::try_from(SIZE).unwrap_or(8) {
            libc::MAP_FAILED
        } else {
            libc::mmap(null.cast(), SIZE, libc::PROT_READ, libc::MAP_SHARED, file, 0)
        }
    };
    // SAFETY: `file` was opened above and is used no more; a mapping outlives it.
    unsafe { libc::close(file) };
    if page == libc::MAP_FAILED {
        null
    } else {
        page.cast()
    }
}

/// A variable of the environment, without a copy.
fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: the name is a C string. The value is read once, at the first use of the clock, before the
    // process could change its environment.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: not null, so it is a C string of the environment.
    Some(unsafe { CStr::from_ptr(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds and nanoseconds of a time, what is added, and what comes out.
    #[test]
    fn offsets_carry_in_both_directions() {
        for (time, by, wanted) in [
            ((10, 5), 0, (10, 5)),
            ((10, 5), SECOND - 5, (11, 0)),
            ((10, 5), -6, (9, SECOND - 1)),
            ((10, 5), -10 * SECOND - 5, (0, 0)),
            ((10, 5), 365 * 86_400 * SECOND, (10 + 365 * 86_400, 5)),
            ((i64::MAX, 0), i64::MAX, (i64::MAX, i64::MAX % SECOND)),
        ] {
            assert_eq!(add(time.0, time.1, by), wanted, "{time:?} + {by}");
        }
    }
}
