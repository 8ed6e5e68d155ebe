//! Reads Rust source as far as the rules need it: which paths a file names outside its tests.
//!
//! Not a parser. It knows comments, strings, `use` trees, inline modules and `#[cfg(test)]`, which is
//! enough to be right about code that compiles, and small enough to read.

use std::collections::{HashMap, HashSet};

use crate::lexer::{Token, TokenKind, lex};

/// One file, by its path from the root of the repository.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.replace('\\', "/"), text: text.to_owned() }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The path below `src`, without `.rs` or `/mod.rs`: `middleware/retry/layer`. Empty for `src/lib.rs`.
    pub(crate) fn module(&self) -> Option<String> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        if inside == "lib" {
            return Some(String::new());
        }
        Some(inside.strip_suffix("/mod").unwrap_or(inside).to_owned())
    }

    /// The room: the first part of the module's path. `None` for `src/lib.rs` and for what is not in `src`.
    pub(crate) fn room(&self) -> Option<String> {
        let module = self.module()?;
        module.split('/').next().filter(|room| !room.is_empty()).map(str::to_owned)
    }

    pub(crate) fn scan(&self) -> Scan {
        Scanner::new(self).run()
    }
}

/// What a file names outside its tests.
#[derive(Default)]
pub(crate) struct Scan {
    pub(crate) paths: Vec<Named>,
    /// `pub struct SomethingLayer`, with its line.
    pub(crate) layers: Vec<(String, usize)>,
    /// Modules declared under `#[cfg(test)]` that live in files of their own, as `middleware/retry/tests`.
    pub test_modules: Vec<String>,
}

/// A path as the file means it: `crate::…` for this crate, else the name of the other crate first.
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// By a `use`, and so in full; a path in the code may begin with a name that a `use` brought in.
    imported: bool,
}

impl Named {
    /// The room of this crate that it reaches into; an empty string for the crate's root.
    pub(crate) fn room(&self) -> Option<&str> {
        let (first, rest) = self.segments.split_first()?;
        (first == "crate").then(|| rest.first().map_or("", String::as_str))
    }

    pub(crate) fn starts_with(&self, path: &str) -> bool {
        let mut segments = self.segments.iter();
        path.split("::").all(|part| segments.next().is_some_and(|segment| segment == part))
    }

    pub(crate) fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// The words that begin an item, as against a field, an arm or a statement.
const ITEMS: &[&str] =
    &["const", "enum", "fn", "impl", "mod", "static", "struct", "trait", "type", "use"];

struct Scanner {
    tokens: Vec<Token>,
    at: usize,
    /// Where the file is in the crate, then the inline modules that are open.
    module: Vec<String>,
    /// The brace depth at which each open inline module began.
    opened: Vec<usize>,
    depth: usize,
    /// What a `use` calls something, and what that is.
    aliases: HashMap<String, Vec<String>>,
    /// Modules that the file declares: a path which begins with one stays at home.
    children: HashSet<String>,
    scan: Scan,
}

impl Scanner {
    fn new(source: &Source) -> Self {
        let module = source.module().unwrap_or_default();
        Self {
            tokens: lex(&source.text),
            at: 0,
            module: module.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            opened: Vec::new(),
            depth: 0,
            aliases: HashMap::new(),
            children: HashSet::new(),
            scan: Scan::default(),
        }
    }

    fn run(mut self) -> Scan {
        while self.at < self.tokens.len() {
            self.step();
        }
        // A `use` may stand below the code that needs it, so names are looked up at the end.
        let (aliases, children) = (&self.aliases, &self.children);
        self.scan.paths.retain_mut(|named| {
            let first = named.segments[0].clone();
            if children.contains(&first) {
                return false;
            }
            match aliases.get(&first) {
                // Judged where it was imported.
                Some(meant) if meant[0] == "crate" => return false,
                Some(meant) if !named.imported => {
                    named.segments.splice(..1, meant.iter().cloned());
                }
                _ => {}
            }
            true
        });
        self.scan
    }

