//! What a limit that learns makes of a server with a knee in its latency curve, drawn.
//!
//! ```text
//! cargo run --example adaptive_limit            # prints what came of each run
//! cargo run --example adaptive_limit -- draw    # and draws src/guide/adaptive_limit.svg anew
//! ```
//!
//! Time is paused, so minutes pass in seconds, and a seed replays the run. The runs are those that
//! `tests/adaptive_limit.rs` makes its claims about; it also compares the drawing in the
//! documentation with what would be drawn now, as this does.

#[path = "../../tests/support/limit_model.rs"]
mod limit_model;
mod runs;
mod svg;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use limit_model::Run;
use runs::{DRAWING, KNEE};
use svg::Curve;
use tower::BoxError;

fn main() -> Result<(), BoxError> {
    let panels = runs::panels()?;
    let mut out = io::stdout().lock();
    for panel in &panels {
        writeln!(out, "{}", panel.title)?;
        for Curve { name, run, .. } in &panel.curves {
            let (before, after) = (run.mean(20, 40), run.mean(60, 80));
            let (served, throttled) = (run.served, run.throttled);
            writeln!(
                out,
                "  {name:10} knee {KNEE}: {before:.1}   knee {}: {after:.1}   {served} served, {throttled} answered 429",
                KNEE / 2,
            )?;
            writeln!(out, "  {}", bars(run))?;
        }
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DRAWING);
    let drawing = svg::draw(&panels);
    if std::env::args().any(|argument| argument == "draw") {
        fs::write(path, drawing)?;
        writeln!(out, "{DRAWING} is drawn")?;
    } else if fs::read_to_string(path)? != drawing {
        return Err(format!("{DRAWING} shows other runs than these: draw it anew").into());
    }
    Ok(())
}

/// The limit once a second, eight to a bar.
fn bars(run: &Run) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    run.limits.iter().step_by(4).map(|(_, limit)| BARS[(limit / 8).min(8)]).collect()
}
