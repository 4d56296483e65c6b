//! The library, preloaded into a process that reads its clocks.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used)] // helpers of a test

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const SECOND: i64 = 1_000_000_000;
const YEAR: i64 = 365 * 86_400;
/// How long the child may take between two looks at a clock, in seconds.
const SLACK: i64 = 60;

/// Builds the library: Cargo does not do so for a test of a package without an rlib.
fn library() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let here = std::env::current_exe().unwrap();
    let target = here.ancestors().find(|it| it.join("debug/libreplay_clock.so").is_file());
    target.unwrap().join("debug/libreplay_clock.so")
}

fn clock(id: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid during the call.
    assert_eq!(unsafe { libc::clock_gettime(id, &mut time) }, 0);
    assert!((0..SECOND).contains(&time.tv_nsec));
    time.tv_sec
}

fn day() -> i64 {
    let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
    // SAFETY: `time` is valid during the call, and the zone is null.
    assert_eq!(unsafe { libc::gettimeofday(&mut time, std::ptr::null_mut()) }, 0);
    assert!((0..1_000_000).contains(&time.tv_usec));
    time.tv_sec
}

fn standard() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// Runs in the preloaded process only: the test below starts it there.
#[test]
fn child() {
    let Ok(path) = std::env::var("PITBOSS_CLOCK_FILE") else { return };
    let ahead: i64 = std::env::var("PITBOSS_CLOCK_AHEAD").map_or(0, |it| it.parse().unwrap());
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let untouched = [libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME, libc::CLOCK_PROCESS_CPUTIME_ID];
    let machine = clock(libc::CLOCK_REALTIME_COARSE);
    let before = untouched.map(clock);
    let offsets = [0, 1800 * SECOND, YEAR * SECOND, -1800 * SECOND, -SECOND / 2, 1800 * SECOND];
    for offset in offsets {
        file.write_at(&i64::to_ne_bytes(offset), 0).unwrap();
        let wanted = machine + ahead + offset / SECOND;
        for (name, now) in [
            ("clock_gettime", clock(libc::CLOCK_REALTIME)),
            ("gettimeofday", day()),
            ("SystemTime", standard()),
        ] {
            assert!((now - wanted).abs() <= SLACK, "{name}: {now}, not {wanted} ({offset})");
        }
    }
    for (before, now) in before.into_iter().zip(untouched.map(clock)) {
        assert!((0..=SLACK).contains(&(now - before)), "{before} {now}");
    }
    // Invalid pointers are reported as usual, and null pointers are valid.
    // SAFETY: null is what the call must take.
    assert_eq!(unsafe { libc::gettimeofday(std::ptr::null_mut(), std::ptr::null_mut()) }, 0);
    assert_eq!(day().min(0), 0);
    println!("looked at {} offsets, {ahead} s ahead", offsets.len());
}

#[test]
fn only_the_wall_clock_follows_the_file() {
    let (here, library) = (std::env::current_exe().unwrap(), library());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offset");
    for ahead in [0, YEAR] {
        std::fs::write(&file, i64::to_ne_bytes(0)).unwrap();
        let output = Command::new(&here)
            .args(["--exact", "child", "--nocapture"])
            .env("LD_PRELOAD", &library)
            .env("PITBOSS_CLOCK_FILE", &file)
            .env("PITBOSS_CLOCK_AHEAD", ahead.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains(&format!("looked at 6 offsets, {ahead} s ahead")), "{said}");
    }
}

/// A file that is missing or too short shifts nothing.
#[test]
fn an_unusable_file_leaves_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let (short, missing) = (folder.path().join("short"), folder.path().join("missing"));
    std::fs::write(&short, [1; 7]).unwrap();
    let library = library();
    for file in [short, missing] {
        let output = Command::new("date")
            .arg("+%s")
            .env("LD_PRELOAD", &library)
            .env("PITBOSS_CLOCK_FILE", file)
            .output()
            .unwrap();
        let told: i64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        assert!((told - standard()).abs() <= SLACK);
    }
}
