//! `peers compare [--quick]` compares the clients, `peers render` makes the README's section of what was found.
//!
//! `serve`, `call` and `memory` are for the processes that `compare` starts.

use std::process::ExitCode;

use peers::clients::Peer;
use peers::{compare, render};
use tower::BoxError;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["compare"] => compare::compare(false),
        ["compare", "--quick"] => compare::compare(true),
        ["render"] => render::render(false),
        ["render", "--dry"] => render::render(true),
        ["serve"] => compare::serve(),
        ["call", key, address, calls] => {
            compare::call(peer(key)?, address.parse()?, calls.parse()?)
        }
        ["memory", key, address] => compare::memory(peer(key)?, address.parse()?),
        _ => Err("compare [--quick] | render [--dry]".into()),
    }
}

fn peer(key: &str) -> Result<Peer, BoxError> {
    Peer::of(key).ok_or_else(|| format!("no client is called {key}").into())
}
