//! The paths that a module names.

use proc_macro2::TokenTree;

use crate::deps::tokens::{is, is_punct, separator, without_tests};

/// A path that a module names.
#[derive(Debug)]
pub struct Use {
    /// From the crate's root.
    pub path: Vec<String>,
    pub line: usize,
    /// The name by which a `use` brings it into the module.
    pub import: Option<String>,
    /// Whether it is a `pub use`, restricted or not.
    pub exported: bool,
}

/// The paths into the crate that the tokens of a module name. `children` are the modules that it declares.
pub fn uses(tokens: &[TokenTree], module: &[String], children: &[String]) -> Vec<Use> {
    let mut paths = Paths { module, children, uses: Vec::new() };
    paths.scan(tokens);
    paths.uses
}

struct Paths<'a> {
    module: &'a [String],
    children: &'a [String],
    uses: Vec<Use>,
}

impl Paths<'_> {
    fn scan(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let before = |distance: usize| at.checked_sub(distance).map(|at| &tokens[at]);
            at = match token {
                TokenTree::Ident(ident) if ident == "use" => {
                    let first = self.uses.len();
                    let next = self.tree(tokens, at + 1, &[], true);
                    let exported =
                        [1, 2].iter().any(|&distance| before(distance).is_some_and(|token| is(token, "pub")));
                    self.uses[first..].iter_mut().for_each(|used| used.exported = exported);
                    next
                }
                TokenTree::Ident(_)
                    if !(at > 1 && separator(tokens, at - 2)) && separator(tokens, at + 1) =>
                {
                    self.tree(tokens, at, &[], false)
                }
                TokenTree::Group(group) => {
                    let is_module = before(2).is_some_and(|token| is(token, "mod"));
                    let is_visibility = before(1).is_some_and(|token| is(token, "pub"));
                    if !is_module && !is_visibility {
                        self.scan(&without_tests(group.stream()));
                    }
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// Reads a path, or the tree of paths of a `use`, from `tokens[at]` on; returns the position after it.
    fn tree(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &[String], imported: bool) -> usize {
        let mut path = prefix.to_vec();
        let mut line = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(ident) => {
                    path.push(ident.to_string());
                    line = ident.span().start().line;
                    at += 1;
                }
                TokenTree::Group(group) if imported => {
                    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in
                        tokens.split(|token| is_punct(token, ',')).filter(|branch| !branch.is_empty())
                    {
                        self.tree(branch, 0, &path, true);
                    }
                    return at + 1;
                }
                // `*`, or the `<` of generic arguments.
                _ => break,
            }
            if !separator(tokens, at) {
                break;
            }
            at += 2;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let renamed =
            tokens.get(at).is_some_and(|token| is(token, "as")).then(|| tokens.get(at + 1)).flatten();
        let name = renamed.map_or_else(|| path.last().cloned().unwrap_or_default(), ToString::to_string);
        if let Some(path) = self.absolute(&path) {
            self.uses.push(Use { path, line, import: imported.then_some(name), exported: false });
        }
        at
    }

    /// The path from the crate's root, or `None` if it leads out of the crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let (base, rest) = match path.first()?.as_str() {
            "crate" => (&self.module[..0], &path[1..]),
            "self" => (self.module, &path[1..]),
            "super" => (&self.module[..self.module.len().checked_sub(supers)?], &path[supers..]),
            first if self.children.iter().any(|child| child == first) => (self.module, path),
            _ => return None,
        };
        Some([base, rest].concat())
    }
}
