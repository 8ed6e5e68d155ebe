//! Each rule, fed what it must refuse and what it must let pass.

use crate::promises;
use crate::rules::{self, Home, Signpost};
use crate::source::{Scan, Source};
use crate::{HOMES, LAYER_HEADINGS, MAX_LINES, ROOMS, SIGNPOSTS};

fn imports(path: &str, text: &str) -> Vec<String> {
    rules::imports(&[Source::new(path, text)], ROOMS)
}

fn homes(path: &str, text: &str) -> Vec<String> {
    rules::homes(&[Source::new(path, text)], HOMES)
}

fn signposts(path: &str, text: &str) -> Vec<String> {
    rules::signposts(&[Source::new(path, text)], SIGNPOSTS)
}

/// One complaint, which names the line and this text.
#[track_caller]
fn refused(complaints: &[String], line: usize, text: &str) {
    assert_eq!(complaints.len(), 1, "one complaint expected: {complaints:#?}");
    let complaint = &complaints[0];
    assert!(complaint.contains(&format!(".rs:{line}:")), "line {line} expected: {complaint}");
    assert!(complaint.contains(text), "`{text}` expected: {complaint}");
}

#[track_caller]
fn passes(complaints: &[String]) {
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn an_import_from_a_room_out_of_reach_is_refused_however_it_is_written() {
    let to_middleware = "crate::middleware::";
    for snippet in [
        "use crate::middleware::retry::Retry;",
        "use crate::{call::Effect, middleware::retry::Retry};",
        "use crate::{call::Effect, middleware::{self, retry::{Policy as P, Retry}}, wire};",
        "pub(crate) use crate::middleware::*;",
        "use super::super::middleware::Retry;",
        "use super::{super::middleware::Retry};",
        "mod inner { use super::super::super::middleware::Retry; }",
        "mod inner {} use super::super::middleware::Retry;",
        "fn f(x: &crate::middleware::Retry) {}",
        "fn f() { crate::middleware::retry(); }",
        "fn f() -> Vec<super::super::middleware::Retry> { vec![] }",
        "#[cfg(not(test))] use crate::middleware::Retry;",
        "#[cfg(any(test, feature = \"x\"))] use crate::middleware::Retry;",
        "macro_rules! m { () => { $crate::middleware::Retry } }",
    ] {
        let complaints = imports("src/sessions/create.rs", snippet);
        assert!(!complaints.is_empty(), "let through: {snippet}");
        assert!(complaints.iter().all(|complaint| complaint.contains("reaches from sessions")));
        assert!(complaints[0].contains(to_middleware.trim_end_matches(':')), "{complaints:?}");
    }
}

#[test]
fn what_only_looks_like_an_import_passes() {
    passes(&imports(
        "src/call/facts.rs",
        r##"
        //! [`Gateway`](crate::gateway::Gateway) in documentation.
        /* crate::gateway /* nested crate::gateway::Gateway */ still a comment */
        use super::{Effect, sid::Sid};
        const A: &str = "crate::gateway::Gateway \" crate::gateway::Gateway";
        const B: &str = r#" " use crate::gateway::Gateway; " "#;
        const C: (char, char, &[u8]) = ('"', '\'', b"crate::gateway::G");
        fn life<'a>(x: &'a str) -> impl Iterator<Item = &'a str> + use<'a> { x.split(' ') }
        fn range() { for _ in 0..10 { self::life("x"); } }
        "##,
    ));
}

