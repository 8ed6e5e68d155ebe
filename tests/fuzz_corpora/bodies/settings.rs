//! Configurations, and the words in them.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use twilio_proxy::gateway::config::{
    ConfigSources, GatewayConfig, HumanDuration, HumanQuota, HumanSize, OrNever,
};

/// A secret that no input has.
const SECRET: &str = "ne5T-0f-v1p3R5";

/// A file in TOML or JSON; lines that begin with the prefix of variables are variables.
pub(super) fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains(SECRET) {
        return;
    }
    let is_variable = |line: &&str| line.starts_with("TWILIO_PROXY__") && line.contains('=');
    let variables = text.lines().filter(is_variable).filter_map(|line| line.split_once('='));
    let secret = ("TWILIO_PROXY__CREDENTIALS__AUTH_TOKEN", SECRET);
    let file: Vec<&str> = text.lines().filter(|line| !is_variable(line)).collect();
    let file = file.join("\n");
    let sources = ConfigSources::new();
    let is_json = file.trim_start().starts_with('{');
    let sources = if is_json { sources.json(&file) } else { sources.toml(&file) };
    let config = match sources.variables(variables.chain([secret])).read() {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.problems().is_empty());
            assert!(error.problems().iter().all(|problem| !problem.problem.is_empty()));
            let shown = format!("{error} {error:?}");
            return assert!(!shown.contains(SECRET), "{shown}");
        }
    };
    // It is written with its secret masked, and read again it says the same.
    let json = serde_json::to_string(&config).unwrap();
    assert!(!format!("{config:?} {json}").contains(SECRET));
    let again = GatewayConfig::from_json(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(serde_json::to_string(&again).unwrap(), json);
    assert_eq!(again.layers(), config.layers());
}

/// Times, sizes and quotas as people write them.
pub(super) fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    written_back::<HumanDuration>(text);
    written_back::<OrNever>(text);
    written_back::<HumanQuota>(text);
    if let Some(HumanSize(bytes)) = written_back(text) {
        // A bare number is none: of what?
        assert!(!text.trim().bytes().all(|byte| byte.is_ascii_digit()), "{bytes}");
    }
    if let Some(quota) = written_back::<HumanQuota>(text) {
        let _ = quota.quota();
    }
}

fn written_back<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let value = text.parse::<T>().ok()?;
    let written = value.to_string();
    let again = written.parse::<T>();
    assert_eq!(again.ok().as_ref(), Some(&value), "{written}");
    Some(value)
}
