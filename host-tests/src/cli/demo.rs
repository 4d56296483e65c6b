//! `pitboss demo`: replays each recording through each configuration, in wasmtime and Envoy, and compares
//! it with its golden file.
use super::context::read_gateway;
use super::halves::{find_envoy, Halves};
use super::print::say;
use anyhow::Context;
use clap::Args;
use host_tests::golden::{self, Golden};
use host_tests::replay::{self, Comparison};
use host_tests::{artifact, har};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// A gateway's configuration, as it is deployed; may be given several times
    #[arg(long, required = true, value_name = "FILE.yaml")]
    gateway_config: Vec<PathBuf>,
    /// Recordings, each with its decisions beside it as RECORDING.CONFIG.golden; the first one of the
    /// first configuration is printed line by line
    #[arg(required = true, value_name = "FILE.har")]
    recordings: Vec<PathBuf>,
    /// Folder with the .wasm files [default: target/wasm32-wasip1/plugin, or PITBOSS_WASM_DIR]
    #[arg(long, value_name = "DIR")]
    wasm_dir: Option<PathBuf>,
    /// Without an Envoy, run wasmtime alone; an error where CI is set
    #[arg(long)]
    allow_missing_envoy: bool,
}

impl Demo {
    /// Prints a summary of each recording, and the total in the last line.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let wasm_dir = self.wasm_dir.unwrap_or_else(artifact::wasm_dir);
        let envoy = find_envoy(self.allow_missing_envoy, say)?;
        let (mut good, mut summaries) = (true, Vec::new());
        let mut total = Comparison { replayed: 0, differing: Vec::new() };
        let configs = self.gateway_config.iter();
        let pairs = configs.flat_map(|config| self.recordings.iter().map(move |it| (config, it)));
        for (index, (config, path)) in pairs.enumerate() {
            let gateway = read_gateway(config)?;
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(|| name.clone())?;
            let requests = har::read(&text).with_context(|| name)?;
            let both = Halves::run(&gateway, &requests, &wasm_dir, envoy.clone(), || ())?;
            let emulated = both.emulated;
            let lines = replay::lines(&requests, &emulated);
            if index == 0 {
                say(&lines)?;
            }
            let pair = format!("{}.{}", stem(path), stem(config));
            good &= agrees_with_golden(&path.with_file_name(format!("{pair}.golden")), &lines)?;
            let compared = match &both.real {
                None => Comparison { replayed: requests.len(), differing: Vec::new() },
                Some(real) => Comparison::new(&requests, &emulated, real),
            };
            for difference in &compared.differing {
                say(format_args!("\n{difference}\n"))?;
            }
            summaries.push(format!("{pair}: {}", summary(&compared, envoy.is_some())));
            total.replayed += compared.replayed;
            total.differing.extend(compared.differing);
        }
        for line in summaries {
            say(format_args!("{line}\n"))?;
        }
        say(summary(&total, envoy.is_some()) + "\n")?;
        good &= total.differing.is_empty();
        Ok(ExitCode::from(u8::from(!good)))
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
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
            say(format_args!("{name} rewritten\n"))?;
            Ok(true)
        }
        Golden::Differs { diff } => {
            let variable = golden::UPDATE_VARIABLE;
            say(format_args!("\n{name} differs ({variable}=1 rewrites it):\n{diff}\n"))?;
            Ok(false)
        }
    }
}