    fn kind(&self, at: usize) -> Option<&TokenKind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    fn ident(&self, at: usize) -> Option<&str> {
        match self.kind(at) {
            Some(TokenKind::Ident(name)) => Some(name),
            _ => None,
        }
    }

    fn is(&self, at: usize, punct: char) -> bool {
        self.kind(at) == Some(&TokenKind::Punct(punct))
    }

    fn step(&mut self) {
        match self.kind(self.at) {
            Some(TokenKind::Punct('#')) if self.is(self.at + 1, '[') => {
                let end = self.closing(self.at + 1);
                if self.is_test_only(self.at + 2, end) {
                    self.at = end + 1;
                    self.skip_item();
                } else {
                    // Not skipped: `#[derive(serde::Serialize)]` names a crate too.
                    self.at += 2;
                }
            }
            Some(TokenKind::Punct('{')) => {
                self.depth += 1;
                self.at += 1;
            }
            Some(TokenKind::Punct('}')) => {
                self.depth = self.depth.saturating_sub(1);
                if self.opened.last() == Some(&self.depth) {
                    self.opened.pop();
                    self.module.pop();
                }
                self.at += 1;
            }
            Some(TokenKind::Ident(_)) => self.word(),
            _ => self.at += 1,
        }
    }

    fn word(&mut self) {
        let word = self.ident(self.at).unwrap_or_default().to_owned();
        match word.as_str() {
            // In `impl Trait + use<'a>` there is no tree, and none is found.
            "use" => {
                self.at += 1;
                self.use_tree(&[]);
            }
            "mod" if self.ident(self.at + 1).is_some() => {
                let name = self.ident(self.at + 1).unwrap_or_default().to_owned();
                if self.is(self.at + 2, '{') {
                    self.opened.push(self.depth);
                    self.module.push(name);
                } else {
                    self.children.insert(name);
                }
                self.at += 2;
            }
            "extern" if self.ident(self.at + 1) == Some("crate") => {
                let line = self.tokens[self.at].line;
                let name = self.ident(self.at + 2).unwrap_or_default().to_owned();
                self.record(vec![name], line, true);
                self.at += 3;
            }
            "pub" if self.ident(self.at + 1) == Some("struct") => {
                if let Some(name) = self.ident(self.at + 2).filter(|name| name.ends_with("Layer")) {
                    let line = self.tokens[self.at].line;
                    self.scan.layers.push((name.to_owned(), line));
                }
                self.at += 3;
            }
            _ => self.inline_path(),
        }
    }

    /// `a::b::c` in code, and `a!` as the path `a!`.
    fn inline_path(&mut self) {
        let line = self.tokens[self.at].line;
        let continues = self.at > 0 && {
            let sep = self.kind(self.at - 1) == Some(&TokenKind::PathSep);
            // A path that opens with `::` starts here; one after a name or a `>` goes on.
            sep && self.at > 1 && (self.ident(self.at - 2).is_some() || self.is(self.at - 2, '>'))
        };
        let method = self.at > 0 && self.is(self.at - 1, '.');
        let mut segments = vec![self.ident(self.at).unwrap_or_default().to_owned()];
        self.at += 1;
        while self.kind(self.at) == Some(&TokenKind::PathSep) {
            let Some(next) = self.ident(self.at + 1).map(str::to_owned) else { break };
            segments.push(next);
            self.at += 2;
        }
        if segments.len() == 1 && self.is(self.at, '!') && !self.is(self.at + 1, '=') {
            segments[0].push('!');
        } else if segments.len() == 1 {
            return;
        }
        if !continues && !method {
            self.record(segments, line, false);
        }
    }

