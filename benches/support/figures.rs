//! A table of figures: printed, and left under `target/figures` for the README's section.

use std::path::Path;

use serde_json::{Value, json};
use tower::BoxError;

/// What `benches/peers` renders: `{"title", "note", "columns": […], "rows": [[…], …], "goals": […]}`.
pub(crate) struct Figures {
    title: &'static str,
    note: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    goals: Vec<Value>,
}

impl Figures {
    pub(crate) fn new(title: &'static str, note: &'static str, columns: &[&'static str]) -> Self {
        Self { title, note, columns: columns.to_vec(), rows: Vec::new(), goals: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// What was aimed at, and what has come of it.
    pub(crate) fn goal(&mut self, figure: &str, goal: &str, measured: &str, met: bool) {
        self.goals
            .push(json!({ "figure": figure, "goal": goal, "measured": measured, "met": met }));
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

    /// To `NAME.json` under `target/figures`, or where `FIGURES` says.
    pub(crate) fn save(&self, name: &str) -> Result<(), BoxError> {
        let value: Value = json!({
            "title": self.title, "note": self.note, "columns": self.columns, "rows": self.rows,
            "goals": self.goals,
        });
        let folder = std::env::var_os("FIGURES").unwrap_or_else(|| "target/figures".into());
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder)?;
        Ok(std::fs::write(folder.join(format!("{name}.json")), format!("{value:#}\n"))?)
    }
}
