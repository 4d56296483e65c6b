//! `pitboss up`.
use super::context::{read_gateway, runtime};
use super::print::say;
use clap::Args;
use host_tests::up::{Ports, Up as Running};
use host_tests::{artifact, envoy};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{signal, SignalKind};

#[derive(Debug, Args)]
pub(super) struct Up {
    /// The gateway's configuration, as it is deployed
    #[arg(long, value_name = "FILE.yaml")]
    gateway_config: PathBuf,
    /// Port of the gateway; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of Envoy's admin interface
    #[arg(long, default_value_t = 9901)]
    admin_port: u16,
    /// Port of the casino itself
    #[arg(long, default_value_t = 0)]
    casino_port: u16,
    /// Folder with the .wasm files [default: target/wasm32-wasip1/plugin, or PITBOSS_WASM_DIR]
    #[arg(long, value_name = "DIR")]
    wasm_dir: Option<PathBuf>,
}

impl Up {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let gateway = read_gateway(&self.gateway_config)?;
        let wasm_dir = std::path::absolute(self.wasm_dir.unwrap_or_else(artifact::wasm_dir))?;
        let (port, admin, casino) = (self.port, self.admin_port, self.casino_port);
        let ports = Ports { gateway: port, admin, casino };
        runtime()?.block_on(async {
            // Asked for before anything runs, so that no signal finds it without an end.
            let (mut interrupt, mut terminate) =
                (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            let stop = async move {
                tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
            };
            tokio::pin!(stop);
            let binary = envoy::find()?;
            let up = tokio::select! {
                () = &mut stop => return Ok(()),
                up = Running::start(&gateway, binary, wasm_dir, ports) => up?,
            };
            let (gateway, admin, casino) = (up.gateway(), up.admin(), up.upstream);
            say(format_args!(
                "gateway  http://{gateway}\nadmin    http://{admin}\n\
                 casino   http://{casino}  (past the gateway; /_ledger shows the books)\n\
                 log      {}\nREADME.md has five calls to try. Ctrl-C stops everything.\n",
                up.log().display(),
            ))?;
            anyhow::Ok(up.serve(stop).await?)
        })?;
        say("stopped\n")?;
        Ok(ExitCode::SUCCESS)
    }
}
