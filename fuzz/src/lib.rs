//! The bodies of the targets, which the crate's own tests share.

#![deny(unused_crate_dependencies)]

// The targets themselves use it.
use libfuzzer_sys as _;

#[path = "../../tests/fuzz_corpora/bodies/mod.rs"]
mod bodies;

/// Runs a target's body.
///
/// # Panics
///
/// Where an invariant is broken, or there is no such target.
pub fn run(target: &str, data: &[u8]) {
    let (_, body) = bodies::TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    body(data);
}
