//! Latencies in buckets, each some times as long as the one before, and how they look in a terminal.

use std::fmt::Write;

use crate::units::{count, edge, share, time};

/// Times from `from` to before `to`, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) count: u64,
}

/// A percentile, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) name: &'static str,
    pub(crate) at: f64,
}

/// Where buckets begin within a power of ten, from the finest to the coarsest: numbers that can be
/// read, evenly spaced on a scale of logarithms (Renard's series, about).
const SERIES: [&[f64]; 5] = [
    &[
        1.0, 1.12, 1.25, 1.4, 1.6, 1.8, 2.0, 2.24, 2.5, 2.8, 3.15, 3.55, 4.0, 4.5, 5.0, 5.6, 6.3,
        7.1, 8.0, 9.0,
    ],
    &[1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0],
    &[1.0, 1.6, 2.5, 4.0, 6.3],
    &[1.0, 2.0, 5.0],
    &[1.0],
];

/// Sorts times, each so many, into the finest buckets of which there are at most `most`; without
/// gaps from the shortest to the longest. The times come in order and are at least 1 µs.
pub(crate) fn buckets(times: &[(u64, u64)], most: usize) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    for series in SERIES {
        buckets = sorted(times, series);
        if buckets.len() <= most {
            break;
        }
    }
    buckets
}

fn sorted(times: &[(u64, u64)], series: &[f64]) -> Vec<Bucket> {
    let edges = |number: usize| {
        let decade = i32::try_from(number / series.len()).unwrap_or(i32::MAX);
        series[number % series.len()] * 10_f64.powi(decade)
    };
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut number = 0;
    for (micros, count) in times.iter().filter(|(_, count)| *count > 0) {
        let micros = (*micros).max(1) as f64;
        while edges(number + 1) <= micros {
            number += 1;
            // What lies between two times is a gap, and before the first one nothing at all.
            if !buckets.is_empty() {
                buckets.push(Bucket { from: edges(number), to: edges(number + 1), count: 0 });
            }
        }
        match buckets.last_mut() {
            Some(bucket) => bucket.count += count,
            None => {
                let (from, to) = (edges(number), edges(number + 1));
                buckets.push(Bucket { from, to, count: *count });
            }
        }
    }
    buckets
}

/// How wide the longest bar is, in characters.
const WIDTH: usize = 40;
/// How many bars there are at most.
pub(crate) const ROWS: usize = 24;

/// The buckets as bars, one below the other.
pub(crate) fn draw(title: &str, buckets: &[Bucket], marks: &[Mark]) -> String {
    let total: u64 = buckets.iter().map(|bucket| bucket.count).sum();
    let highest = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0);
    let mut text = format!("{title}\n");
    if highest == 0 {
        text.push_str("  no call went well: there is nothing to draw\n");
        return text;
    }
    let _ = writeln!(text, "{:>20}  {:<WIDTH$} {:>10} {:>8}", "time", "", "calls", "share");
    for (number, bucket) in buckets.iter().enumerate() {
        // Those at the very end of the last bucket belong to it: percentiles are rounded up.
        let is_last = number + 1 == buckets.len();
        let here = |mark: &&Mark| mark.at >= bucket.from && (mark.at < bucket.to || is_last);
        let marks: Vec<String> = marks
            .iter()
            .filter(here)
            .map(|mark| format!("{} {}", mark.name, time(mark.at)))
            .collect();
        let arrow = if marks.is_empty() { "" } else { "  ◂ " };
        let line = format!(
            "{:>9} – {:>8} │{:<WIDTH$} {:>10} {:>8}{arrow}{}",
            edge(bucket.from),
            edge(bucket.to),
            bar(bucket.count, highest),
            count(bucket.count),
            share(bucket.count, total),
            marks.join(", "),
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A bar in eighths of a character; a single call is seen.
fn bar(count: u64, highest: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count as f64 / highest as f64 * (WIDTH * 8) as f64).round() as usize;
    let eighths = if count > 0 { eighths.max(1) } else { 0 };
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(EIGHTHS[eighths % 8]);
    bar
}
