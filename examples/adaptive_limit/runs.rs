//! The runs that are drawn. The test makes its claims about the same ones, and compares the drawing.

use tower::BoxError;
use twilio_proxy::middleware::limit::concurrency::{Aimd, Gradient};

use crate::limit_model::{Plan, Run, run};
use crate::svg::{Curve, Panel};

/// How many calls the server works on at once, until half of it is gone.
pub(crate) const KNEE: usize = 40;
pub(crate) const FROM_ABOVE: usize = 250;
pub(crate) const FROM_BELOW: usize = 4;

/// Where the drawing is, in the package.
pub(crate) const DRAWING: &str = "src/guide/adaptive_limit.svg";

pub(crate) fn panels() -> Result<[Panel; 2], BoxError> {
    let queues = Plan::queues(KNEE);
    let refuses = Plan::refuses(KNEE);
    let gradient = |start| run(queues, Gradient::new(start).bounds(1, 300));
    let aimd = |start| run(refuses, Aimd::new(start).bounds(1, 300));
    Ok([
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
    ])
}

fn curves(above: Run, below: Run) -> [Curve; 2] {
    [
        Curve { name: "from above", colour: "#d9730d", run: above },
        Curve { name: "from below", colour: "#2b83d6", run: below },
    ]
}
