//! A command-line tool for Proxy sessions: every operation, every parameter.
//!
//! ```text
//! export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=…
//! cargo run --example sessions -- create KS… --unique-name order-1 --ttl 3600
//! cargo run --example sessions -- list KS… --limit 10
//! ```
//!
//! JSON on stdout: the session, an array of them, or `null` after a delete. On failure one JSON
//! object on stderr and exit code 1; a command line that can't be read is exit code 2.

mod args;
mod output;
mod within;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;
use serde_json::Value;
use twilio_proxy::call::{ServiceSid, SessionSid, SidError};
use twilio_proxy::gateway::{DefaultGateway, GatewayBuilder, GatewayExt};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, UpdateSession,
};
use twilio_proxy::transport::ProxyTransport;
use twilio_proxy::wire::EncodeError;

use args::{Args, Command, Common, Connection};
use output::Failure;
use within::Within;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(args).await {
        Ok(value) => output::success(&value),
        Err(error) => output::failure(&error),
    }
}

async fn run(args: Args) -> Result<Value, Failure> {
    let deadline = deadline(&args.connection)?;
    let gateway = connect(&args.connection, deadline)?;
    let done = perform(&gateway, args.command, deadline).await;
    // Nothing is in flight any more: this only shows how a program ends well.
    gateway.shutdown(Duration::ZERO).await;
    done
}

/// The default stack, with what the command line says of it.
fn connect(args: &Connection, deadline: Option<Duration>) -> Result<DefaultGateway, Failure> {
    let mut builder = GatewayBuilder::from_env()?.allow_plain_http(args.plain_http);
    if let Some(file) = &args.ca_file {
        let pem = std::fs::read(file)
            .map_err(|error| Failure::Setting(format!("--ca-file: can't be read: {error}")))?;
        builder = builder.transport(ProxyTransport::builder().roots_pem(pem));
    }
    if let Some(region) = &args.region {
        builder = builder.region(region);
    }
    if let Some(edge) = &args.edge {
        builder = builder.edge(edge);
    }
    if let Some(base_url) = &args.base_url {
        builder = builder.base_url(base_url);
    }
    if let Some(deadline) = deadline {
        builder = builder.deadline(deadline);
    }
    if let Some(attempts) = args.max_attempts {
        if attempts < 1 {
            return Err(Failure::Setting("--max-attempts: must be at least 1".to_owned()));
        }
        builder = builder.max_attempts(u32::try_from(attempts).unwrap_or(u32::MAX));
    }
    Ok(builder.build()?)
}

fn deadline(args: &Connection) -> Result<Option<Duration>, Failure> {
    let milliseconds = args.deadline.map(u64::try_from).transpose();
    let milliseconds = milliseconds
        .map_err(|_| Failure::Setting("--deadline: must be 0 milliseconds or more".to_owned()))?;
    Ok(milliseconds.map(Duration::from_millis))
}

async fn perform(
    gateway: &DefaultGateway,
    command: Command,
    deadline: Option<Duration>,
) -> Result<Value, Failure> {
    match command {
        Command::Create { service_sid, unique_name, mode, participants, common } => {
            let mut create = CreateSession::new(service(&service_sid)?);
            if let Some(name) = unique_name {
                create = create.unique_name(name);
            }
            if let Some(mode) = mode {
                create = create.mode(mode.as_str());
            }
            for participant in participants {
                create = create.participant(participant.build()?);
            }
            let Parameters { date_expiry, ttl, status, conflict } = common.into();
            if let Some(date) = date_expiry {
                create = create.date_expiry(date);
            }
            if let Some(ttl) = ttl {
                create = create.ttl(ttl);
            }
            if let Some(status) = status {
                create = create.status(status.as_str());
            }
            if let Some(fail) = conflict {
                create = create.fail_on_participant_conflict(fail);
            }
            output::json(gateway.send(create).await?)
        }
        Command::Fetch { service_sid, session } => {
            let service = service(&service_sid)?;
            // A SID is looked up like a name: the API takes either in the same place.
            output::json(gateway.send(FetchSession::by_name(service, session)).await?)
        }
        Command::List { service_sid, page_size, limit } => {
            let mut list = ListSessions::new(service(&service_sid)?);
            if let Some(size) = page_size {
                list = list.page_size(u32::try_from(at_least_zero(size)).unwrap_or(u32::MAX));
            }
            if let Some(limit) = limit {
                list = list.limit(at_least_zero(limit));
            }
            // Each page is a call of its own; the command line's deadline is for all of them.
            let pages = Within::new(gateway.clone(), deadline);
            output::json(pages.items(list).into_vec().await?)
        }
        Command::Update { service_sid, session_sid, common } => {
            let mut update = UpdateSession::new(service(&service_sid)?, session(&session_sid)?);
            let Parameters { date_expiry, ttl, status, conflict } = common.into();
            if let Some(date) = date_expiry {
                update = update.date_expiry(date);
            }
            if let Some(ttl) = ttl {
                update = update.ttl(ttl);
            }
            if let Some(status) = status {
                update = update.status(status.as_str());
            }
            if let Some(fail) = conflict {
                update = update.fail_on_participant_conflict(fail);
            }
            output::json(gateway.send(update).await?)
        }
        Command::Delete { service_sid, session_sid } => {
            let delete = DeleteSession::new(service(&service_sid)?, session(&session_sid)?);
            gateway.send(delete).await?;
            Ok(Value::Null)
        }
    }
}

/// The parameters that create and update share, in the types of the library.
struct Parameters {
    date_expiry: Option<Timestamp>,
    ttl: Option<Duration>,
    status: Option<String>,
    conflict: Option<bool>,
}

impl From<Common> for Parameters {
    fn from(common: Common) -> Self {
        Self {
            date_expiry: common.date_expiry,
            ttl: common.ttl.map(at_least_zero).map(Duration::from_secs),
            status: common.status,
            conflict: common.fail_on_participant_conflict,
        }
    }
}

/// A negative number is a number: the library refuses it as it refuses a zero.
fn at_least_zero(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn service(text: &str) -> Result<ServiceSid, EncodeError> {
    ServiceSid::new(text).map_err(|error| invalid("ServiceSid", &error))
}

fn session(text: &str) -> Result<SessionSid, EncodeError> {
    SessionSid::new(text).map_err(|error| invalid("Sid", &error))
}

fn invalid(parameter: &'static str, error: &SidError) -> EncodeError {
    EncodeError::new(parameter, error.to_string())
}
