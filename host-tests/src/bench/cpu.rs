//! CPU time of a thread, as Linux counts it.
use super::error::BenchError;
use std::path::PathBuf;

/// Nanoseconds of a tick of `/proc/PID/stat`; the kernel's interface fixes it at 100 a second.
const TICK: u64 = 10_000_000;

/// A thread with its CPU time.
#[derive(Debug)]
pub(super) struct Thread {
    folder: PathBuf,
}

/// Envoy's only worker.
pub(super) fn worker(process: u32) -> Result<Thread, BenchError> {
    let tasks = PathBuf::from(format!("/proc/{process}/task"));
    let failed = |source| BenchError::Cpu { what: tasks.display().to_string(), source };
    for entry in std::fs::read_dir(&tasks).map_err(failed)? {
        let folder = entry.map_err(failed)?.path();
        let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
        if name.trim() == "wrk:worker_0" {
            return Ok(Thread { folder });
        }
    }
    Err(failed(std::io::Error::other("no thread `wrk:worker_0`")))
}

/// The current thread.
pub(super) fn own() -> Thread {
    Thread { folder: PathBuf::from("/proc/thread-self") }
}

impl Thread {
    /// CPU time so far, the kernel's share of it included.
    pub(super) fn nanoseconds(&self) -> Result<u64, BenchError> {
        // Exact where the kernel keeps it, else in ticks.
        let exact = self.read("schedstat").ok().and_then(|text| scheduled(&text));
        match exact {
            Some(time) => Ok(time),
            None => Ok(ticks(&self.read("stat")?).unwrap_or(0).saturating_mul(TICK)),
        }
    }

    fn read(&self, file: &str) -> Result<String, BenchError> {
        let path = self.folder.join(file);
        std::fs::read_to_string(&path)
            .map_err(|source| BenchError::Cpu { what: path.display().to_string(), source })
    }
}

fn scheduled(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok().filter(|time| *time > 0)
}

/// User and system time. The name before them is in brackets and may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_times_are_parsed() {
        let stat = "7 (a) b (wrk:worker_0)) S 1 7 7 0 -1 4194304 90 0 0 0 12 30 5 6 20 0 2 0";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (x"), None);
        assert_eq!(scheduled("627341 0 2\n"), Some(627_341));
        assert_eq!(scheduled("0 0 0\n"), None);
    }
}
