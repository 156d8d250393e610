//! Modules of a crate as its files declare them, and the names in them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};

use super::arrows::Arrows;
use super::tokens::{
    GLOB, Leaf, Path, attributes_end, end_of_statement, first_ident, is_cfg_test, is_ident, is_punct, item_end,
    keyword, leaves, tokens_of,
};

/// Number of re-exports that a name is followed through.
const MAX_DEPTH: usize = 8;

/// One module: a file, or `mod name { … }` in one.
#[derive(Debug, Default)]
struct Module {
    file: usize,
    parent: Option<usize>,
    /// Folder of the files of its children.
    folder: String,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: BTreeMap<String, Import>,
    /// Paths that end in [`GLOB`].
    globs: Vec<Path>,
    /// Paths in its code, of two segments and more.
    paths: BTreeSet<Path>,
    /// Names that its code uses by themselves.
    words: BTreeSet<String>,
}

#[derive(Debug)]
struct Import {
    path: Path,
    re_export: bool,
}

/// The thing that a path names.
#[derive(Debug, Clone, Copy)]
enum Target {
    Module(usize),
    /// An item, by the file that defines it.
    Item(usize),
}

/// The modules of one crate.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    files: &'a [(String, String)],
    tree: Vec<Module>,
    /// Macros by name, with their files: `#[macro_export]` puts them at the root.
    macros: BTreeMap<String, usize>,
}

impl<'a> Modules<'a> {
    /// Reads the trees of modules below `src/lib.rs`, `src/main.rs` and `src/bin/*.rs`.
    ///
    /// # Errors
    /// When a file is not Rust.
    pub(super) fn read(src: &str, files: &'a [(String, String)]) -> Result<Self> {
        let mut modules = Self {
            files,
            tree: Vec::new(),
            macros: BTreeMap::new(),
        };
        for (file, (path, _)) in files.iter().enumerate() {
            let name = path.strip_prefix(src).unwrap_or(path);
            if matches!(name, "/lib.rs" | "/main.rs") || name.starts_with("/bin/") {
                modules.read_file(file, None, src.to_owned())?;
            }
        }
        Ok(modules)
    }

