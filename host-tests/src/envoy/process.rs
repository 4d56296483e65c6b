//! A running Envoy.
use super::admin::Admin;
use super::bootstrap::{bootstrap, listener_port, wiring, write_listener, BootstrapError};
use super::clock::WallClock;
use super::config::listener;
use super::log::{self, LogError, LogLine};
use super::options::Options;
use crate::client::ClientError;
use crate::gateway::FieldError;
use serde_json::Value;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Timeout of a start or an update; compiling modules takes most of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no running Envoy.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyError {
    /// Envoy refused the configuration.
    #[error("Envoy refused the configuration:\n{log}")]
    Refused {
        /// The end of its log.
        log: String,
    },
    /// It neither serves nor ended.
    #[error("Envoy is not ready after {} s:\n{log}", PATIENCE.as_secs())]
    NotReady {
        /// The end of its log.
        log: String,
    },
    /// The configuration cannot be rewritten.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Files or processes.
    #[error("running Envoy: {0}")]
    Io(#[from] std::io::Error),
    /// The admin interface.
    #[error("Envoy's admin interface: {0}")]
    Admin(#[from] ClientError),
    /// The access log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// [`Options::updatable`] was not set.
    #[error("this Envoy was not started updatable")]
    NotUpdatable,
}

impl From<BootstrapError> for EnvoyError {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::Field(error) => Self::Field(error),
            BootstrapError::Io(error) => Self::Io(error),
        }
    }
}

/// The result of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The new configuration serves.
    Accepted,
    /// It was refused; the old one keeps serving.
    Refused {
        /// What Envoy logged about it.
        log: String,
    },
}

/// A running Envoy. Dropping it ends the process.
#[derive(Debug)]
pub struct EnvoyProcess {
    child: Child,
    folder: tempfile::TempDir,
    options: Options,
    clock: Option<WallClock>,
    /// The admin interface.
    pub admin: Admin,
    /// Where it listens.
    pub address: SocketAddr,
    /// The deployed port, which the PROXY line names as the destination.
    pub listener_port: u16,
}

impl EnvoyProcess {
    /// Starts Envoy and waits until it serves.
    pub async fn start(document: &Value, options: Options) -> Result<Self, EnvoyError> {
        let listener_port = listener_port(document, &options)?;
        let folder = tempfile::Builder::new().prefix("envoy-").tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let port = if options.updatable { free_port()? } else { options.port };
        let bootstrap = bootstrap(document, &options, folder.path(), port)?;
        std::fs::write(path("envoy.json"), bootstrap.to_string())?;
        let log = std::fs::File::create(path("envoy.log"))?;
        let mut command = Command::new(&options.binary);
        let clock = match &options.clock {
            None => None,
            Some((library, at)) => {
                let clock = WallClock::create(folder.path())?;
                clock.set(*at)?;
                command.envs(clock.environment(library));
                Some(clock)
            }
        };
        let mut child = command
            .arg("-c")
            .arg(path("envoy.json"))
            .args(["--concurrency", &options.concurrency.to_string()])
            .args(["--file-flush-interval-msec", "50", "--use-dynamic-base-id"])
            .arg("--admin-address-path")
            .arg(path("admin"))
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let admin = ready(&mut child, &path("admin")).await;
        let log = || tail(&path("envoy.log"));
        let admin = match admin {
            Ready::Serves(admin) => admin,
            Ready::Ended => return Err(EnvoyError::Refused { log: log() }),
            Ready::Not => {
                end(&mut child);
                return Err(EnvoyError::NotReady { log: log() });
            }
        };
        let address = admin.listener().await?.unwrap_or(admin.address);
        Ok(Self { child, folder, options, clock, admin, address, listener_port })
    }

    /// Updates the listener of a running Envoy, and returns whether Envoy accepted it.
    pub async fn update_listener(&self, document: &Value) -> Result<Update, EnvoyError> {
        if !self.options.updatable {
            return Err(EnvoyError::NotUpdatable);
        }
        let counts = || async {
            let done = self.admin.stat("listener_manager.lds.update_success").await.ok()?;
            let refused = self.admin.stat("listener_manager.lds.update_rejected").await.ok()?
                + self.admin.stat("listener_manager.lds.update_failure").await.ok()?;
            Some((done, refused))
        };
        let before = counts().await.unwrap_or_default();
        let seen = self.log().len();
        let access_log = self.folder.path().join("access.log");
        let wiring = wiring(&self.options, &access_log, self.address.port());
        let listener = listener(document, &wiring)?;
        write_listener(self.folder.path(), &listener)?;
        let after = poll(|| async { counts().await.filter(|now| *now != before) }).await;
        let log = || self.log().get(seen..).unwrap_or_default().to_owned();
        match after {
            Some((done, _)) if done > before.0 => Ok(Update::Accepted),
            Some(_) => Ok(Update::Refused { log: log() }),
            None => Err(EnvoyError::NotReady { log: log() }),
        }
    }

    /// Sets its wall clock, in nanoseconds since the Unix epoch; it runs on from there. Does nothing
    /// without [`Options::clock`].
    pub fn set_time(&self, nanoseconds: u64) -> Result<(), EnvoyError> {
        self.clock.as_ref().map_or(Ok(()), |clock| Ok(clock.set(nanoseconds)?))
    }

    /// Everything Envoy has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The file with Envoy's log, and what it logs to its standard output.
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("envoy.log")
    }

    /// True once the process has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().ok().flatten().is_some()
    }

    /// The access log, once it has `count` lines.
    pub async fn access_log(&self, count: usize) -> Result<Vec<LogLine>, EnvoyError> {
        let path = self.folder.path().join("access.log");
        let read = || std::fs::read_to_string(&path).unwrap_or_default();
        let whole = poll(|| async {
            let text = read();
            (text.matches('\n').count() >= count).then_some(text)
        });
        Ok(log::parse(&whole.await.unwrap_or_else(read))?)
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for EnvoyProcess {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

enum Ready {
    Serves(Admin),
    Ended,
    Not,
}

/// Waits until the process serves or ends.
async fn ready(child: &mut Child, address_file: &Path) -> Ready {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if child.try_wait().ok().flatten().is_some() {
            return Ready::Ended;
        }
        let address = std::fs::read_to_string(address_file).ok();
        if let Some(address) = address.and_then(|it| it.trim().parse().ok()) {
            let admin = Admin { address };
            if admin.is_ready().await && admin.listener().await.ok().flatten().is_some() {
                return Ready::Serves(admin);
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ready::Not
}

fn end(child: &mut Child) {
    // An error means that it ended already.
    child.kill().ok();
    child.wait().ok();
}

/// Polls until there is an answer, or until the timeout.
async fn poll<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

fn free_port() -> Result<u16, std::io::Error> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("[info]")).collect();
    lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
}
