//! The whole stack on one thread, on a clock that jumps, from one number.
//!
//! A seed draws the stack and its settings, the faults and how they change, the calls with their deadlines and the
//! patience of their callers, when the configuration is reloaded and the credentials are exchanged. When all is over,
//! every call is accounted for, no create was done twice, no error has said what wasn't so, and nothing is left.
//!
//! `SEEDS=5000 cargo test --all-features --test simulation` runs so many seeds. One that fails is named, and
//! `SEED=17 cargo test --all-features --test simulation -- --nocapture` runs it again, step by step as it was.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../examples/soak/draw.rs"]
mod draw;
#[path = "../../examples/soak/judge.rs"]
mod judge;
mod orders;
mod run;
mod seeds;
#[path = "../../examples/soak/visit.rs"]
mod visit;
