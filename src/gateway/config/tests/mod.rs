//! Configurations, read and checked; what they build is tested from outside, in `tests/deployments`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod bounds;
mod effects;
mod everything;
mod files;
mod forms;
mod mistakes;
mod reloads;
mod variables;

use super::{ConfigSources, GatewayConfig, Problem};

/// Credentials that need no environment.
pub(super) const NOBODY: &str = "[credentials]\nfrom = \"none\"\n";

/// The problems of a text in TOML, which has some.
pub(super) fn problems(text: &str) -> Vec<Problem> {
    let read = GatewayConfig::from_toml(text);
    read.expect_err("there should be a problem").problems().to_vec()
}

/// The one problem of a text, as it is shown.
pub(super) fn problem(text: &str) -> String {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].to_string()
}

pub(super) fn sources(text: &str) -> ConfigSources {
    ConfigSources::new().toml(text)
}
