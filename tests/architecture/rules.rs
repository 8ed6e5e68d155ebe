//! The rules: each takes sources and returns complaints, and each complaint says what to do.

use std::collections::BTreeSet;

use crate::source::{Scan, Source};

/// A room of the house.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) imports: &'static [&'static str],
    pub(crate) is: &'static str,
}

/// Where a dependency may be named.
pub(crate) struct Home {
    pub(crate) of: &'static str,
    pub(crate) at: &'static [&'static str],
}

/// A path that code stays away from, apart from these modules.
pub(crate) struct Signpost {
    pub(crate) path: &'static str,
    pub(crate) only: &'static [&'static str],
    pub(crate) instead: &'static str,
}

/// The Rust files of the library that are not tests, each with what it names.
fn library(sources: &[Source]) -> Vec<(&Source, Scan)> {
    let scanned: Vec<_> = sources
        .iter()
        .filter(|source| source.is_rust() && source.module().is_some())
        .map(|source| (source, source.scan()))
        .collect();
    let tests: BTreeSet<String> =
        scanned.iter().flat_map(|(_, scan)| scan.test_modules.iter().cloned()).collect();
    scanned
        .into_iter()
        .filter(|(source, _)| {
            let module = source.module().unwrap_or_default();
            !tests.iter().any(|test| is_within(&module, test))
        })
        .collect()
}

/// Whether a module is `place`, or lies inside it.
fn is_within(module: &str, place: &str) -> bool {
    module.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn lives_in(module: &str, places: &[&str]) -> bool {
    places.iter().any(|place| is_within(module, place))
}

pub(crate) fn rooms(sources: &[Source], table: &[Room]) -> Vec<String> {
    let built: BTreeSet<String> = sources.iter().filter_map(Source::room).collect();
    let listed: BTreeSet<String> = table.iter().map(|room| room.name.to_owned()).collect();
    let unlisted = built.difference(&listed).map(|room| {
        format!("src/{room} is in no table: say in ROOMS what it is and what it may import")
    });
    let gone = listed
        .difference(&built)
        .map(|room| format!("ROOMS lists `{room}` and there is no src/{room}: take it out"));
    unlisted.chain(gone).collect()
}

pub(crate) fn imports(sources: &[Source], table: &[Room]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, scan) in library(sources) {
        let Some(room) = table.iter().find(|room| Some(room.name) == source.room().as_deref())
        else {
            continue;
        };
        for (named, target) in scan.paths.iter().filter_map(|path| Some((path, path.room()?))) {
            let known = table.iter().any(|room| room.name == target);
            let place = format!("{}:{}", source.path, named.line);
            if !known && !target.is_empty() {
                complaints.push(format!(
                    "{place}: `{}` goes by the crate's root: name the room it comes from",
                    named.text()
                ));
            } else if target.is_empty() {
                complaints.push(format!(
                    "{place}: `{}` takes in the whole crate: name the room it comes from",
                    named.text()
                ));
            } else if target != room.name && !room.imports.contains(&target) {
                let allowed = match room.imports {
                    [] => "nothing of this crate".to_owned(),
                    imports => imports.join(", "),
                };
                complaints.push(format!(
                    "{place}: `{}` reaches from {} into {target}. {} is {}, and may import {allowed}: \
                     move the shared word down to `call`, or pass it in from `gateway`",
                    named.text(),
                    room.name,
                    room.name,
                    room.is,
                ));
            }
        }
    }
    complaints
}

pub(crate) fn homes(sources: &[Source], table: &[Home]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, scan) in library(sources) {
        // `src/lib.rs` documents and lists the rooms: its module is empty, and nothing lives there.
        let module = source.module().unwrap_or_default();
        let mut said = BTreeSet::new();
        for named in &scan.paths {
            let Some(home) = table.iter().find(|home| named.starts_with(home.of)) else { continue };
            if !lives_in(&module, home.at) && said.insert(home.of) {
                complaints.push(format!(
                    "{}:{}: `{}` names {} outside its home ({}): use what that module offers, or give \
                     HOMES another line with its reason",
                    source.path,
                    named.line,
                    named.text(),
                    home.of,
                    home.at.join(", "),
                ));
            }
        }
    }
    complaints
}

/// Where a table lets something be, and nothing is: what nobody uses is an open door.
fn idle<'t>(sources: &[Source], of: &str, at: &'t [&'t str]) -> Vec<&'t str> {
    let library = library(sources);
    let is_used = |place: &&str| {
        library.iter().any(|(source, scan)| {
            let module = source.module().unwrap_or_default();
            is_within(&module, place) && scan.paths.iter().any(|named| named.starts_with(of))
        })
    };
    at.iter().copied().filter(|place| !is_used(place)).collect()
}

pub(crate) fn idle_homes(sources: &[Source], table: &[Home]) -> Vec<String> {
    let mut complaints = Vec::new();
    for home in table {
        complaints.extend(idle(sources, home.of, home.at).into_iter().map(|place| {
            format!("HOMES has {} at {place}, which does not name it: take it out", home.of)
        }));
    }
    complaints
}

pub(crate) fn idle_exceptions(sources: &[Source], table: &[Signpost]) -> Vec<String> {
    let mut complaints = Vec::new();
    for sign in table {
        complaints.extend(idle(sources, sign.path, sign.only).into_iter().map(|place| {
            format!("SIGNPOSTS lets {place} name {}, and it does not: take it out", sign.path)
        }));
    }
    complaints
}

pub(crate) fn one_file(sources: &[Source], krate: &str) -> Vec<String> {
    let files: Vec<_> = library(sources)
        .into_iter()
        .filter(|(_, scan)| scan.paths.iter().any(|named| named.starts_with(krate)))
        .map(|(source, _)| source.path.clone())
        .collect();
    match files.len() {
        0 | 1 => Vec::new(),
        _ => {
            vec![format!("`{krate}` is to stay in one file, and is named in {}", files.join(", "))]
        }
    }
}

pub(crate) fn signposts(sources: &[Source], table: &[Signpost]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, scan) in library(sources) {
        let module = source.module().unwrap_or_default();
        for named in &scan.paths {
            let sign = table.iter().find(|sign| named.starts_with(sign.path));
            if let Some(sign) = sign.filter(|sign| !lives_in(&module, sign.only)) {
                complaints.push(format!(
                    "{}:{}: `{}`: {}",
                    source.path,
                    named.line,
                    named.text(),
                    sign.instead
                ));
            }
        }
    }
    complaints
}