#[test]
fn tests_may_import_anything_and_nothing_after_them_may() {
    passes(&imports(
        "src/call/a.rs",
        "#[cfg(test)]\nmod tests { use crate::gateway::Gateway; fn f() { { } } }
         #[cfg(all(test, feature = \"x\"))] use crate::gateway::{A, B};
         #[cfg(test)] #[allow(x)] fn f<A, B>() -> [u8; 2] { crate::gateway::g() }
         struct S { #[cfg(test)] seen: crate::gateway::G, kept: u8 }",
    ));
    let after = "#[cfg(test)]\nmod tests { fn f() { { } } }\nuse crate::gateway::Gateway;";
    refused(&imports("src/call/a.rs", after), 3, "call is shared words");
    let field = "struct S { #[cfg(test)] seen: u8,\nkept: crate::gateway::G }";
    refused(&imports("src/call/a.rs", field), 2, "reaches from call into gateway");
}

#[test]
fn a_test_module_in_its_own_file_is_known_by_its_declaration_not_by_its_name() {
    let declared = Source::new("src/call/sid.rs", "#[cfg(test)]\nmod tests;");
    let undeclared = Source::new("src/call/sid.rs", "mod tests;");
    let file = || Source::new("src/call/sid/tests.rs", "use crate::gateway::Gateway;");
    let below = || Source::new("src/call/sid/tests/more.rs", "use crate::gateway::Gateway;");
    passes(&rules::imports(&[declared, file(), below()], ROOMS));
    refused(&rules::imports(&[undeclared, file()], ROOMS), 1, "reaches from call");
}

#[test]
fn the_crates_root_is_no_way_round() {
    refused(&imports("src/call/a.rs", "use crate::*;"), 1, "the whole crate");
    refused(&imports("src/gateway/a.rs", "use crate::Error;"), 1, "name the room");
}

#[test]
fn rooms_and_table_agree() {
    let sources: Vec<_> = ["lib", "call/mod", "attic/mod"]
        .map(|module| Source::new(&format!("src/{module}.rs"), ""))
        .into();
    let complaints = rules::rooms(&sources, &ROOMS[..2]);
    assert_eq!(complaints.len(), 2, "{complaints:#?}");
    assert!(complaints[0].contains("src/attic") && complaints[1].contains("`wire`"));
}

#[test]
fn a_crate_outside_its_home_is_refused_however_it_is_named() {
    for snippet in [
        "use hyper::body::Incoming;",
        "use {bytes::Bytes, hyper as h};",
        "fn f(body: hyper::body::Incoming) {}",
        "fn f(body: ::hyper::body::Incoming) {}",
        "type T = <X as hyper::rt::Timer>::Out;",
        "use hyper::Method;\nfn f() -> Method { Method::GET }",
        "extern crate hyper;",
    ] {
        let complaints = homes("src/middleware/retry/mod.rs", snippet);
        refused(&complaints, 1, "names hyper outside its home (transport, simulator/server)");
    }
    refused(&homes("src/sessions/model.rs", "#[derive(tracing::Value)] struct S;"), 1, "tracing");
    refused(&homes("src/wire/form.rs", "async fn f() { tokio::time::sleep(D).await }"), 1, "tokio");
    refused(&homes("src/middleware/limit/mod.rs", "use serde_json::Value;"), 1, "serde_json");
    refused(&homes("src/simulator/state.rs", "use hyper::server;"), 1, "hyper");
    refused(&homes("src/call/live_wire.rs", "use arc_swap::ArcSwap;"), 1, "arc_swap");
    refused(&homes("src/lib.rs", "pub use tower;"), 1, "tower");
}

#[test]
fn a_crate_at_home_passes_and_so_does_a_module_of_its_name() {
    passes(&homes("src/transport/mod.rs", "use hyper::Method;"));
    passes(&homes("src/simulator/server.rs", "use hyper::Method;"));
    passes(&homes("src/simulator/server/mod.rs", "use hyper::Method;"));
    passes(&homes("src/middleware/limit/rate/mod.rs", "use governor::Quota;"));
    passes(&homes("src/sessions/mod.rs", "mod tower;\npub use tower::Height;"));
    passes(&homes("src/sessions/mod.rs", "#[cfg(test)]\nmod tests { use tower::Service; }"));
    passes(&homes(
        "src/call/a.rs",
        "use serde::Serialize;\nfn f() { x.hyper(); hyper_fast::g(); }",
    ));
}

#[test]
fn a_home_that_nobody_lives_in_is_refused() {
    let home = |at| [Home { of: "secrecy", at }];
    let named = || Source::new("src/middleware/auth/env.rs", "use secrecy::SecretString;");
    let silent = || Source::new("src/gateway/mod.rs", "// secrecy\n#[cfg(test)] use secrecy::S;");
    let idle = |at| rules::idle_homes(&[named(), silent()], &home(at));
    passes(&idle(&["middleware/auth"]));
    passes(&idle(&["middleware"]));
    for empty in ["gateway", "middleware/authors"] {
        let at: &'static [&'static str] = vec!["middleware/auth", empty].leak();
        let complaints = idle(at);
        assert_eq!(complaints.len(), 1, "{complaints:#?}");
        assert!(complaints[0].contains(&format!("secrecy at {empty}")), "{complaints:#?}");
    }

    let sign = [Signpost { path: "std::env::var", only: &["gateway", "call"], instead: "" }];
    let reads = Source::new("src/gateway/builder.rs", "use std::env;\nfn f() { env::var(\"X\"); }");
    let complaints = rules::idle_exceptions(&[reads], &sign);
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(complaints[0].contains("lets call name"), "{complaints:#?}");
}

