//! What the tool prints: JSON, in the API's own names.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::{Error, ErrorKind};
use twilio_proxy::wire::{ApiError, EncodeError};

/// Why there is nothing to print.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library says so.
    Call(Error),
    /// A setting of the command line's can't be.
    Setting(String),
    /// All went well, and then its outcome could not be printed.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::Call(error.into())
    }
}

/// The output of an operation as JSON.
pub(crate) fn json(output: impl Serialize) -> Result<Value, Failure> {
    // Never fails for the library's models: they have no map with keys that aren't text.
    serde_json::to_value(output).map_err(|error| Failure::Output(error.into()))
}

/// Prints what came of it.
pub(crate) fn success(value: &Value) -> ExitCode {
    // In one piece: line by line, a long list is a hundred thousand writes.
    let text = format!("{value:#}\n");
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has gone away wants no message about it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => failure(&Failure::Output(error)),
    }
}

/// Prints why nothing came of it, and what may have.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    let report = match failure {
        Failure::Call(error) => of_call(error),
        Failure::Setting(problem) => own(ErrorKind::Config, problem, Effect::None),
        Failure::Output(error) => {
            let problem = format!("the outcome could not be printed: {error}");
            own(ErrorKind::Other, &problem, Effect::Applied)
        }
    };
    // Nowhere is left to complain to when stderr is closed.
    let _ = writeln!(io::stderr(), "{report}");
    ExitCode::FAILURE
}

fn of_call(error: &Error) -> Value {
    json!({
        "kind": error.kind().as_str(),
        "message": message(error),
        "effect": error.effect().as_str(),
        "attempts": error.attempts(),
        "code": error.code(),
        "status": error.status().map(|status| status.as_u16()),
        "request_id": error.request_id(),
        "retry_after_ms": error.retry_after().map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
    })
}

/// A failure of the tool's own, which no server has a part in.
fn own(kind: ErrorKind, problem: &str, effect: Effect) -> Value {
    json!({
        "kind": kind.as_str(),
        "message": problem,
        "effect": effect.as_str(),
        "attempts": 0,
        "code": null,
        "status": null,
        "request_id": null,
        "retry_after_ms": null,
    })
}

/// What the server says, in its own words where it has any. The user's own terminal may show them
/// in full; the library's logs never do.
fn message(error: &Error) -> String {
    let said = |read: fn(&ApiError) -> Option<&str>| error.api().and_then(read);
    match (said(ApiError::message), said(ApiError::excerpt)) {
        (Some(message), _) => message.to_owned(),
        // A page of some gateway in between: often all there is to go by.
        (None, Some(excerpt)) => format!("{}: {excerpt}", chain(error)),
        (None, None) => chain(error),
    }
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
