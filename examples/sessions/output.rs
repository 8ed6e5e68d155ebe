//! What the tool prints: JSON, in the API's own names.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use twilio_proxy::gateway::Error;
use twilio_proxy::wire::{ApiError, EncodeError};

/// The output of an operation as JSON.
pub(crate) fn json(output: impl Serialize) -> Result<Value, Error> {
    // Never fails for the library's models: they have no map with keys that aren't text.
    serde_json::to_value(output)
        .map_err(|error| EncodeError::new("output", error.to_string()).into())
}

/// Prints what came of it.
pub(crate) fn success(value: &Value) -> ExitCode {
    // A reader that has gone away wants no message about it.
    let written = writeln!(std::io::stdout(), "{value:#}");
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints why nothing came of it, and what may have.
pub(crate) fn failure(error: &Error) -> ExitCode {
    // The user's own terminal may show what Twilio says in full; the library's logs never do.
    let message = error.api().and_then(ApiError::message);
    let report = json!({
        "kind": error.kind().as_str(),
        "message": message.map_or_else(|| chain(error), str::to_owned),
        "effect": error.effect().as_str(),
        "attempts": error.attempts(),
        "code": error.code(),
        "status": error.status().map(|status| status.as_u16()),
        "request_id": error.request_id(),
        "retry_after_ms": error.retry_after().map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
    });
    // Nowhere is left to complain to when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{report}");
    ExitCode::FAILURE
}

/// The error and its causes, outermost first.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