#[test]
fn one_file_means_one() {
    let first =
        || Source::new("src/middleware/retry/schedule.rs", "use backoff::backoff::Backoff;");
    let second = Source::new("src/middleware/retry/policy.rs", "fn f(b: &dyn backoff::X) {}");
    passes(&rules::one_file(&[first()], "backoff"));
    let complaints = rules::one_file(&[first(), second], "backoff");
    assert!(
        complaints[0].contains("schedule.rs, src/middleware/retry/policy.rs"),
        "{complaints:?}"
    );
}

#[test]
fn signposts_see_through_imports() {
    let call = "use std::time::SystemTime;\nfn f() { SystemTime::now(); }";
    refused(&signposts("src/wire/a.rs", call), 2, "Clock::wall");
    let call = "use std::time::{self, Duration};\nfn f() { time::Instant::now(); }";
    refused(&signposts("src/wire/a.rs", call), 2, "paused time");
    refused(&signposts("src/middleware/a.rs", "fn f() { tokio::spawn(g()); }"), 1, "own future");
    refused(
        &signposts("src/wire/a.rs", "use std::env;\nfn f() { env::var(\"X\"); }"),
        2,
        "parameter",
    );
    refused(&signposts("src/wire/a.rs", "fn f() { eprintln!(\"x\"); }"), 1, "tracing");
    passes(&signposts(
        "src/wire/a.rs",
        "use tokio::time::Instant;\nuse std::env;
         fn f() { Instant::now(); env::consts::OS; if println != 1 {} writeln!(f); }",
    ));
    let elapsed = "use tower::timeout::error::Elapsed;";
    refused(&signposts("src/gateway/stack.rs", elapsed), 1, "deadline");
    passes(&signposts("src/gateway/error/foreign.rs", elapsed));
    passes(&signposts("src/call/clock.rs", "fn f() { jiff::Timestamp::now(); }"));
    passes(&signposts("src/call/clock.rs", "#[cfg(test)] mod tests { fn f() { println!(); } }"));
}

#[test]
fn a_file_too_long_is_refused_tests_too() {
    let lines = |count| "//\n".repeat(count);
    passes(&rules::sizes(&[Source::new("src/a.rs", &lines(MAX_LINES))], MAX_LINES));
    let long = Source::new("tests/a.rs", &lines(MAX_LINES + 1));
    assert!(rules::sizes(&[long], MAX_LINES)[0].contains(&format!("{} lines", MAX_LINES + 1)));
    passes(&rules::sizes(&[Source::new("src/guide/a.md", &lines(900))], MAX_LINES));
}

