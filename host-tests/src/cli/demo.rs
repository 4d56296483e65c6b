//! `demo`: the recordings of the repository, each through both halves and against its golden file.
use super::{read_gateway, runtime};
use anyhow::Context;
use clap::Args;
use host_tests::golden::{self, Golden};
use host_tests::replay::{self, Comparison};
use host_tests::{artifact, envoy, har};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The gateway's configuration, as it is deployed
    #[arg(long, value_name = "FILE.yaml")]
    gateway_config: PathBuf,
    /// Recordings, each with its decisions beside it as FILE.golden; the first is printed line by line
    #[arg(required = true, value_name = "FILE.har")]
    recordings: Vec<PathBuf>,
    /// Folder with the .wasm files [default: target/wasm32-wasip1/plugin, or PITBOSS_WASM_DIR]
    #[arg(long, value_name = "DIR")]
    wasm_dir: Option<PathBuf>,
}

impl Demo {
    /// Prints a summary of each recording, and one of all in the last line.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let gateway = read_gateway(&self.gateway_config)?;
        let wasm_dir = self.wasm_dir.unwrap_or_else(artifact::wasm_dir);
        let envoy = match envoy::find() {
            Ok(envoy) => Some(envoy),
            Err(missing) if missing.may_be_skipped() => {
                println!("{missing}; wasmtime only");
                None
            }
            Err(missing) => return Err(missing.into()),
        };
        let (mut good, mut summaries) = (true, Vec::new());
        let mut total = Comparison { replayed: 0, differing: Vec::new() };
        for (index, path) in self.recordings.iter().enumerate() {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(|| name.clone())?;
            let requests = har::read(&text).with_context(|| name)?;
            let emulated = replay::run_emulated(&gateway, &requests, &wasm_dir)?;
            let lines = replay::lines(&requests, &emulated);
            if index == 0 {
                print!("{lines}");
            }
            good &= agrees_with_golden(&path.with_extension("golden"), &lines)?;
            let compared = match &envoy {
                None => Comparison { replayed: requests.len(), differing: Vec::new() },
                Some(envoy) => {
                    let real = replay::run_real(&gateway, &requests, &wasm_dir, envoy.clone());
                    Comparison::new(&requests, &emulated, &runtime()?.block_on(real)?)
                }
            };
            for difference in &compared.differing {
                println!("\n{difference}");
            }
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            summaries.push(format!("{stem}: {}", summary(&compared, envoy.is_some())));
            total.replayed += compared.replayed;
            total.differing.extend(compared.differing);
        }
        for line in summaries {
            println!("{line}");
        }
        println!("{}", summary(&total, envoy.is_some()));
        good &= total.differing.is_empty();
        Ok(ExitCode::from(u8::from(!good)))
    }
}

fn summary(compared: &Comparison, both: bool) -> String {
    if both {
        compared.summary()
    } else {
        format!("replayed {} requests", compared.replayed)
    }
}

fn agrees_with_golden(path: &Path, lines: &str) -> anyhow::Result<bool> {
    let name = path.display().to_string();
    match golden::check(path, lines, golden::update_asked()).with_context(|| name.clone())? {
        Golden::Same => Ok(true),
        Golden::Updated => {
            println!("{name} rewritten");
            Ok(true)
        }
        Golden::Differs { diff } => {
            println!("\n{name} differs ({}=1 rewrites it):\n{diff}", golden::UPDATE_VARIABLE);
            Ok(false)
        }
    }
}
