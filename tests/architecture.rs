//! The house rules, as tables, and the tests that hold the code to them.
//!
//! The tables below are the documentation: which room may import which, where each foreign crate
//! lives, what no room does by itself. Change a table only together with the reason beside it.
//! Tests are free of the import rules, whether they stand in `#[cfg(test)]` modules or here; the size
//! of a file is held everywhere.
//!
//! Each rule is a function from sources to complaints in `architecture/rules.rs`, and each is fed a
//! bad snippet in `architecture/self_tests.rs`, so that a rule which stopped seeing would be seen.

#![allow(clippy::expect_used, clippy::panic)]

#[path = "architecture/lexer.rs"]
mod lexer;
#[path = "architecture/promises.rs"]
mod promises;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/self_tests.rs"]
mod self_tests;
#[path = "architecture/source.rs"]
mod source;

use std::fs;
use std::path::Path;

use rules::{Home, Room, Signpost};
use source::Source;

/// The rooms, and what each may import. Everything else between rooms is refused.
const ROOMS: &[Room] = &[
    Room {
        name: "call",
        imports: &[],
        is: "shared words: a leaf, so that every room can speak them",
    },
    Room { name: "wire", imports: &["call"], is: "how the API says it, for any resource" },
    Room { name: "sessions", imports: &["wire", "call"], is: "what we say: pure data" },
    Room { name: "middleware", imports: &["call"], is: "how a call survives: knows HTTP, no API" },
    Room { name: "transport", imports: &["call"], is: "how bytes move" },
    Room { name: "simulator", imports: &["sessions", "wire", "call"], is: "the API in memory" },
    Room {
        name: "webhook",
        imports: &["sessions", "wire", "call"],
        is: "what the API says of its own accord: callbacks, verified and read",
    },
    Room { name: "guide", imports: &[], is: "chapters to read: no code" },
    Room {
        name: "gateway",
        imports: &["call", "wire", "sessions", "middleware", "transport", "simulator", "webhook"],
        is: "the front door: the only room that sees every room",
    },
];

