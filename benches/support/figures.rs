//! A table of figures: printed, and left under `target/figures` for the README's section.

use std::path::Path;

use serde_json::{Value, json};
use tower::BoxError;

/// What `benches/peers` renders: `{"title", "note", "columns": […], "rows": [[…], …]}`.
pub(crate) struct Figures {
    title: &'static str,
    note: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Figures {
    pub(crate) fn new(title: &'static str, note: &'static str, columns: &[&'static str]) -> Self {
        Self { title, note, columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// To the terminal, with columns as wide as they need.
    pub(crate) fn print(&self) {
        println!("{}\n{}", self.title, self.note);
        let header: Vec<String> = self.columns.iter().map(ToString::to_string).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(&self.rows).collect();
        for line in &lines {
            let cells = line.iter().enumerate().map(|(column, cell)| {
                let width = lines.iter().map(|line| line[column].chars().count()).max();
                format!("{cell:>width$}", width = width.unwrap_or_default())
            });
            println!("  {}", cells.collect::<Vec<_>>().join("  "));
        }
        println!();
    }

    /// To `target/figures/NAME.json`.
    pub(crate) fn save(&self, name: &str) -> Result<(), BoxError> {
        let value: Value = json!({
            "title": self.title, "note": self.note, "columns": self.columns, "rows": self.rows,
        });
        // Next to what cargo builds, which is where benches run, unless told otherwise.
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let folder = Path::new(&target).join("figures");
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join(format!("{name}.json")), format!("{value:#}\n"))?)
    }
}
