//! Docs on public items.
//!
//! Fields and variants need none, because a good name often suffices; the lint `missing_docs` would
//! require them there too.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;

use crate::deps::source::{Crate, Module};
use crate::deps::tokens::{body, is, is_punct, without_tests};

/// The keywords of items that need docs.
const ITEMS: [&str; 9] = ["struct", "enum", "union", "trait", "fn", "type", "const", "static", "mod"];

/// Every item without docs that other crates can name, and the methods of such types and traits.
pub fn problems(source: &Crate) -> Vec<String> {
    let public = source.modules.iter().filter(|module| module.public);
    let exports = public.flat_map(|module| module.uses.iter().filter(|used| used.exported));
    let exports: BTreeSet<_> =
        exports.map(|used| (&source.definer(&used.path).path, used.path.last())).collect();
    let can_be_named = |module: &Module, item: &Item| {
        let name = item.owner.as_ref().unwrap_or(&item.name);
        let definer = source.definer(&[module.path.as_slice(), std::slice::from_ref(name)].concat());
        definer.public || exports.contains(&(&definer.path, Some(name)))
    };
    let has_inner_docs = |module: &Module, item: &Item| {
        let inner = source.module(&[module.path.as_slice(), std::slice::from_ref(&item.name)].concat());
        inner.is_some_and(|inner| matches!(inner.tokens.as_slice(), [_, bang, docs, ..] if is_punct(bang, '!') && is_docs(docs)))
    };
    let mut problems = Vec::new();
    for module in &source.modules {
        let mut items = Vec::new();
        undocumented(&module.tokens, None, false, &mut items);
        items.retain(|item| can_be_named(module, item) && !has_inner_docs(module, item));
        problems.extend(items.into_iter().map(|item| {
            format!(
                "{}:{}: {} {} is public and has no docs",
                module.file.display(),
                item.line,
                item.keyword,
                item.name
            )
        }));
    }
    problems
}

struct Item {
    keyword: &'static str,
    name: String,
    /// The type or trait to which a method or a constant belongs.
    owner: Option<String>,
    line: usize,
}

/// Adds the items of a module, an `impl` block or a trait that are public and have no docs.
fn undocumented(tokens: &[TokenTree], owner: Option<&str>, all_public: bool, found: &mut Vec<Item>) {
    for item in tokens.split_inclusive(|token| is_punct(token, ';') || body(token).is_some()) {
        let (documented, rest) = after_attributes(item);
        let (public, rest) = match rest {
            [visibility, TokenTree::Group(_), rest @ ..] if is(visibility, "pub") => (false, rest),
            [visibility, rest @ ..] if is(visibility, "pub") => (true, rest),
            rest => (all_public, rest),
        };
        let Some([keyword, name]) = rest.windows(2).find(|pair| !is_modifier(&pair[0], &pair[1])) else {
            continue;
        };
        let inside = item.last().and_then(body).map(without_tests);
        if is(keyword, "impl") {
            let implementor = implementor(rest);
            undocumented(&inside.unwrap_or_default(), implementor.as_deref(), false, found);
            continue;
        }
        let Some(keyword) = ITEMS.into_iter().find(|word| public && is(keyword, word)) else { continue };
        let name = name.to_string();
        if keyword == "trait" {
            undocumented(&inside.unwrap_or_default(), Some(&name), true, found);
        }
        if !documented {
            let line = rest[0].span().start().line;
            found.push(Item { keyword, name, owner: owner.map(str::to_owned), line });
        }
    }
}

/// Whether the first of two tokens belongs before the keyword of an item, as in `const fn` or `extern "C" fn`.
fn is_modifier(token: &TokenTree, next: &TokenTree) -> bool {
    let of_function = || ITEMS.iter().chain(&["async", "unsafe"]).any(|word| is(next, word));
    match token {
        TokenTree::Literal(_) => true,
        _ if is(token, "const") => of_function(),
        _ => ["unsafe", "async", "extern"].iter().any(|word| is(token, word)),
    }
}

/// The type of an inherent `impl` block: the first name after the generic parameters.
fn implementor(tokens: &[TokenTree]) -> Option<String> {
    let mut depth = 0;
    for token in tokens.iter().skip_while(|token| !is(token, "impl")).skip(1) {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth -= 1,
            TokenTree::Ident(name) if depth == 0 => return Some(name.to_string()),
            _ => {}
        }
    }
    None
}

fn is_docs(attribute: &TokenTree) -> bool {
    attribute.to_string().starts_with("[doc")
}

/// Whether an item has outer docs, and what follows its attributes.
fn after_attributes(mut tokens: &[TokenTree]) -> (bool, &[TokenTree]) {
    let mut documented = false;
    loop {
        tokens = match tokens {
            [hash, bang, _, rest @ ..] if is_punct(hash, '#') && is_punct(bang, '!') => rest,
            [hash, attribute, rest @ ..] if is_punct(hash, '#') => {
                documented |= is_docs(attribute);
                rest
            }
            rest => return (documented, rest),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_items_need_docs_and_their_parts_do_not() {
        let source = Crate::of(
            "//! The crate.
             pub mod a { //! Has docs.
             }
             pub mod b {}
             /// A point.
             #[derive(Debug)] pub struct Point { pub x: i32, pub y: i32 }
             pub enum Kind { One, Two }
             impl Point {
                 pub const fn new() -> Self { todo!() }
                 #[must_use] pub async unsafe fn more() {}
                 pub const LIMIT: usize = 1;
                 fn own() {}
                 #[cfg(test)] pub fn of_tests() {}
             }
             pub(crate) fn inside() {}
             /// A port.
             pub trait Port { /// Works.
                 fn work(&self);
                 fn rest(&self) { pub fn nested() {} }
             }
             mod private {
                 pub struct Unreachable; impl Unreachable { pub fn g() {} }
                 pub use self::deep::{Exported, Kept};
                 mod deep { pub struct Exported; pub struct Kept; impl Exported { pub fn h() {} } }
             }
             pub use private::Exported;
             trait Private { fn work(&self); }
             impl<T> Clone for Wrapper<T> where T: Clone { fn clone(&self) -> Self { todo!() } }
             pub use a::Everything;",
        );
        let expected = [
            "4: mod b",
            "7: enum Kind",
            "9: fn new",
            "10: fn more",
            "11: const LIMIT",
            "19: fn rest",
            "24: struct Exported",
            "24: fn h",
        ];
        assert_eq!(
            problems(&source),
            expected.map(|item| format!("lib.rs:{item} is public and has no docs"))
        );
    }
}
