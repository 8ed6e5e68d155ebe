//! What a caller sees under each fault, with and without each layer: measured in paused time
//! against the simulator, and held against the table in the guide.
//!
//! `UPDATE=1 cargo test --all-features --test fault_table` writes the table anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod edges;
mod faults;
mod render;
mod stacks;
mod traffic;

use std::fs;
use std::path::Path;

use faults::Fault;
use stacks::Variant;

/// Everything that the guide shows, row by row.
async fn measured() -> Vec<(Fault, Vec<(Variant, traffic::Summary)>)> {
    let mut tables = Vec::new();
    for fault in faults::all() {
        let mut rows = Vec::new();
        for variant in stacks::all() {
            rows.push((variant, stacks::run(variant, &fault).await));
        }
        tables.push((fault, rows));
    }
    tables
}

#[tokio::test(start_paused = true)]
async fn the_guide_shows_what_the_simulator_shows() {
    let tables = measured().await;
    let found = render::tables(&tables);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide/fault_tables.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shown, found, "run it with UPDATE=1, and read what has changed");

    for (fault, rows) in &tables {
        for (variant, summary) in rows {
            let place = format!("{}, {}", fault.name, variant.name());
            assert_eq!(summary.doubled, 0, "{place}: created twice");
            assert_eq!(summary.denied, 0, "{place}: done, and said not to be");
            assert!(summary.calls >= 480, "{place}: {} calls are no measurement", summary.calls);
        }
    }
}
