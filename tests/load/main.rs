//! The `load` example: what its parts compute, and what its users see of it as a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

// Parts of the example, which uses all of each.
#[allow(dead_code)]
#[path = "../../examples/load/arrivals.rs"]
mod arrivals;
#[allow(dead_code)]
#[path = "../../examples/load/book.rs"]
mod book;
#[allow(dead_code)]
#[path = "../../examples/load/chart.rs"]
mod chart;
#[path = "../../examples/load/ledger.rs"]
mod ledger;
#[allow(dead_code)]
#[path = "../../examples/load/mix.rs"]
mod mix;
#[allow(dead_code)]
#[path = "../../examples/load/svg.rs"]
mod svg;
#[allow(dead_code)]
#[path = "../../examples/load/tally.rs"]
mod tally;
#[path = "../../examples/load/units.rs"]
mod units;

mod books;
mod deployments;
mod drawn;
mod due;
mod flags;
mod runs;
#[cfg(unix)]
mod signals;
mod times;
mod tool;
mod url;
