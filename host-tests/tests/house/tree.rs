//! The production files of one crate, and which of them imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::Source;
use crate::syntax::{read, Import, Statement};

/// How many re-exports are followed to where a name is defined.
const MOST_HOPS: usize = 8;

/// One production file.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) source: Source,
    /// It is in the folder of its crate. A `#[path]` may lead to a file of another crate.
    pub(crate) own: bool,
    /// Types that it defines.
    pub(crate) types: Vec<String>,
    /// Where its imports stand.
    pub(crate) imports: Vec<std::ops::Range<usize>>,
}

/// One module: a file, or a `mod x { }` in one.
#[derive(Default)]
struct Module {
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    imports: Vec<Import>,
    paths: Vec<Vec<String>>,
    defines: BTreeSet<String>,
}

/// A crate as its sources are read.
pub(crate) struct Crate {
    folder: PathBuf,
    pub(crate) files: Vec<File>,
    modules: Vec<Module>,
    /// The root of the library, which a program beside it names as the crate does.
    library: Option<(String, usize)>,
}

/// From file to file, and the names that the first takes from the second.
pub(crate) type Edges = BTreeMap<(usize, usize), BTreeSet<String>>;

impl Crate {
    /// Reads `src/lib.rs` and `src/main.rs` of a package, and every production module below them.
    pub(crate) fn read(folder: &Path) -> Self {
        let name = folder.file_name().map(|it| it.to_string_lossy().replace('-', "_"));
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut all =
            Self { folder: folder.clone(), files: Vec::new(), modules: Vec::new(), library: None };
        for root in ["src/lib.rs", "src/main.rs"] {
            let path = folder.join(root);
            if path.is_file() {
                let module = all.file(&path, path.parent().unwrap(), None);
                if root == "src/lib.rs" {
                    all.library = name.clone().map(|name| (name, module));
                }
            }
        }
        all
    }

    /// Reads a file as a module; its own submodules are in `folder`.
    fn file(&mut self, path: &Path, folder: &Path, parent: Option<usize>) -> usize {
        let raw = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let source = Source::read(&raw);
        let statements = read(&source.code, &source.text);
        let file = self.files.len();
        let (path, types, imports) = (path.to_owned(), Vec::new(), Vec::new());
        let own = path.canonicalize().is_ok_and(|it| it.starts_with(&self.folder));
        self.files.push(File { path, source, own, types, imports });
        let root = self.modules.len();
        self.modules.push(Module { file, parent, ..Module::default() });
        let mut current = root;
        let mut folders = vec![folder.to_owned()];
        for statement in statements {
            match statement {
                Statement::Module { name, path } => {
                    let beside = self.files[file].path.parent().unwrap().to_owned();
                    let folder = folders.last().unwrap();
                    let (path, folder) = match path {
                        Some(path) => {
                            (beside.join(&path), beside.join(Path::new(&path).with_extension("")))
                        }
                        None => {
                            let plain = folder.join(format!("{name}.rs"));
                            let nested = folder.join(&name);
                            let plain = if plain.is_file() { plain } else { nested.join("mod.rs") };
                            (plain, nested)
                        }
                    };
                    let child = self.file(&path, &folder, Some(current));
                    self.modules[current].children.insert(name, child);
                }
                Statement::Open(name) => {
                    let child = self.modules.len();
                    self.modules.push(Module { file, parent: Some(current), ..Module::default() });
                    folders.push(folders.last().unwrap().join(&name));
                    self.modules[current].children.insert(name, child);
                    current = child;
                }
                Statement::Close => {
                    current = self.modules[current].parent.unwrap_or(root);
                    folders.pop();
                }
                Statement::Import(import) => {
                    self.files[file].imports.push(import.range.clone());
                    self.modules[current].imports.push(import);
                }
                Statement::Path(segments) => self.modules[current].paths.push(segments),
                Statement::Type(name) => {
                    self.modules[current].defines.insert(name.clone());
                    self.files[file].types.push(name);
                }
                Statement::Item(name) => {
                    self.modules[current].defines.insert(name);
                }
            }
        }
        root
    }

