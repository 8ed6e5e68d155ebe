//! What each fuzz target does with its bytes.
//!
//! Shared: `fuzz/` lets libFuzzer choose the bytes, and this suite takes them from the corpora and from a
//! mutator of its own. Every body goes through the public API, and says more than that nothing panics: what
//! was read is written back, what is foreign stays outside, and what is said of a failure follows from
//! rules that are written down here a second time.
//!
//! An input is text as far as it goes, with a line for each small part of it, so that a seed can be read
//! and written by hand.

mod answers;
mod callbacks;
mod calls;
mod canonical;
mod dates;
mod origins;
mod programs;
mod records;
mod routes;
mod secrets;
mod settings;
mod words;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use twilio_proxy::wire::Answer;

/// What a target does with an input. It panics where an invariant is broken.
pub(crate) type Body = fn(&[u8]);

/// The targets, by the name of their file in `fuzz/fuzz_targets` and of their folder in `fuzz/corpus`.
pub(crate) const TARGETS: &[(&str, Body)] = &[
    ("call", calls::call),
    ("callback", callbacks::signature),
    ("callback_body", callbacks::parameters),
    ("canonical", canonical::canonical),
    ("config", settings::config),
    ("credentials_file", secrets::credentials_file),
    ("date", dates::date),
    ("endpoint", origins::endpoint),
    ("error_body", answers::error_body),
    ("forward", programs::forward),
    ("operation", routes::operation),
    ("page", records::page),
    ("paging", origins::paging),
    ("participant", records::participant),
    ("percent", words::percent),
    ("retry_after", dates::retry_after),
    ("route", routes::route),
    ("session", records::session),
    ("sid", words::sid),
    ("signing_key", secrets::signing_key),
    ("simulator", programs::simulator),
    ("token_answer", secrets::token_answer),
    ("trace_context", words::trace_context),
    ("values", settings::values),
];

/// The first `N` lines, and everything after them; `None` where there are fewer, or they are no text.
fn lines<const N: usize>(data: &[u8]) -> Option<([&str; N], &[u8])> {
    let (mut found, mut rest) = ([""; N], data);
    for line in &mut found {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        *line = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
    }
    Some((found, rest))
}

/// Whether a text is so long, without a blank, that what is shown has it from nobody else: a fuzzer soon learns our own words,
/// and sends them.
fn is_foreign(text: &str, least: usize) -> bool {
    text.len() >= least && !text.contains(char::is_whitespace)
}

/// An answer without headers.
fn answer(status: StatusCode, body: &[u8]) -> Answer {
    Answer::new(status, HeaderMap::new(), Bytes::copy_from_slice(body))
}

/// Runs what waits, in no time.
fn in_paused_time<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}
