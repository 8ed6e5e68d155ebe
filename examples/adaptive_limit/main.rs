//! What a limit that learns makes of a server with a knee in its latency curve, drawn.
//!
//! ```text
//! cargo run --example adaptive_limit            # prints what came of each run
//! cargo run --example adaptive_limit -- draw    # and draws src/guide/adaptive_limit.svg anew
//! ```
//!
//! Time is paused, so minutes pass in seconds, and a seed replays the run: the drawing in the
//! documentation is compared with what would be drawn now. The runs are those that
//! `tests/adaptive_limit.rs` makes its claims about.

#[path = "../../tests/support/limit_model.rs"]
mod limit_model;
mod svg;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use limit_model::{Plan, Run, run};
use svg::{Curve, Panel};
use tower::BoxError;
use twilio_proxy::middleware::limit::concurrency::{Aimd, Gradient};

/// How many calls the server works on at once, until half of it is gone.
const KNEE: usize = 40;
const FROM_ABOVE: usize = 250;
const FROM_BELOW: usize = 4;

const DRAWING: &str = "src/guide/adaptive_limit.svg";

fn main() -> Result<(), BoxError> {
    let queues = Plan::queues(KNEE);
    let refuses = Plan::refuses(KNEE);
    let gradient = |start| run(queues, Gradient::new(start).bounds(1, 300));
    let aimd = |start| run(refuses, Aimd::new(start).bounds(1, 300));
    let panels = [
        Panel {
            title: "Gradient: calls beyond the knee wait at the server",
            plan: queues,
            curves: curves(gradient(FROM_ABOVE)?, gradient(FROM_BELOW)?),
        },
        Panel {
            title: "Aimd: calls beyond the knee are answered 429",
            plan: refuses,
            curves: curves(aimd(FROM_ABOVE)?, aimd(FROM_BELOW)?),
        },
    ];
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

fn curves(above: Run, below: Run) -> [Curve; 2] {
    [
        Curve { name: "from above", colour: "#d9730d", run: above },
        Curve { name: "from below", colour: "#2b83d6", run: below },
    ]
}

/// The limit once a second, eight to a bar.
fn bars(run: &Run) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    run.limits.iter().step_by(4).map(|(_, limit)| BARS[(limit / 8).min(8)]).collect()
}
