//! What was measured: printed as it comes, and kept for whoever draws it.

use std::fmt::Display;
use std::path::PathBuf;

use serde_json::{Value, json};
use tower::BoxError;

#[derive(Default)]
pub(crate) struct Tables(Vec<Value>);

impl Tables {
    /// Prints the table and keeps it.
    pub(crate) fn add(&mut self, title: &str, note: &str, columns: &[&str], rows: Vec<Vec<Value>>) {
        println!("\n{title}\n{note}\n");
        let texts = |row: &[Value]| row.iter().map(text).collect::<Vec<String>>();
        let head: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let body: Vec<Vec<String>> = rows.iter().map(|row| texts(row)).collect();
        let width = |column: usize| {
            let cells = body.iter().chain([&head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for row in [&head].into_iter().chain(&body) {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = width(column);
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            println!("  {}", cells.collect::<Vec<String>>().join("  "));
        }
        self.0.push(json!({ "title": title, "note": note, "columns": columns, "rows": rows }));
    }

    /// Writes all of them to `target/figures`.
    pub(crate) fn write(&self, name: &str) -> Result<(), BoxError> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"),
            PathBuf::from,
        );
        let folder = target.join("figures");
        std::fs::create_dir_all(&folder)?;
        let text = serde_json::to_string_pretty(&self.0)?;
        std::fs::write(folder.join(format!("{name}.json")), text + "\n")?;
        Ok(())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A number with so many decimals.
pub(crate) fn rounded(number: f64, decimals: i32) -> Value {
    let unit = 10f64.powi(decimals);
    let number = (number * unit).round() / unit;
    // Whole numbers without ".0".
    if decimals == 0 { json!(number as i64) } else { json!(number) }
}

/// Says that a ceiling was passed; whether it holds.
pub(crate) fn holds(what: impl Display, is: i64, ceiling: i64) -> bool {
    if is > ceiling {
        eprintln!("{what}: {is} bytes, more than the ceiling of {ceiling}");
    }
    is <= ceiling
}
