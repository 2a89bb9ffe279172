//! Checks that every test named in `docs/security.md` exists.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{read, root};

const DOCUMENT: &str = "docs/security.md";
const SOURCES: [&str; 3] = ["crates", "tests", "tools"];

/// The names in the document without a test.
fn missing() -> Result<Vec<String>, String> {
    let mut sources = Vec::new();
    for folder in SOURCES {
        collect(&root().join(folder), &mut sources)?;
    }
    let document = read(&root().join(DOCUMENT))?;
    let named = named(&document);
    if named.is_empty() {
        return Err(format!("{DOCUMENT} names no test"));
    }
    let missing = named.into_iter().filter(|name| !sources.iter().any(|source| source.has(name)));
    Ok(missing.map(str::to_owned).collect())
}

struct Source {
    path: PathBuf,
    text: String,
}

fn collect(folder: &Path, sources: &mut Vec<Source>) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("could not read {}: {e}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(Source { text: read(&path)?, path });
        }
    }
    Ok(())
}

/// The names of tests in a text: code spans with a module, or with more than three underscores.
fn named(text: &str) -> Vec<&str> {
    let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
    let is_test = |span: &&str| {
        let last = span.rsplit("::").next().unwrap_or_default();
        span.chars().all(of_name) && (span.contains("::") || last.matches('_').count() > 3)
    };
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(is_test).collect()
}

impl Source {
    /// Whether the file has a test of this name. The name may lack its leading modules.
    fn has(&self, name: &str) -> bool {
        let (modules, test) = name.rsplit_once("::").unwrap_or(("", name));
        let in_modules = modules.split("::").filter(|module| !module.is_empty()).all(|module| {
            let in_path =
                |part: &std::ffi::OsStr| Path::new(part).file_stem().is_some_and(|stem| stem == module);
            self.path.iter().any(in_path) || self.text.contains(&format!("mod {module} {{"))
        });
        // `on_both_databases!` makes a module of a test.
        in_modules
            && [format!("fn {test}("), format!("mod {test} {{")].iter().any(|form| self.text.contains(form))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_that_the_security_document_names_exists() {
        assert_eq!(missing().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_name_is_found_only_in_its_module() {
        let source = Source {
            path: "crates/x/src/jwt/hostile.rs".into(),
            text: "mod tests {\n    #[test]\n    fn it_holds() {}\n}".to_owned(),
        };
        assert!(source.has("jwt::hostile::tests::it_holds") && source.has("it_holds"));
        assert!(!source.has("jwt::tests::it_hold") && !source.has("issuers::tests::it_holds"));
        let text = "see `a::it_holds`, `SECRET_KEY`, `it_holds_as_a_sentence_does`, `cargo test`, `exp`";
        assert_eq!(named(text), ["a::it_holds", "it_holds_as_a_sentence_does"]);
    }
}
