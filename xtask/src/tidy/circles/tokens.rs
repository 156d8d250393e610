//! Items, paths and `use` trees as tokens.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path as its segments.
pub(super) type Path = Vec<String>;

/// Last segment of a path that brings in all names of a module.
pub(super) const GLOB: &str = "*";

/// One name that `use` brings in, and its path.
pub(super) type Leaf = (String, Path);

/// The names of a tree such as `a::{b, c as d, e::*}`.
pub(super) fn leaves(tree: &[TokenTree]) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect_leaves(tree, &[], &mut found);
    found
}

fn collect_leaves(tree: &[TokenTree], prefix: &[String], found: &mut Vec<Leaf>) {
    for part in tree.split(|token| is_punct(Some(token), ',')) {
        let (mut path, mut alias) = (prefix.to_vec(), None);
        let mut tokens = part.iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(name) if name == "as" => alias = tokens.next().map(ToString::to_string),
                TokenTree::Ident(name) if name == "self" && !path.is_empty() => {}
                TokenTree::Ident(name) => path.push(name.to_string()),
                TokenTree::Group(group) => {
                    collect_leaves(&tokens_of(group.stream()), &path, found);
                    path.clear();
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push(GLOB.to_owned()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        if let Some(last) = path.last() {
            found.push((alias.unwrap_or_else(|| last.clone()), path));
        }
    }
}

/// The keyword of an item, and its index.
pub(super) fn keyword(item: &[TokenTree]) -> Option<(usize, String)> {
    const KEYWORDS: &[&str] = &[
        "const",
        "enum",
        "fn",
        "impl",
        "macro_rules",
        "mod",
        "static",
        "struct",
        "trait",
        "type",
        "use",
    ];
    let (at, keyword) = idents(item).find(|(_, word)| KEYWORDS.contains(&word.as_str()))?;
    // `const fn`, `const unsafe fn`: the function is the item.
    let after = item[at + 1..].iter().position(|token| is_ident(token, "fn"));
    match after {
        Some(0..=2) if keyword == "const" => Some((at + 1 + after?, "fn".to_owned())),
        _ => Some((at, keyword)),
    }
}

/// The number of tokens of the item that `tokens` begin with.
pub(super) fn item_end(tokens: &[TokenTree]) -> usize {
    let to_semicolon =
        keyword(tokens).is_some_and(|(_, word)| matches!(word.as_str(), "use" | "const" | "static" | "type"));
    let ends = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => !to_semicolon && group.delimiter() == Delimiter::Brace,
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    tokens.iter().position(ends).map_or(tokens.len(), |at| at + 1)
}

/// The number of tokens of the attributes that `tokens` begin with.
pub(super) fn attributes_end(tokens: &[TokenTree]) -> usize {
    let mut end = 0;
    while is_punct(tokens.get(end), '#') {
        end += if is_punct(tokens.get(end + 1), '!') { 3 } else { 2 };
    }
    end.min(tokens.len())
}

pub(super) fn end_of_statement(tokens: &[TokenTree], from: usize) -> usize {
    let semicolon = tokens[from..].iter().position(|token| is_punct(Some(token), ';'));
    semicolon.map_or(tokens.len(), |at| from + at)
}

pub(super) fn is_cfg_test(attribute: &TokenTree) -> bool {
    matches!(attribute, TokenTree::Group(group) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

pub(super) fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

pub(super) fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

pub(super) fn tokens_of(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

/// The identifiers among `tokens`, with their indexes.
fn idents(tokens: &[TokenTree]) -> impl Iterator<Item = (usize, String)> {
    tokens.iter().enumerate().filter_map(|(at, token)| match token {
        TokenTree::Ident(ident) => Some((at, ident.to_string())),
        TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}

pub(super) fn first_ident(tokens: &[TokenTree]) -> Option<(usize, String)> {
    idents(tokens).next()
}
