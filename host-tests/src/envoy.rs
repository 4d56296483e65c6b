//! The real Envoy, run with the configuration that is deployed.
//!
//! 1. Only what a test must change is changed: addresses, endpoints, the folder of the modules, one more
//!    access log, and PROXY protocol so that the recorded client is the peer (see [`config`]).
//! 2. Readiness is asked for, never waited out.
//! 3. Each process is ended by its own id when its handle goes.
//! 4. Its wall clock can be set where [`Options::clock`] names the library that does so.
mod admin;
mod binary;
pub mod clock;
pub mod config;
mod log;

pub use admin::Admin;
pub use binary::{find, find_for_test, workspace_root, NoEnvoy, ENVOY_VARIABLE};
pub use log::{assign, parse as parse_access_log, LogError, LogLine};

use crate::client::ClientError;
use crate::gateway::{FieldError, Gateway};
use clock::WallClock;
use config::{put, Wiring};
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Envoy may take to start or to take an update; compiling modules is the long part.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to run Envoy.
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary.
    pub binary: PathBuf,
    /// Worker threads.
    pub concurrency: usize,
    /// Folder with the `.wasm` files.
    pub wasm_dir: PathBuf,
    /// Where clusters lead that `clusters` does not name.
    pub upstream: SocketAddr,
    /// Where certain clusters lead.
    pub clusters: BTreeMap<String, SocketAddr>,
    /// Take the listener from a watched file, so that it can be updated.
    pub updatable: bool,
    /// Clients are recorded ones: each says in a PROXY line who it is, and its outcome is read from
    /// one more access log. Otherwise they are who they are, and only what is deployed is logged.
    pub recorded: bool,
    /// Port of the listener; 0 lets the system choose.
    pub port: u16,
    /// Port of the admin interface; 0 lets the system choose.
    pub admin_port: u16,
    /// Environment of the process, beside the caller's own.
    pub environment: Vec<(String, String)>,
    /// The library that lets [`EnvoyProcess::set_time`] set its wall clock, and the time it starts at
    /// in nanoseconds since the Unix epoch; without one the clock is the machine's.
    pub clock: Option<(PathBuf, u64)>,
}

impl Options {
    /// One worker, everything to `upstream`.
    pub fn new(binary: PathBuf, wasm_dir: PathBuf, upstream: SocketAddr) -> Self {
        Self {
            binary,
            concurrency: 1,
            wasm_dir,
            upstream,
            clusters: BTreeMap::new(),
            updatable: false,
            recorded: true,
            port: 0,
            admin_port: 0,
            environment: Vec::new(),
            clock: None,
        }
    }
}

/// Why there is no running Envoy.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyError {
    /// Envoy read the configuration and would not start.
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

/// How Envoy took an update.
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
    /// The port it was deployed for, which the PROXY line names as its own.
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

    /// Gives a running Envoy another listener, and tells whether it took it.
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
        let listener = config::listener(document, &wiring)?;
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
    // Either it ends now or it has ended already.
    child.kill().ok();
    child.wait().ok();
}

/// The port it was deployed for. What is compared with the replayer has to be one that the replayer
/// can read; anything else need only be one that Envoy takes.
fn listener_port(document: &Value, options: &Options) -> Result<u16, FieldError> {
    if options.recorded {
        return Ok(Gateway::from_document(document.clone())?.port);
    }
    let port = "/static_resources/listeners/0/address/socket_address/port_value";
    let port = document.pointer(port).and_then(Value::as_u64);
    Ok(port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default())
}

fn wiring<'a>(options: &'a Options, access_log: &'a Path, port: u16) -> Wiring<'a> {
    Wiring {
        port,
        upstream: options.upstream,
        clusters: &options.clusters,
        wasm_dir: &options.wasm_dir,
        access_log,
        recorded: options.recorded,
    }
}

fn bootstrap(
    document: &Value,
    options: &Options,
    folder: &Path,
    port: u16,
) -> Result<Value, EnvoyError> {
    let access_log = folder.join("access.log");
    let mut resources = document.get("static_resources").cloned().unwrap_or_default();
    let wiring = wiring(options, &access_log, port);
    put(&mut resources, "clusters", config::clusters(document, &wiring));
    let listener = config::listener(document, &wiring)?;
    let mut bootstrap = document.clone();
    if options.updatable {
        std::fs::create_dir_all(folder.join("lds"))?;
        write_listener(folder, &listener)?;
        put(&mut resources, "listeners", json!([]));
        put(&mut bootstrap, "node", json!({"id": "replay", "cluster": "replay"}));
        let source = json!({
            "path": folder.join("lds/listeners.json"),
            "watched_directory": {"path": folder.join("lds")},
        });
        let lds = json!({"resource_api_version": "V3", "path_config_source": source});
        put(&mut bootstrap, "dynamic_resources", json!({"lds_config": lds}));
    } else {
        put(&mut resources, "listeners", json!([listener]));
    }
    let admin =
        json!({"socket_address": {"address": "127.0.0.1", "port_value": options.admin_port}});
    put(&mut bootstrap, "admin", json!({"address": admin}));
    put(&mut bootstrap, "static_resources", resources);
    Ok(bootstrap)
}

/// Puts the listener where Envoy watches; it must be moved there to be noticed.
fn write_listener(folder: &Path, listener: &Value) -> Result<(), std::io::Error> {
    let mut resource = listener.clone();
    let kind = "type.googleapis.com/envoy.config.listener.v3.Listener";
    put(&mut resource, "@type", json!(kind));
    if resource.get("name").is_none() {
        put(&mut resource, "name", json!("ingress"));
    }
    let next = folder.join("listeners.json");
    std::fs::write(&next, json!({"resources": [resource]}).to_string())?;
    std::fs::rename(next, folder.join("lds/listeners.json"))
}

/// Asks until there is an answer or patience ends.
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