    /// One tree of a `use`, groups and all; `self.at` stands on its first token.
    fn use_tree(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        while self.at < self.tokens.len() {
            let line = self.tokens[self.at].line;
            if self.is(self.at, '{') {
                self.at += 1;
                while self.at < self.tokens.len() && !self.is(self.at, '}') {
                    self.use_tree(&path);
                    if self.is(self.at, ',') {
                        self.at += 1;
                    }
                }
                self.at += 1;
                return;
            }
            if self.is(self.at, '*') {
                self.at += 1;
                self.record(path, line, true);
                return;
            }
            match self.ident(self.at).map(str::to_owned) {
                Some(name) => {
                    // `self` inside a group means the prefix; at the start it means this module.
                    if name != "self" || path.is_empty() {
                        path.push(name);
                    }
                    self.at += 1;
                }
                // `use ::krate`: the path opens with it.
                None if self.kind(self.at) == Some(&TokenKind::PathSep) => {}
                None => return,
            }
            if self.kind(self.at) == Some(&TokenKind::PathSep) {
                self.at += 1;
                continue;
            }
            let mut called = path.last().cloned().unwrap_or_default();
            if self.ident(self.at) == Some("as") {
                called = self.ident(self.at + 1).unwrap_or("_").to_owned();
                self.at += 2;
            }
            let meant = self.record(path, line, true);
            self.aliases.insert(called, meant);
            return;
        }
    }

    /// Notes a path, with `self` and `super` written out.
    fn record(&mut self, segments: Vec<String>, line: usize, imported: bool) -> Vec<String> {
        let mut full = segments;
        if full[0] == "self" || full[0] == "super" {
            let drop = usize::from(full[0] == "self");
            let up = full[drop..].iter().take_while(|segment| *segment == "super").count();
            let home = self.module.len().saturating_sub(up);
            let mut absolute = vec!["crate".to_owned()];
            absolute.extend_from_slice(&self.module[..home]);
            absolute.extend_from_slice(&full[drop + up..]);
            full = absolute;
        }
        self.scan.paths.push(Named { segments: full.clone(), line, imported });
        full
    }

    /// The index of the bracket that closes the one at `open`.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for at in open..self.tokens.len() {
            match self.kind(at) {
                Some(TokenKind::Punct('(' | '[' | '{')) => depth += 1,
                Some(TokenKind::Punct(')' | ']' | '}')) => {
                    depth -= 1;
                    if depth == 0 {
                        return at;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// `cfg(test)` or `cfg(all(test, …))`: code that no user of the crate ever runs.
    fn is_test_only(&self, start: usize, end: usize) -> bool {
        if self.ident(start) != Some("cfg") {
            return false;
        }
        let mut first = start + 2;
        if self.ident(first) == Some("all") {
            first += 2;
        }
        let mut depth = 0usize;
        (first..end).any(|at| {
            match self.kind(at) {
                Some(TokenKind::Punct('(')) => depth += 1,
                Some(TokenKind::Punct(')')) => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && self.ident(at) == Some("test")
        })
    }

    /// Steps over the item after a `#[cfg(test)]`, and notes it if it is a module in another file.
    fn skip_item(&mut self) {
        while self.is(self.at, '#') && self.is(self.at + 1, '[') {
            self.at = self.closing(self.at + 1) + 1;
        }
        let is_item = (self.at..self.tokens.len())
            .take_while(|&at| !"{;,:".chars().any(|end| self.is(at, end)))
            .filter_map(|at| self.ident(at))
            .any(|word| ITEMS.contains(&word));
        let mut module = None;
        while self.at < self.tokens.len() {
            if self.ident(self.at) == Some("mod") && module.is_none() {
                module = self.ident(self.at + 1).map(str::to_owned);
            }
            match self.kind(self.at) {
                Some(TokenKind::Punct('(' | '[')) => self.at = self.closing(self.at),
                Some(TokenKind::Punct('{')) => {
                    self.at = self.closing(self.at);
                    break;
                }
                Some(TokenKind::Punct(',')) if !is_item => break,
                Some(TokenKind::Punct(';')) => {
                    if let Some(name) = module {
                        let mut path = self.module.clone();
                        path.push(name);
                        self.scan.test_modules.push(path.join("/"));
                    }
                    break;
                }
                // A field or a match arm: the bracket around it belongs to its owner.
                Some(TokenKind::Punct('}')) => return,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
    }
}