/// Where each dependency lives: rooms, or modules of a room. Nobody else names it, so that it can be
/// replaced there. A dependency that is not in this table is not in `Cargo.toml`, and the reverse; a home that
/// doesn't name it is taken out.
const HOMES: &[Home] = &[
    // One file each: what the rest of the crate sees is a word of our own. The simulator reads escapes
    // by itself, or it would forgive a mistake of ours.
    Home { of: "arc_swap", at: &["call/live"] },
    Home { of: "fastrand", at: &["call/rng"] },
    Home { of: "percent_encoding", at: &["call/percent", "simulator"] },
    // Unmaintained, so it stays where it can be taken out; see `deny.toml`.
    Home { of: "backoff", at: &["middleware/retry"] },
    // In the tree with governor.
    Home { of: "foldhash", at: &["middleware/limit/rate"] },
    Home { of: "governor", at: &["middleware/limit/rate"] },
    // One store of several that are possible: the limiter knows a trait.
    Home { of: "redis", at: &["middleware/limit/fleet/redis"] },
    // The wire under HTTP. A layer or an operation that named these could not run over another transport.
    Home { of: "h2", at: &["transport"] },
    Home { of: "hyper", at: &["transport", "simulator/server"] },
    Home { of: "hyper_util", at: &["transport", "simulator/server"] },
    Home { of: "hyper_rustls", at: &["transport"] },
    Home { of: "rustls", at: &["transport", "middleware/limit/fleet/redis"] },
    Home { of: "rustls_platform_verifier", at: &["transport"] },
    Home { of: "webpki_roots", at: &["transport"] },
    // Formats. Middleware knows none of them: it serves any HTTP API.
    Home { of: "form_urlencoded", at: &["simulator", "webhook"] },
    Home { of: "httpdate", at: &["call/retry_after", "wire", "simulator"] },
    Home { of: "jiff", at: &["call", "wire", "sessions", "simulator", "webhook", "gateway"] },
    // But for the answer of a token endpoint, which is JSON whatever the API speaks (RFC 6749).
    Home {
        of: "serde",
        at: &["call", "wire", "sessions", "middleware/auth/oauth", "webhook", "gateway"],
    },
    Home {
        of: "serde_json",
        at: &["wire", "sessions", "middleware/auth/oauth", "simulator", "webhook", "gateway"],
    },
    // Configurations: read in one place, and nobody else knows where a setting comes from.
    Home { of: "bytesize", at: &["gateway/config"] },
    Home { of: "config", at: &["gateway/config"] },
    Home { of: "schemars", at: &["gateway/config"] },
    Home { of: "serde_path_to_error", at: &["gateway/config"] },
    Home { of: "strsim", at: &["gateway/config"] },
    // Secrets: made into a header in one layer, checked by the simulator, never held as a plain string.
    Home { of: "aws_lc_rs", at: &["middleware/auth/signing", "middleware/limit/fleet", "webhook"] },
    Home { of: "rustls_pki_types", at: &["middleware/auth/signing"] },
    Home { of: "base64", at: &["middleware/auth", "simulator", "webhook"] },
    Home {
        of: "secrecy",
        at: &["middleware/auth", "middleware/limit/fleet/redis", "webhook", "gateway/config"],
    },
    // Time, tasks and services. `call` has tokio for its clock; `wire` and `sessions` are data, and have
    // none of it, so that they can be tested as such.
    Home {
        of: "tokio",
        at: &["call", "middleware", "transport", "simulator", "webhook", "gateway"],
    },
    Home {
        of: "tokio_util",
        // The pool keeps the box of a future that has no name.
        at: &["middleware/auth/signing", "simulator", "gateway", "transport/pool"],
    },
    Home { of: "tower", at: &["middleware", "transport", "simulator", "webhook", "gateway"] },
    Home { of: "tracing", at: &["middleware", "webhook", "gateway"] },
    // Behind words of our own, which do nothing where the feature is off.
    Home { of: "metrics", at: &["middleware/observe/metrics"] },
    Home { of: "futures_core", at: &["gateway"] },
    Home { of: "futures_util", at: &["middleware/auth", "middleware/limit/fleet"] },
    Home { of: "pin_project_lite", at: &["middleware", "transport", "webhook", "gateway"] },
    // The currency: requests, responses, bytes. `call` has a body of its own; `sessions` never sees one.
    Home {
        of: "http",
        at: &[
            "call",
            "wire",
            "sessions",
            "middleware",
            "transport",
            "simulator",
            "webhook",
            "gateway",
        ],
    },
    Home {
        of: "bytes",
        at: &["call", "wire", "middleware", "transport", "simulator", "webhook", "gateway"],
    },
    Home {
        of: "http_body",
        at: &["call", "middleware", "transport", "simulator", "webhook", "gateway"],
    },
    Home {
        of: "http_body_util",
        at: &["wire", "middleware", "transport", "simulator", "webhook", "gateway"],
    },
];

