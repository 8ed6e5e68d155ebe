//! The README's section: between its markers, of what the last runs have left under `target/figures`.
//!
//! `peers.json` is the comparison's. Every other `NAME.json` there is a table that is taken as it is, with these
//! keys, of which the last two may be missing:
//!
//! ```json
//! {
//!   "title": "…", "note": "…", "columns": ["…"], "rows": [["…"]],
//!   "chart": { "unit": "ms", "reference": 1.0, "bars": [{ "label": "…", "value": 1.0, "low": 0.9, "high": 1.1 }] },
//!   "goals": [{ "figure": "…", "goal": "…", "measured": "…", "met": true }]
//! }
//! ```
//!
//! `criterion/BENCH` holds what criterion has left of each bench.

mod chart;
mod goals;
mod peers;
mod tables;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tower::BoxError;

use crate::{figures, root};
use chart::Chart;
use tables::{Criterion, Table};

const BEGIN: &str = "<!-- figures:begin -->";
const END: &str = "<!-- figures:end -->";

/// Where charts and whole tables are kept, from the root.
const FOLDER: &str = "benches/figures";

/// The benches whose rows the README shows, and which of them; all others are in the folder's own page.
const SHOWN: [(&str, &str, &str); 2] = [
    (
        "overhead",
        "typed/",
        "What the layers add to a service that answers at once, with nothing to do",
    ),
    ("contention", "", "What one admitted call costs where threads meet, by the number of threads"),
];

/// Renders into the checkout, or beside the figures if it is only to be seen that it can be done.
pub fn render(dry: bool) -> Result<(), BoxError> {
    let found: Value = serde_json::from_str(&fs::read_to_string(figures().join("peers.json"))?)?;
    if found["quick"] == true && !dry {
        return Err(
            "the last comparison was a quick one, which proves nothing: compare anew".into()
        );
    }
    let into = if dry { figures().join("rendered") } else { root() };
    let folder = into.join(FOLDER);
    // What else is in there (the flame graph) is others' to draw.
    fs::create_dir_all(&folder)?;
    let criterion = Criterion::read(&figures().join("criterion"))?;
    let others = tables::read(&figures())?;

    let mut section = format!("{}\n", peers::origin(&found));
    for (name, title, chart) in peers::charts(&found) {
        section += &image(&folder, name, &title, &chart)?;
    }
    section += &peers::table(&found).markdown();
    section += &goals::markdown(&found, &others);
    for (bench, prefix, title) in SHOWN {
        if let Some(table) = criterion.table(bench, prefix, title) {
            section += &whole(&folder, bench, &table)?;
        }
    }
    for (name, table) in &others {
        section += &whole(&folder, name, table)?;
    }
    let more = format!("\nEvery row of every bench is in [`{FOLDER}`]({FOLDER}/README.md).\n");
    let readme = fs::read_to_string(root().join("README.md"))?;
    fs::write(into.join("README.md"), replaced(&readme, &(section + &more))?)?;
    fs::write(folder.join("README.md"), every_row(&found, &criterion))?;
    println!("rendered into {}", into.display());
    Ok(())
}

/// A table and its picture, if it has one.
fn whole(folder: &Path, name: &str, table: &Table) -> Result<String, BoxError> {
    let chart = table.chart.as_ref();
    let image = chart.map(|chart| image(folder, name, &table.title, chart)).transpose()?;
    Ok(table.markdown() + &image.unwrap_or_default())
}

/// Writes a chart and says how to show it.
fn image(folder: &Path, name: &str, title: &str, chart: &Chart) -> Result<String, BoxError> {
    fs::write(folder.join(format!("{name}.svg")), chart.svg(title))?;
    Ok(format!("\n![{title}]({FOLDER}/{name}.svg)\n"))
}

fn every_row(found: &Value, criterion: &Criterion) -> String {
    let mut page = format!(
        "# Every row of every bench\n\n{}\nMedians with their 95 % confidence interval.\n",
        peers::origin(found)
    );
    for bench in criterion.benches() {
        if let Some(table) = criterion.table(bench, "", &format!("`{bench}`")) {
            page += &table.markdown();
        }
    }
    page
}

/// The text with another section between the markers.
fn replaced(readme: &str, section: &str) -> Result<String, BoxError> {
    let (before, rest) = readme.split_once(BEGIN).ok_or("the README has no place for figures")?;
    let (_, after) = rest.split_once(END).ok_or("the README's place for figures has no end")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", section.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_markers_is_replaced_and_nothing_else() {
        let readme = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&readme, "\nnew\n\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(replaced(&new, "new").unwrap(), new);
        assert!(replaced("a\nb\n", "new").is_err());
    }
}
