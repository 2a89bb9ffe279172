//! Helpers for reading Rust's tokens.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

pub fn is(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == text)
}

/// The tokens without the items under `#[cfg(test)]`.
pub fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        let is_attribute = kept.last().is_some_and(|last| is_punct(last, '#'));
        if is_attribute && token.to_string() == "[cfg (test)]" {
            kept.pop();
            tokens.by_ref().find(|token| is_punct(token, ';') || body(token).is_some());
        } else {
            kept.push(token);
        }
    }
    kept
}

/// The content of a pair of braces.
pub fn body(token: &TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    }
}

pub fn is_punct(token: &TokenTree, expected: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == expected)
}

/// Whether `::` begins at this position.
pub fn separator(tokens: &[TokenTree], at: usize) -> bool {
    [at, at + 1].iter().all(|at| tokens.get(*at).is_some_and(|token| is_punct(token, ':')))
}