    /// The arrows between the files.
    pub(super) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (id, module) in self.tree.iter().enumerate() {
            let imports = module
                .imports
                .iter()
                .filter(|(name, import)| !import.re_export || module.words.contains(*name));
            for path in imports.map(|(_, import)| &import.path).chain(&module.paths) {
                let Some(Target::Item(file)) = self.resolve(id, path, 0) else {
                    continue;
                };
                if file != module.file {
                    let names = arrows.entry(module.file).or_default().entry(file).or_default();
                    names.insert(self.item_name(id, path, file));
                }
            }
        }
        arrows
    }

    /// The segment of `path` that names an item of `file`.
    fn item_name(&self, from: usize, path: &[String], file: usize) -> String {
        let names_item =
            |&end: &usize| matches!(self.resolve(from, &path[..end], 0), Some(Target::Item(found)) if found == file);
        let end = (1..path.len()).find(names_item).unwrap_or(path.len());
        path[end - 1].clone()
    }

    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Target> {
        // A name that is imported from itself, such as `use metrics;`, would never end.
        if depth > MAX_DEPTH {
            return None;
        }
        let (mut at, mut next) = (from, 0);
        while let Some(keyword) = path.get(next) {
            match keyword.as_str() {
                "crate" => at = self.root(at),
                "super" => at = self.tree[at].parent?,
                "self" => {}
                _ => break,
            }
            next += 1;
        }
        let local = next > 0;
        for (position, name) in path.iter().enumerate().skip(next) {
            if name == GLOB {
                break;
            }
            let last = position + 1 == path.len();
            match self.lookup(at, name, last, depth) {
                Some(Target::Module(module)) => at = module,
                Some(item) => return Some(item),
                // A macro made it, or it is another crate's.
                None if local || position > next => return Some(Target::Item(self.tree[at].file)),
                None => return None,
            }
        }
        Some(Target::Module(at))
    }

    /// Looks up `name` in a module; a module and an item may have the same.
    fn lookup(&self, at: usize, name: &str, last: bool, depth: usize) -> Option<Target> {
        let module = &self.tree[at];
        let child = || module.children.get(name).map(|&child| Target::Module(child));
        let item = || {
            if module.items.contains(name) {
                return Some(Target::Item(module.file));
            }
            if let Some(import) = module.imports.get(name) {
                return self.resolve(at, &import.path, depth + 1);
            }
            if let (None, Some(&file)) = (module.parent, self.macros.get(name)) {
                return Some(Target::Item(file));
            }
            module
                .globs
                .iter()
                .find_map(|glob| match self.resolve(at, glob, depth + 1)? {
                    Target::Module(from) => self.lookup(from, name, last, depth + 1),
                    Target::Item(_) => None,
                })
        };
        if last {
            item().or_else(child)
        } else {
            child().or_else(item)
        }
    }

    fn root(&self, module: usize) -> usize {
        std::iter::successors(Some(module), |&module| self.tree[module].parent)
            .last()
            .unwrap_or(module)
    }

    fn read_file(&mut self, file: usize, parent: Option<usize>, folder: String) -> Result<usize> {
        let (path, text) = &self.files[file];
        let tokens: TokenStream = text
            .parse()
            .map_err(|error| anyhow!("{error}"))
            .with_context(|| format!("cannot read {path}"))?;
        self.read_module(file, parent, folder, tokens)
    }

    fn read_module(
        &mut self,
        file: usize,
        parent: Option<usize>,
        folder: String,
        tokens: TokenStream,
    ) -> Result<usize> {
        let id = self.tree.len();
        self.tree.push(Module {
            file,
            parent,
            folder,
            ..Module::default()
        });
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while !rest.is_empty() {
            let (attributes, item);
            (attributes, rest) = rest.split_at(attributes_end(rest));
            (item, rest) = rest.split_at(item_end(rest));
            if !attributes.iter().any(is_cfg_test) {
                self.tree[id].scan(attributes);
                self.read_item(id, item)?;
            }
        }
        Ok(id)
    }

    fn read_item(&mut self, id: usize, item: &[TokenTree]) -> Result<()> {
        let Some((at, keyword)) = keyword(item) else {
            self.tree[id].scan(item);
            return Ok(());
        };
        let rest = &item[at + 1..];
        let module = &mut self.tree[id];
        if keyword == "use" {
            let re_export = item[..at].iter().any(|token| is_ident(token, "pub"));
            for leaf in leaves(rest) {
                module.import(leaf, re_export);
            }
            return Ok(());
        }
        if let Some((_, name)) = first_ident(rest).filter(|_| keyword != "impl") {
            if keyword == "mod" {
                return self.read_child(id, &name, rest);
            }
            if keyword == "macro_rules" {
                self.macros.insert(name.clone(), module.file);
            }
            module.items.insert(name);
        }
        self.tree[id].scan(item);
        Ok(())
    }

    fn read_child(&mut self, id: usize, name: &str, rest: &[TokenTree]) -> Result<()> {
        let folder = format!("{}/{name}", self.tree[id].folder);
        let child = if let Some(TokenTree::Group(body)) = rest.last() {
            self.read_module(self.tree[id].file, Some(id), folder, body.stream())?
        } else {
            let named = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
            let Some(file) = self.files.iter().position(|(path, _)| named.contains(path)) else {
                return Ok(());
            };
            self.read_file(file, Some(id), folder)?
        };
        self.tree[id].children.insert(name.to_owned(), child);
        Ok(())
    }
}

impl Module {
    fn import(&mut self, leaf: Leaf, re_export: bool) {
        let (name, path) = leaf;
        match name.as_str() {
            GLOB => self.globs.push(path),
            "_" => drop(self.paths.insert(path)),
            _ => drop(self.imports.insert(name, Import { path, re_export })),
        }
    }

    /// Notes the paths and names in code.
    fn scan(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.scan(&tokens_of(group.stream())),
                TokenTree::Ident(first) if first == "use" && !is_punct(tokens.get(at), '<') => {
                    let end = end_of_statement(tokens, at);
                    self.paths
                        .extend(leaves(&tokens[at..end]).into_iter().map(|(_, path)| path));
                    at = end;
                }
                TokenTree::Ident(first) => {
                    let before = at.checked_sub(2).and_then(|before| tokens.get(before));
                    let mut path = vec![first.to_string()];
                    while let [TokenTree::Punct(one), TokenTree::Punct(two), TokenTree::Ident(name), ..] = &tokens[at..]
                    {
                        if one.as_char() != ':' || two.as_char() != ':' {
                            break;
                        }
                        path.push(name.to_string());
                        at += 3;
                    }
                    let is_field = is_punct(before, '.') || path.len() == 1 && is_punct(tokens.get(at), ':');
                    if !is_field && !before.is_some_and(|token| is_ident(token, "fn")) {
                        self.words.insert(path[0].clone());
                    }
                    if path.len() > 1 {
                        self.paths.insert(path);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}