#[test]
fn a_layer_without_its_headings_is_refused() {
    let both = "\n/// # Layer order\n/// # Cancellation\n";
    let layer = "#[derive(Clone, Debug)]\npub struct PaceLayer;";
    let docs = |files: &[(&str, String)]| {
        let sources: Vec<_> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        rules::layer_docs(&sources, LAYER_HEADINGS)
    };
    let folder = ("src/middleware/pace/layer.rs", layer.to_owned());
    assert_eq!(docs(std::slice::from_ref(&folder)).len(), 2);
    passes(&docs(&[("src/middleware/pace.rs", format!("{both}{layer}"))]));
    passes(&docs(&[folder.clone(), ("src/middleware/pace/mod.rs", both.replace("///", "//!"))]));
    refused(
        &docs(&[("src/middleware/pace.rs", format!("/// # Cancellation\n{layer}"))]),
        3,
        "no `# Layer order`",
    );
    // The room's own essay is about all layers, so it stands in for none.
    let room = ("src/middleware/mod.rs", both.replace("///", "//!"));
    assert_eq!(docs(&[folder, room.clone()]).len(), 2);
    assert_eq!(docs(&[("src/middleware/pace.rs", layer.to_owned()), room]).len(), 2);
    // A layer of another room is one too.
    assert_eq!(docs(&[("src/gateway/pace/mod.rs", layer.to_owned())]).len(), 2);
    passes(&docs(&[("src/gateway/pace/mod.rs", format!("{both}{layer}"))]));
    // Documentation of something above it is not its own.
    let above = format!("{both}pub struct Pace;\n\n{layer}");
    assert_eq!(docs(&[("src/middleware/pace.rs", above)]).len(), 2);
}

#[test]
fn paused_time_beside_a_socket_is_refused() {
    let test = concat!("#[tokio::test(start_", "paused = true)]");
    let socket = concat!("Tcp", "Listener");
    let file = |text: &str| rules::paused_sockets(&[Source::new("tests/a.rs", text)]);
    passes(&file(test));
    passes(&file(socket));
    assert_eq!(file(&format!("{test}\n{socket}")).len(), 1);
}

#[test]
fn a_machine_path_is_refused_and_a_url_is_not() {
    let file = |text: String| rules::machine_paths(&[Source::new("docs.md", &text)]);
    for root in ["home", "tmp", "Users", "root"] {
        assert_eq!(file(format!("see `/{root}/me/x`")).len(), 1);
        assert_eq!(file(format!("\n/{root}/x")).len(), 1);
        passes(&file(format!("https://example.com/{root}/x and ../{root}/x and a/{root}/x")));
    }
}

#[test]
fn a_dependency_says_what_it_is_for() {
    let check = |line: &str| {
        let manifest =
            Source::new("Cargo.toml", &format!("[dependencies]\n{line}\n[lints]\na = 1"));
        rules::dependencies(&manifest, &HOMES[..1])
    };
    passes(&check("arc-swap = { version = \"1\", default-features = false } # live settings"));
    let complaints = check("left-pad = \"1\"");
    assert_eq!(complaints.len(), 4, "{complaints:#?}");
    assert!(complaints[0].contains("what left_pad is for"));
    assert!(complaints[1].contains("default-features = false"));
    assert!(complaints[2].contains("HOMES where left_pad"));
    assert!(complaints[3].contains("arc_swap, which is no dependency"));
}

#[test]
fn a_scan_reports_full_paths() {
    let source = Source::new(
        "src/wire/form.rs",
        "use super::{self as w, Endpoint};\nmod inner { fn f() { super::g(); w::Endpoint::new(); } }",
    );
    let Scan { paths, .. } = source.scan();
    let found: Vec<_> = paths.iter().map(crate::source::Named::text).collect();
    assert_eq!(found, ["crate::wire", "crate::wire::Endpoint", "crate::wire::form::g"]);
}

#[test]
fn a_promise_without_its_test_is_found() {
    let tests =
        [Source::new("tests/a.rs", "async fn it_is_kept() {}\nkept! { so_is_this, and_this }")];
    let page = |row: &str| {
        promises::promises(&Source::new("promises.md", &format!("| a promise | {row} |")), &tests)
    };
    passes(&page("`tests/a.rs`: `it_is_kept`, `and_this` (so `effect()` is true)"));
    assert_eq!(page("`tests/a.rs`: `it_is_ke_pt`").len(), 1);
    assert_eq!(page("`tests/a.rs`: `it_is`").len(), 1, "part of a name is another name");
    assert_eq!(page("`tests/b.rs`: `it_is_kept`").len(), 1, "another file's test");
}
