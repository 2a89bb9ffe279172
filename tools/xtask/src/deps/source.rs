//! The modules of a crate and the paths that they name, read from its source.
//!
//! Items under `#[cfg(test)]` are skipped. Only paths are found; a call of a method in another
//! file's `impl` block is not.

use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use crate::deps::paths::{Use, uses};
use crate::deps::tokens::{body, is, without_tests};
use crate::process::{read, root};

/// The name of a crate's root module.
pub const ROOT: &str = "crate";

/// A crate's modules, the root first.
#[derive(Debug, Default)]
pub struct Crate {
    pub modules: Vec<Module>,
}

/// A module with its own tokens and the paths into the crate that it names.
#[derive(Debug)]
pub struct Module {
    /// From the root, which has the empty path.
    pub path: Vec<String>,
    /// Whether it and every module around it is declared by `pub mod`.
    pub public: bool,
    /// Relative to the workspace's root.
    pub file: PathBuf,
    /// Without the items under `#[cfg(test)]`.
    pub tokens: Vec<TokenTree>,
    pub uses: Vec<Use>,
}

impl Module {
    /// The path as the order files write it.
    pub fn name(&self) -> String {
        if self.path.is_empty() { ROOT.to_owned() } else { self.path.join("::") }
    }
}

impl Crate {
    /// Reads the crate in this folder of the workspace.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let library = folder.join("src/lib.rs");
        let file = if root().join(&library).exists() { library } else { folder.join("src/main.rs") };
        let mut source = Self::default();
        source.add(&file, &[], true, read_tokens(&file)?)?;
        Ok(source)
    }

    /// A crate of one file, `lib.rs`.
    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        let mut source = Self::default();
        source.add(Path::new("lib.rs"), &[], true, text.parse().unwrap()).unwrap();
        source
    }

    /// The module at `path`.
    pub fn module(&self, path: &[String]) -> Option<&Module> {
        self.modules.iter().find(|module| module.path == path)
    }

    /// The module that defines what `path` names, found through imports and re-exports.
    pub fn definer(&self, path: &[String]) -> &Module {
        let mut path = path.to_vec();
        let mut definer = &self.modules[0];
        // A limit, because imports can name one another in a cycle.
        for _ in 0..16 {
            let modules = (0..=path.len()).rev().filter_map(|depth| self.module(&path[..depth]));
            definer = modules.into_iter().next().unwrap_or(definer);
            let depth = definer.path.len();
            let imported = definer
                .uses
                .iter()
                .find(|used| used.import.is_some() && used.import.as_ref() == path.get(depth));
            let Some(import) = imported else { break };
            path.splice(..=depth, import.path.iter().cloned());
        }
        definer
    }

    /// The other modules that a module uses, with the lines. Re-exports of modules within it are
    /// left out.
    pub fn arrows<'a>(&'a self, from: &'a Module) -> impl Iterator<Item = (&'a Module, usize)> {
        let targets = from.uses.iter().map(|used| (used, self.definer(&used.path)));
        let arrows = targets.filter(|(used, to)| {
            let re_export = used.exported && to.path.starts_with(&from.path);
            !re_export && to.path != from.path
        });
        arrows.map(|(used, to)| (to, used.line))
    }

    /// Adds a module and those that it declares.
    fn add(&mut self, file: &Path, path: &[String], public: bool, tokens: TokenStream) -> Result<(), String> {
        let tokens = without_tests(tokens);
        let declarations = tokens.windows(3).filter(|tokens| is(&tokens[0], "mod"));
        let children: Vec<String> = declarations.map(|tokens| tokens[1].to_string()).collect();
        let uses = uses(&tokens, path, &children);
        self.modules.push(Module {
            path: path.to_owned(),
            public,
            file: file.to_owned(),
            tokens: tokens.clone(),
            uses,
        });
        for at in (0..tokens.len()).filter(|at| is(&tokens[*at], "mod")) {
            let public = public && at.checked_sub(1).is_some_and(|before| is(&tokens[before], "pub"));
            let name = tokens[at + 1].to_string();
            let child = [path, std::slice::from_ref(&name)].concat();
            if let Some(inline) = body(&tokens[at + 2]) {
                self.add(file, &child, public, inline)?;
            } else {
                let file = beside(file, &name);
                self.add(&file, &child, public, read_tokens(&file)?)?;
            }
        }
        Ok(())
    }
}

fn read_tokens(file: &Path) -> Result<TokenStream, String> {
    let text = read(&root().join(file))?;
    text.parse().map_err(|e| format!("could not parse {}: {e}", file.display()))
}

/// The file of the module `name` that the file `parent` declares.
fn beside(parent: &Path, name: &str) -> PathBuf {
    let folder = parent.with_file_name(name);
    let file = folder.with_extension("rs");
    if root().join(&file).exists() { file } else { folder.join("mod.rs") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows in a crate of this text.
    fn arrows(text: &str) -> Vec<String> {
        let source = Crate::of(text);
        let from = |from: &Module| {
            source.arrows(from).map(|(to, _)| format!("{} -> {}", from.name(), to.name())).collect::<Vec<_>>()
        };
        source.modules.iter().flat_map(from).collect()
    }

    #[test]
    fn trees_inline_paths_and_re_exports_lead_to_the_defining_module() {
        let text = "pub mod a { pub mod deep { pub struct A; } pub use deep::A; pub fn f() {} }
                    mod b { use crate::{a::{self, A as Renamed}, c}; fn g() { super::a::f(); c::h() } }
                    mod c { pub fn h() -> Vec<crate::a::A> { json!({ x: crate::b::g() }) } }";
        let expected = ["b -> a", "b -> a::deep", "b -> c", "b -> a", "c -> a::deep", "c -> b"];
        assert_eq!(arrows(text), expected);
    }

    #[test]
    fn tests_comments_and_other_crates_are_no_arrows() {
        let text = "mod a { /// [`crate::b`]\n use std::b; #[cfg(test)] mod tests { use crate::b; }
                            #[cfg(test)] use crate::b::B; pub(in crate::a) fn f() { b::g(); \"crate::b\" } }
                    mod b {}";
        assert_eq!(arrows(text), Vec::<String>::new());
    }
}
