//! Compiles modules: cached in memory by content, on disk by wasmtime.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{Cache, CacheConfig, Config, InstancePre, Linker};

use crate::error::HostError;
use crate::imports::{self, names};
use crate::vm::state::VmState;

/// Settings of an engine.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Where compiled modules are kept between runs. `None`: nowhere.
    pub cache_directory: Option<PathBuf>,
    /// Count fuel, and stop callbacks that use more than [`EngineOptions::fuel_per_callback`].
    pub fuel: bool,
    /// Most fuel of one callback; 0 is without a bound.
    pub fuel_per_callback: u64,
}

/// Compiles modules and keeps them. Clones share the same cache.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    engine: wasmtime::Engine,
    linker: Linker<VmState>,
    options: EngineOptions,
    /// Keyed by a hash; equal only if the whole content is equal.
    modules: Mutex<HashMap<u64, Vec<Module>>>,
}

/// A compiled module, linked with the host calls.
#[derive(Clone)]
pub struct Module(Arc<Compiled>);

struct Compiled {
    code: Vec<u8>,
    digest: u64,
    pre: InstancePre<VmState>,
    engine: Engine,
}

impl Engine {
    /// An engine with these settings.
    ///
    /// # Errors
    /// When the cache directory cannot be used.
    pub fn new(options: EngineOptions) -> Result<Self, HostError> {
        let mut config = Config::new();
        config.consume_fuel(options.fuel);
        if let Some(directory) = &options.cache_directory {
            let mut cache = CacheConfig::new();
            cache.with_directory(directory);
            config.cache(Some(Cache::new(cache).map_err(HostError::Engine)?));
        }
        let engine = wasmtime::Engine::new(&config).map_err(HostError::Engine)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(HostError::Engine)?;
        Ok(Self(Arc::new(Inner { engine, linker, options, modules: Mutex::default() })))
    }

    /// Loads a `.wasm` (or `.wat`) file.
    ///
    /// # Errors
    /// When it cannot be read, compiled or linked.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Module, HostError> {
        let path = path.as_ref();
        let code = std::fs::read(path)
            .map_err(|source| HostError::Read { path: path.display().to_string(), source })?;
        self.compile(&code)
    }

    /// Compiles a module given as bytes (or as its text form), once per content.
    ///
    /// # Errors
    /// When it cannot be compiled or linked.
    pub fn compile(&self, code: impl AsRef<[u8]>) -> Result<Module, HostError> {
        let code = code.as_ref();
        let mut hasher = DefaultHasher::new();
        code.hash(&mut hasher);
        let digest = hasher.finish();
        let mut modules = self.0.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let known = modules.entry(digest).or_default();
        if let Some(module) = known.iter().find(|module| module.0.code == code) {
            return Ok(module.clone());
        }
        let compiled = wasmtime::Module::new(&self.0.engine, code).map_err(HostError::Engine)?;
        let has = |name: &str| compiled.get_export(name).is_some();
        let versions =
            ["proxy_abi_version_0_2_1", "proxy_abi_version_0_2_0", "proxy_abi_version_0_1_0"];
        if !versions.into_iter().any(has) {
            return Err(HostError::AbiVersion);
        }
        for import in compiled.imports() {
            if !names::is_known(import.module(), import.name()) {
                let name = format!("{}.{}", import.module(), import.name());
                return Err(HostError::UnknownImport(name));
            }
        }
        let pre = self.0.linker.instantiate_pre(&compiled).map_err(HostError::Engine)?;
        let module =
            Module(Arc::new(Compiled { code: code.to_vec(), digest, pre, engine: self.clone() }));
        known.push(module.clone());
        Ok(module)
    }

    pub(crate) fn options(&self) -> &EngineOptions {
        &self.0.options
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.engine
    }
}

impl Module {
    /// The host calls the module imports, ABI and WASI alike, without their module names.
    pub fn host_calls(&self) -> Vec<&str> {
        self.0.pre.module().imports().map(|import| import.name()).collect()
    }

    /// The functions the module exports.
    pub fn exports(&self) -> Vec<&str> {
        let exports = self.0.pre.module().exports();
        exports.filter(|export| export.ty().func().is_some()).map(|export| export.name()).collect()
    }

    /// Size of the code in bytes.
    pub fn size(&self) -> usize {
        self.0.code.len()
    }

    pub(crate) fn digest(&self) -> u64 {
        self.0.digest
    }

    pub(crate) fn pre(&self) -> &InstancePre<VmState> {
        &self.0.pre
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }
}
