//! The deployed gateway and the demo casino on this machine, for manual requests.
//!
//! 1. Only ports, addresses and the folder of the modules are changed, and this machine is trusted as the
//!    edge, so that `curl` can set the location of a player.
//! 2. A port in use is an error before anything starts, since Envoy would share it silently.
//! 3. The casino runs in this process, Envoy is its child; both end with it.
use crate::artifact::{self, ArtifactError};
use crate::envoy::{EnvoyError, EnvoyProcess, Options};
use crate::gateway::Gateway;
use crate::loopback;
use casino::{Casino, Settings, SetupError};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Ports on 127.0.0.1; 0 takes a free one.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The gateway.
    pub gateway: u16,
    /// Envoy's admin interface.
    pub admin: u16,
    /// The casino itself, past the gateway.
    pub casino: u16,
}

/// Why the gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The port is in use.
    #[error("port {port} is taken; choose another one with {option}")]
    Taken {
        /// The port.
        port: u16,
        /// The option that changes it.
        option: &'static str,
    },
    /// Envoy does not run.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// Envoy ended by itself.
    #[error("Envoy has ended:\n{log}")]
    Ended {
        /// Its log.
        log: String,
    },
    /// A module is missing.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The casino does not open.
    #[error("the casino: {0}")]
    Casino(#[from] SetupError),
    /// Sockets.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A running gateway with the casino behind it. Dropping it ends both.
#[derive(Debug)]
pub struct Up {
    envoy: EnvoyProcess,
    casino: tokio::task::JoinHandle<Result<(), std::io::Error>>,
    /// Where the casino listens.
    pub upstream: SocketAddr,
}

impl Up {
    /// Starts both and waits until the gateway serves.
    pub async fn start(
        gateway: &Gateway,
        binary: PathBuf,
        wasm_dir: PathBuf,
        ports: Ports,
    ) -> Result<Self, UpError> {
        for wasm in gateway.wasm() {
            artifact::find(&wasm_dir, &wasm.file)?;
        }
        // Held only for a moment, to see that they are free.
        drop(listen(ports.gateway, "--port")?);
        drop(listen(ports.admin, "--admin-port")?);
        let listener = listen(ports.casino, "--casino-port")?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let upstream = listener.local_addr()?;
        let house = Arc::new(Mutex::new(Casino::new(Settings::default())?));
        let casino = tokio::spawn(casino::serve(listener, house, std::future::pending()));
        let mut document = gateway.document.clone();
        loopback::trust(&mut document);
        let options = Options {
            recorded: false,
            port: ports.gateway,
            admin_port: ports.admin,
            ..Options::new(binary, wasm_dir, upstream)
        };
        let envoy = EnvoyProcess::start(&document, options).await?;
        Ok(Self { envoy, casino, upstream })
    }

    /// Where the gateway listens.
    pub fn gateway(&self) -> SocketAddr {
        self.envoy.address
    }

    /// Where Envoy's admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.envoy.admin.address
    }

    /// Envoy's log and access log.
    pub fn log(&self) -> PathBuf {
        self.envoy.log_file()
    }

    /// Serves until `stop` is done.
    pub async fn serve(mut self, stop: impl Future<Output = ()>) -> Result<(), UpError> {
        tokio::pin!(stop);
        let mut look = tokio::time::interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                _ = look.tick() => if self.envoy.has_ended() {
                    return Err(UpError::Ended { log: self.envoy.log() });
                },
            }
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.casino.abort();
    }
}

fn listen(port: u16, option: &'static str) -> Result<TcpListener, UpError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => UpError::Taken { port, option },
        _ => UpError::Io(error),
    })
}
