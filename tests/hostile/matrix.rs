//! The table for readers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::operations::Op;
use crate::row::{Again, Expect, Row};
use crate::{bodies, breaks, http2, json, statuses, wire};

fn cell(expect: Expect) -> String {
    match expect {
        Expect::Fine => "fine".into(),
        Expect::Race(_) => "by what was written".into(),
        Expect::Fails { kinds, effect, again } => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let again = match again {
                Again::Any => "tried again",
                Again::Replayable => "tried again if replayable",
                Again::Never => "final",
            };
            format!("{}, {effect}, {again}", kinds.join(" or "))
        }
    }
}

fn table(title: &str, rows: &[Row]) -> String {
    let mut text = format!("## {title}\n\n| the server | the call |\n|---|---|\n");
    for row in rows {
        write!(text, "| {} | {}", row.says, cell(row.expect)).unwrap();
        for op in Op::ALL.into_iter().filter(|op| row.of(*op) != row.expect) {
            write!(text, "; {}: {}", format!("{op:?}").to_lowercase(), cell(row.of(op))).unwrap();
        }
        text.push_str(" |\n");
    }
    text
}

#[test]
fn the_matrix_is_the_table() {
    let tables = [
        ("Connections that break", breaks::rows()),
        ("No HTTP, or another kind of it", wire::rows()),
        ("Bodies", bodies::rows()),
        ("Statuses", statuses::rows()),
        ("JSON", json::rows()),
        ("HTTP/2", http2::rows()),
    ];
    let tables: Vec<String> = tables.iter().map(|(title, rows)| table(title, rows)).collect();
    let found = tables.join("\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/matrix.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shown, found, "run it with UPDATE=1, and read what has changed");
}
