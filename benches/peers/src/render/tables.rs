//! Tables, and where they come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tower::BoxError;

use super::chart::{Bar, Chart};
use super::goals::Goal;
use crate::stats::Estimate;

/// A table as it is read and written.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) note: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) chart: Option<Chart>,
    pub(super) goals: Vec<Goal>,
}

impl Table {
    fn from_json(value: &Value) -> Option<Self> {
        let list = |value: &Value| value.as_array().map(|cells| cells.iter().map(text).collect());
        Some(Self {
            title: text(&value["title"]),
            note: text(&value["note"]),
            columns: list(&value["columns"])?,
            rows: value["rows"].as_array()?.iter().map(list).collect::<Option<_>>()?,
            chart: Chart::from_json(&value["chart"]),
            goals: value["goals"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Goal::from_json)
                .collect(),
        })
    }

    pub(super) fn markdown(&self) -> String {
        let mut text = format!("\n### {}\n\n", self.title);
        if !self.note.is_empty() {
            text += &format!("{}\n\n", self.note);
        }
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text += &line(&self.columns);
        text += &format!("|{}\n", "---|".repeat(self.columns.len()));
        for row in &self.rows {
            text += &line(row);
        }
        text
    }
}

/// A cell's text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Every table that somebody has left there, by name; a file may hold several.
pub(super) fn read(folder: &Path) -> Result<Vec<(String, Table)>, BoxError> {
    let mut tables = Vec::new();
    for path in entries(folder)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "json") || name == "peers" {
            continue;
        }
        let value: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        for (number, table) in several(&value).iter().enumerate() {
            let table = Table::from_json(table);
            let table = table.ok_or_else(|| format!("no table: {}", path.display()))?;
            tables.push((format!("{name}_{number}"), table));
        }
    }
    Ok(tables)
}

fn several(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// What criterion has left: by bench and by row, nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Criterion(BTreeMap<String, BTreeMap<String, Estimate>>);

impl Criterion {
    pub(super) fn read(folder: &Path) -> Result<Self, BoxError> {
        let mut benches = BTreeMap::new();
        if folder.exists() {
            for bench in entries(folder)? {
                let mut rows = BTreeMap::new();
                find(&bench, &mut rows)?;
                let name = bench.file_name().unwrap_or_default().to_string_lossy().into_owned();
                benches.insert(name, rows);
            }
        }
        Ok(Self(benches))
    }

    pub(super) fn benches(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The rows of a bench whose names begin so.
    pub(super) fn table(&self, bench: &str, prefix: &str, title: &str) -> Option<Table> {
        let rows: Vec<Vec<String>> = (self.0.get(bench)?.iter())
            .filter(|(row, _)| row.starts_with(prefix))
            .map(|(row, Estimate { median, low, high })| {
                let interval = format!("{} to {}", time(*low), time(*high));
                vec![format!("`{}`", &row[prefix.len()..]), time(*median), interval]
            })
            .collect();
        let bars = (self.0.get(bench)?.iter()).filter(|(row, _)| row.starts_with(prefix)).map(
            |(row, Estimate { median, low, high })| {
                let label = row[prefix.len()..].to_owned();
                Bar { label, value: *median, low: *low, high: *high }
            },
        );
        let unit = "nanoseconds, with 95 % confidence".to_owned();
        let chart = Some(Chart { unit, reference: None, bars: bars.collect() });
        let columns = ["row", "time", "95 % confidence"].map(str::to_owned).to_vec();
        let note = format!("`cargo bench --all-features --bench {bench}`");
        let title = title.to_owned();
        (!rows.is_empty()).then_some(Table { title, note, columns, rows, chart, goals: Vec::new() })
    }
}

/// Looks for `new/benchmark.json` and its neighbour in this folder and below.
fn find(folder: &Path, rows: &mut BTreeMap<String, Estimate>) -> Result<(), BoxError> {
    let new = folder.join("new");
    if new.join("benchmark.json").exists() {
        let read = |name: &str| -> Result<Value, BoxError> {
            Ok(serde_json::from_str(&fs::read_to_string(new.join(name))?)?)
        };
        let median = &read("estimates.json")?["median"];
        let interval = &median["confidence_interval"];
        let numbers = [
            median["point_estimate"].as_f64(),
            interval["lower_bound"].as_f64(),
            interval["upper_bound"].as_f64(),
        ];
        if let [Some(median), Some(low), Some(high)] = numbers {
            let name = text(&read("benchmark.json")?["full_id"]);
            rows.insert(name, Estimate { median, low, high });
        }
    }
    for path in entries(folder)? {
        if path.is_dir() && !path.ends_with("new") && !path.ends_with("report") {
            find(&path, rows)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, BoxError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Nanoseconds in the unit that reads best.
fn time(nanos: f64) -> String {
    let (size, unit) = match nanos {
        1e9.. => (1e9, "s"),
        1e6.. => (1e6, "ms"),
        1e3.. => (1e3, "µs"),
        _ => (1.0, "ns"),
    };
    let value = nanos / size;
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}