    /// The files in the folder of the crate.
    pub(crate) fn own_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|it| it.own)
    }

    /// Which own file imports which. A parent's `mod x;` and `pub use` are no imports.
    pub(crate) fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (index, module) in self.modules.iter().enumerate() {
            for import in &module.imports {
                if import.exported && !module.children.is_empty() {
                    continue;
                }
                self.follow(
                    index,
                    module.file,
                    &import.segments,
                    import.name.is_none(),
                    0,
                    &mut edges,
                );
            }
            for path in &module.paths {
                self.follow(index, module.file, path, false, 0, &mut edges);
            }
        }
        edges
    }

    /// Adds what a path of module `from` leads `file` to: the file of the module that is named, and, where
    /// that only re-exports the name, the file that defines it.
    fn follow(
        &self,
        from: usize,
        file: usize,
        path: &[String],
        glob: bool,
        hops: usize,
        edges: &mut Edges,
    ) {
        if hops > MOST_HOPS {
            return;
        }
        let Some((module, rest)) = self.resolve(from, path) else {
            // The first segment may be a module that was imported by name.
            let Some((first, rest)) = path.split_first() else { return };
            let alias =
                self.modules[from].imports.iter().find(|it| it.name.as_ref() == Some(first));
            if let Some(alias) =
                alias.filter(|it| !rest.is_empty() && it.segments.first() != Some(first))
            {
                let whole: Vec<String> = alias.segments.iter().chain(rest).cloned().collect();
                self.follow(from, file, &whole, glob, hops + 1, edges);
            }
            return;
        };
        let target = &self.modules[module];
        if target.file != file && self.files[file].own && self.files[target.file].own {
            let name = rest.first().or(path.last()).cloned().unwrap_or_default();
            edges.entry((file, target.file)).or_default().insert(name);
        }
        let Some(name) = rest.first().filter(|_| !glob) else { return };
        if target.defines.contains(name) {
            return;
        }
        for import in &target.imports {
            let mut whole = import.segments.clone();
            match &import.name {
                Some(own) if own == name => whole.extend(rest[1..].iter().cloned()),
                None if self.defines(module, &import.segments, name) => whole.push(name.clone()),
                _ => continue,
            }
            self.follow(module, file, &whole, false, hops + 1, edges);
        }
    }

    fn defines(&self, from: usize, path: &[String], name: &str) -> bool {
        let module = self.resolve(from, path).filter(|(_, rest)| rest.is_empty());
        module.is_some_and(|(module, _)| self.modules[module].defines.contains(name))
    }

    /// The module that a path leads to, and what is left of the path. `None` for other crates.
    fn resolve<'a>(&self, from: usize, path: &'a [String]) -> Option<(usize, &'a [String])> {
        let mut rest = path;
        let root = |mut module: usize| {
            while let Some(parent) = self.modules[module].parent {
                module = parent;
            }
            module
        };
        let first = path.first()?.as_str();
        let mut module = match (first, &self.library) {
            ("crate", _) => root(from),
            ("self" | "super", _) => from,
            (name, Some((own, library))) if name == own && root(from) != *library => *library,
            (name, _) if self.modules[from].children.contains_key(name) => {
                return Some(self.walk(from, path));
            }
            _ => return None,
        };
        if first != "super" {
            rest = &rest[1..];
        }
        while rest.first().is_some_and(|it| it == "super") {
            module = self.modules[module].parent?;
            rest = &rest[1..];
        }
        Some(self.walk(module, rest))
    }

    fn walk<'a>(&self, mut module: usize, mut rest: &'a [String]) -> (usize, &'a [String]) {
        while let Some(child) = rest.first().and_then(|it| self.modules[module].children.get(it)) {
            module = *child;
            rest = &rest[1..];
        }
        (module, rest)
    }
}
