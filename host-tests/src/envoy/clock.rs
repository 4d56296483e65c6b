//! Sets the wall clock of a running Envoy.
//!
//! The preloaded library of the package `replay-clock` adds an offset, read from a small file, to the
//! machine's clock. The clock runs on from the time that is set; timers are not affected.
use crate::artifact;
use crate::workspace::workspace_root;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names the library; otherwise it is looked for beside the running program and where Cargo puts it.
pub const CLOCK_VARIABLE: &str = "PITBOSS_CLOCK_LIBRARY";

/// True where a library can be preloaded into another process.
pub const PRELOADING: bool = cfg!(all(target_os = "linux", target_pointer_width = "64"));

const LIBRARY: &str = "libreplay_clock.so";

/// The library was never built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{LIBRARY}, which sets Envoy's clock, is not in {folder}; `make build` builds it")]
pub struct NoClock {
    folder: String,
}

/// The library to preload.
pub fn library() -> Result<PathBuf, NoClock> {
    let here = std::env::current_exe().unwrap_or_default();
    let cargos = artifact::target_dir().join("debug");
    let beside = here.ancestors().skip(1).take(2).map(Path::to_path_buf);
    let named = std::env::var_os(CLOCK_VARIABLE).map(PathBuf::from);
    let mut places =
        named.into_iter().chain(beside.chain([cargos.clone()]).map(|it| it.join(LIBRARY)));
    places.find(|it| it.is_file()).ok_or_else(|| {
        let folder = cargos.strip_prefix(workspace_root()).unwrap_or(&cargos);
        NoClock { folder: folder.display().to_string() }
    })
}

/// The file that the library reads.
#[derive(Debug)]
pub(super) struct WallClock {
    file: File,
    path: PathBuf,
}

impl WallClock {
    /// A clock with the machine's time until it is set.
    pub(super) fn create(folder: &Path) -> Result<Self, std::io::Error> {
        let path = folder.join("clock");
        std::fs::write(&path, i64::to_ne_bytes(0))?;
        let file = File::options().write(true).open(&path)?;
        Ok(Self { file, path })
    }

    /// The environment of the process whose clock it is.
    pub(super) fn environment(&self, library: &Path) -> [(&'static str, std::ffi::OsString); 2] {
        let mut preload = library.as_os_str().to_owned();
        if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|it| !it.is_empty()) {
            preload.push(":");
            preload.push(others);
        }
        [("LD_PRELOAD", preload), ("PITBOSS_CLOCK_FILE", self.path.clone().into())]
    }

    /// Sets the clock, in nanoseconds since the Unix epoch.
    pub(super) fn set(&self, nanoseconds: u64) -> Result<(), std::io::Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let offset = i128::from(nanoseconds) - i128::try_from(now).unwrap_or_default();
        let offset = i64::try_from(offset)
            .map_err(|_| std::io::Error::other("a recorded time is over 292 years away"))?;
        // Eight aligned bytes in one call: a reader sees the old offset or the new one.
        write_at_start(&self.file, &offset.to_ne_bytes())
    }
}

#[cfg(unix)]
fn write_at_start(file: &File, bytes: &[u8]) -> Result<(), std::io::Error> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn write_at_start(_: &File, _: &[u8]) -> Result<(), std::io::Error> {
    Err(std::io::ErrorKind::Unsupported.into())
}
