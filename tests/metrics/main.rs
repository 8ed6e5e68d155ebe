//! What the table of metrics says is what runs over the simulator emit, and few series come of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dashboard;
mod runs;

use std::collections::BTreeSet;

use twilio_proxy::middleware::observe::metrics::INSTRUMENTS;

/// The rows of the chapter's table: name, kind, attributes.
fn printed() -> BTreeSet<String> {
    let chapter = include_str!("../../src/guide/metrics.md");
    chapter.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
}

#[test]
fn the_chapter_has_the_table() {
    let rows = INSTRUMENTS.iter().map(|instrument| {
        let attributes: Vec<_> =
            instrument.attributes.iter().map(|name| format!("`{name}`")).collect();
        format!(
            "| `{}` | {} | {} | {} | {} |",
            instrument.name,
            instrument.kind.as_str(),
            instrument.unit.as_str(),
            attributes.join(", "),
            instrument.what
        )
    });
    let (printed, rows) = (printed(), rows.collect::<BTreeSet<_>>());
    let missing: Vec<_> = rows.difference(&printed).collect();
    assert_eq!(printed, rows, "missing in src/guide/metrics.md: {missing:#?}");
}