pub(crate) fn sizes(sources: &[Source], most: usize) -> Vec<String> {
    let long = |source: &&Source| source.is_rust() && source.text.lines().count() > most;
    sources
        .iter()
        .filter(long)
        .map(|source| {
            format!(
                "{}: {} lines, and {most} are allowed: split it by what a reader looks for",
                source.path,
                source.text.lines().count()
            )
        })
        .collect()
}

/// The documentation of a layer: its own, its file's, or its folder's.
pub(crate) fn layer_docs(sources: &[Source], headings: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (source, scan) in library(sources) {
        let module = source.module().unwrap_or_default();
        // A room's own essay is about all of its layers, so it stands in for none.
        let folder = module.rsplit_once('/').map_or("", |(folder, _)| folder);
        let essay = sources
            .iter()
            .filter(|other| other.is_rust() && folder.contains('/'))
            .find(|other| other.module().as_deref() == Some(folder));
        for (layer, line) in &scan.layers {
            let mut docs = item_docs(&source.text, *line);
            docs.extend(module_docs(&source.text));
            docs.extend(essay.into_iter().flat_map(|essay| module_docs(&essay.text)));
            for heading in headings.iter().filter(|heading| !docs.contains(heading)) {
                complaints.push(format!(
                    "{}:{line}: `{layer}` has no `{heading}` in its documentation, its file's or its \
                     folder's: write that section",
                    source.path
                ));
            }
        }
    }
    complaints
}

/// The `///` lines above an item, attributes skipped.
fn item_docs(text: &str, line: usize) -> Vec<&str> {
    let above: Vec<_> = text.lines().take(line - 1).map(str::trim).collect();
    above
        .into_iter()
        .rev()
        .take_while(|line| line.starts_with("///") || line.starts_with("#[") || *line == ")]")
        .filter_map(|line| line.strip_prefix("///").map(str::trim))
        .collect()
}

fn module_docs(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("//!").map(str::trim)).collect()
}

/// Paused time jumps to the next timer while the kernel still has the bytes: a test with both fails by chance.
pub(crate) fn paused_sockets(sources: &[Source]) -> Vec<String> {
    let paused = concat!("start_", "paused");
    let sockets =
        [concat!("Tcp", "Listener"), concat!("Tcp", "Stream"), concat!("Simulator", "Server")];
    sources
        .iter()
        .filter(|source| source.is_rust() && source.text.contains(paused))
        .filter_map(|source| {
            let socket = sockets.iter().find(|socket| source.text.contains(**socket))?;
            Some(format!(
                "{}: pauses time and names {socket}: put the tests with sockets into a file of their own, \
                 on real time",
                source.path
            ))
        })
        .collect()
}

pub(crate) fn machine_paths(sources: &[Source]) -> Vec<String> {
    // In pieces, or this file would name them itself.
    let roots = ["work", "tmp", "home", "root", "Users", "mnt"].map(|root| format!("/{root}/"));
    let mut complaints = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            let found = roots.iter().find(|root| {
                line.match_indices(root.as_str()).any(|(at, _)| {
                    // After a letter or a dot it is part of a URL or of a relative path.
                    !line[..at].ends_with(|before: char| {
                        before.is_alphanumeric() || matches!(before, '.' | '-' | '_' | '}')
                    })
                })
            });
            if let Some(root) = found {
                complaints.push(format!(
                    "{}:{}: a path below {root} is somebody's machine: make it relative, or ask the \
                     system for a directory",
                    source.path,
                    number + 1
                ));
            }
        }
    }
    complaints
}

/// `Cargo.toml`: every dependency says why it is there, takes only the features it needs, and has a home.
pub(crate) fn dependencies(manifest: &Source, table: &[Home]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut section = "";
    let mut named = BTreeSet::new();
    for (number, line) in manifest.text.lines().enumerate() {
        let place = format!("{}:{}", manifest.path, number + 1);
        if line.starts_with('[') {
            section = line.trim();
            continue;
        }
        let Some((name, rest)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        if !matches!(section, "[dependencies]" | "[dev-dependencies]") {
            continue;
        }
        let krate = name.trim().replace('-', "_");
        let (spec, reason) = rest.rsplit_once('#').unwrap_or((rest, ""));
        if reason.trim().is_empty() {
            complaints.push(format!("{place}: say behind a `#` what {krate} is for"));
        }
        if !spec.contains("default-features = false") {
            complaints.push(format!(
                "{place}: set `default-features = false` on {krate} and name the features it needs"
            ));
        }
        if section == "[dependencies]" {
            if !table.iter().any(|home| home.of == krate) {
                complaints.push(format!("{place}: say in HOMES where {krate} may be named"));
            }
            named.insert(krate);
        }
    }
    let gone = table.iter().filter(|home| !named.contains(home.of));
    complaints.extend(gone.map(|home| {
        format!("HOMES has a line for {}, which is no dependency: take it out", home.of)
    }));
    complaints
}
