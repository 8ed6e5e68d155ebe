//! Every parser of bytes from outside, with the inputs that the fuzzer found worth keeping, the ones that
//! once broke something, and some thousands more that are made up on the spot.
//!
//! The targets are those of `fuzz/`, see `fuzz/README.md`; this runs them on a stable compiler, in seconds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod corpora;
mod mutator;