/// What code outside tests does nowhere, or in the named places only, and what to do instead.
const SIGNPOSTS: &[Signpost] = &[
    Signpost {
        path: "std::time::Instant::now",
        only: &[],
        instead: "use `tokio::time::Instant` or `call::Clock`: they stand still in paused time",
    },
    Signpost {
        path: "std::time::SystemTime::now",
        only: &[],
        instead: "use `call::Clock::wall`, which paused time moves",
    },
    Signpost {
        path: "jiff::Timestamp::now",
        only: &["call/clock"],
        instead: "use `call::Clock::wall`, which paused time moves",
    },
    Signpost {
        path: "std::thread::sleep",
        only: &[],
        instead: "use `tokio::time::sleep`: a blocked thread stops every call on it",
    },
    Signpost {
        path: "tokio::spawn",
        only: &[],
        instead: "do it in the call's own future, so that dropping the call ends it",
    },
    Signpost {
        path: "tokio::task::spawn",
        only: &[],
        instead: "do it in the call's own future, so that dropping the call ends it",
    },
    Signpost {
        path: "std::env::var",
        only: &["transport/tunnel"],
        instead: "take a parameter: the environment is read only by constructors named for it",
    },
    Signpost {
        path: "std::env::var_os",
        only: &["middleware/auth/env", "gateway"],
        instead: "take a parameter: the environment is read only by constructors named for it",
    },
    Signpost {
        path: "tower::timeout",
        only: &["gateway/error"],
        instead: "use `middleware::deadline`, whose errors say what may have happened",
    },
    Signpost {
        path: "tower::load_shed",
        only: &["gateway/error"],
        instead: "refuse with a `Fault`: tower's error says nothing of the call",
    },
    Signpost {
        path: "println!",
        only: &[],
        instead: "emit a `tracing` event: a library prints nothing",
    },
    Signpost {
        path: "eprintln!",
        only: &[],
        instead: "emit a `tracing` event: a library prints nothing",
    },
];

/// The longest a file may be: what a reader holds in the head at once.
const MAX_LINES: usize = 400;

/// What the documentation of every layer answers.
const LAYER_HEADINGS: &[&str] = &["# Layer order", "# Cancellation"];

#[test]
fn every_room_is_in_the_table() {
    none(&rules::rooms(&sources(&["src"]), ROOMS));
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    none(&rules::imports(&sources(&["src"]), ROOMS));
}

#[test]
fn foreign_crates_stay_at_home() {
    none(&rules::homes(&sources(&["src"]), HOMES));
}

#[test]
fn nothing_is_allowed_that_nobody_does() {
    none(&rules::idle_homes(&sources(&["src"]), HOMES));
    none(&rules::idle_exceptions(&sources(&["src"]), SIGNPOSTS));
}

#[test]
fn backoff_is_named_in_one_file_only() {
    none(&rules::one_file(&sources(&["src"]), "backoff"));
}

#[test]
fn every_dependency_has_a_home_a_reason_and_no_default_features() {
    none(&rules::dependencies(&manifest(), HOMES));
}

#[test]
fn nothing_is_done_that_a_signpost_points_away_from() {
    none(&rules::signposts(&sources(&["src"]), SIGNPOSTS));
}

#[test]
fn files_are_short() {
    none(&rules::sizes(&sources(&["src", "tests", "examples", "benches"]), MAX_LINES));
}

#[test]
fn layers_say_where_they_belong_and_what_a_drop_does() {
    none(&rules::layer_docs(&sources(&["src"]), LAYER_HEADINGS));
}

#[test]
fn paused_time_and_sockets_do_not_meet_in_a_file() {
    none(&rules::paused_sockets(&sources(&["src", "tests"])));
}

#[test]
fn nothing_names_a_path_of_somebodys_machine() {
    none(&rules::machine_paths(&sources(&["."])));
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let page = sources(&["src/guide"]).into_iter().find(|page| page.path.ends_with("promises.md"));
    let page = page.expect("the page is there");
    let tests = sources(&["src", "tests"]);
    none(&promises::promises(&page, &tests));
}

/// Fails with every complaint at once: one run shows all there is to do.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(
        complaints.is_empty(),
        "{} to put right:\n\n{}\n",
        complaints.len(),
        complaints.join("\n")
    );
}

fn manifest() -> Source {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest can be read");
    Source::new("Cargo.toml", &text)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file under these folders that the repository holds.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut found);
    }
    assert!(!found.is_empty() || folders != ["src"], "no sources found below {:?}", root());
    found
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Hidden files belong to tools, whose paths are their own affair; `.ci` is ours.
        if name == "target" || (name.starts_with('.') && name != ".ci") {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            // What is not text (a certificate, an image) has no rules here.
            let relative = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy();
            found.push(Source::new(relative.trim_start_matches("./"), &text));
        }
    }
}
