//! The command line: what can be asked, and how it is read.

use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand};
use jiff::Timestamp;
use serde::Deserialize;
use twilio_proxy::call::PhoneNumberSid;
use twilio_proxy::sessions::Participant;
use twilio_proxy::wire::EncodeError;

const CONTRACT: &str = "\
Prints JSON on stdout: the session, an array of sessions, or null after a delete.

Exit codes:
  0  done
  1  failed: one JSON object on stderr, whose `effect` says whether the server may have acted all \
the same (none, unknown, applied)
  2  the command line could not be read

Examples:
  sessions create KS… --unique-name order-1 --ttl 3600 --participant identifier=+15550100
  sessions fetch KS… order-1
  sessions fetch KS… -- -a-name-that-begins-with-a-hyphen
  sessions list KS… --limit 10";

/// Create, fetch, list, update and delete Twilio Proxy sessions.
///
/// Credentials come from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and
/// TWILIO_API_SECRET.
#[derive(Debug, Parser)]
#[command(name = "sessions", version, after_help = CONTRACT)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where to, and how patiently.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Where the API is [default: https://proxy.twilio.com]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// PEM certificates to trust instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Send credentials over plain http to other machines
    #[arg(long, global = true)]
    pub(crate) plain_http: bool,
    /// How long it may take in all, retries and every page of a list included, in milliseconds
    /// [default: 35000, for each page anew]
    #[arg(long, global = true, value_name = "MS", allow_negative_numbers = true, value_parser = whole)]
    pub(crate) deadline: Option<i64>,
    /// How often a call may be tried, the first time included [default: 4]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    pub(crate) max_attempts: Option<i64>,
    /// Twilio region, such as ie1 [env: TWILIO_REGION]
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// Twilio edge, such as dublin [env: TWILIO_EDGE]
    #[arg(long, global = true)]
    pub(crate) edge: Option<String>,
}

/// The five operations.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a session
    Create {
        /// The Proxy Service, KS…
        service_sid: String,
        /// A name that no other session of the Service has; a create that has one is tried again
        /// when its answer is lost
        #[arg(long, value_name = "NAME")]
        unique_name: Option<String>,
        /// message-only, voice-only or voice-and-message [default: voice-and-message]
        #[arg(long)]
        mode: Option<String>,
        /// A participant; give it again for the second, there are two at most:
        /// identifier=…,friendly_name=…,proxy_identifier=…,proxy_identifier_sid=… (only the first
        /// is needed), or a JSON object with the API's own names, {"Identifier": "…"}
        #[arg(long = "participant", value_name = "PARTICIPANT")]
        participants: Vec<ParticipantArg>,
        #[command(flatten)]
        common: Common,
    },
    /// Fetch a session by its SID or its UniqueName
    Fetch {
        /// The Proxy Service, KS…
        service_sid: String,
        /// The session's SID, KC…, or its UniqueName (after `--` if that begins with a hyphen)
        session: String,
    },
    /// List the sessions of a Service
    List {
        /// The Proxy Service, KS…
        service_sid: String,
        /// Sessions a page, 1 to 1000; Proxy sends 100 at most [default: 50]
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
        page_size: Option<i64>,
        /// Sessions in all, over as many pages as it takes [default: all there are]
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
        limit: Option<i64>,
    },
    /// Change a session
    Update {
        /// The Proxy Service, KS…
        service_sid: String,
        /// The session, KC…
        session_sid: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a session
    Delete {
        /// The Proxy Service, KS…
        service_sid: String,
        /// The session, KC…
        session_sid: String,
    },
}

/// The parameters that create and update share.
#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// When the session ends, such as 2030-01-02T03:04:05Z (RFC 3339); overrides --ttl
    #[arg(long, value_name = "DATE")]
    pub(crate) date_expiry: Option<Timestamp>,
    /// How long the session lives after its last interaction, in seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = whole)]
    pub(crate) ttl: Option<i64>,
    /// open, in-progress or closed
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Whether to refuse participants that another open session has; true where it stands alone
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) fail_on_participant_conflict: Option<bool>,
}

const KEYS: [&str; 4] = ["identifier", "friendly_name", "proxy_identifier", "proxy_identifier_sid"];

/// A participant as the command line has it: the fields are checked when the session is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(crate) struct ParticipantArg {
    identifier: String,
    friendly_name: Option<String>,
    proxy_identifier: Option<String>,
    proxy_identifier_sid: Option<String>,
}

impl ParticipantArg {
    pub(crate) fn build(self) -> Result<Participant, EncodeError> {
        let mut participant = Participant::new(self.identifier);
        if let Some(name) = self.friendly_name {
            participant = participant.friendly_name(name);
        }
        if let Some(number) = self.proxy_identifier {
            participant = participant.proxy_identifier(number);
        }
        if let Some(sid) = self.proxy_identifier_sid {
            let sid = PhoneNumberSid::new(&sid)
                .map_err(|error| EncodeError::new("ProxyIdentifierSid", error.to_string()))?;
            participant = participant.proxy_identifier_sid(sid);
        }
        Ok(participant)
    }

    fn set(&mut self, key: &str, value: String) {
        match key {
            "identifier" => self.identifier = value,
            "friendly_name" => self.friendly_name = Some(value),
            "proxy_identifier" => self.proxy_identifier = Some(value),
            _ => self.proxy_identifier_sid = Some(value),
        }
    }
}

impl FromStr for ParticipantArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| error.to_string());
        }
        let mut fields: Vec<(&str, String)> = Vec::new();
        for piece in text.split(',') {
            let field = piece.split_once('=').map(|(key, value)| (key.trim(), value));
            let known = |key| fields.iter().any(|(other, _)| *other == key);
            match field.filter(|(key, _)| is_name(key)) {
                Some((key, _)) if !KEYS.contains(&key) => {
                    return Err(format!("no field is called {key}; {HINT}"));
                }
                Some((key, _)) if known(key) => return Err(format!("{key} comes twice; {HINT}")),
                Some((key, value)) => fields.push((key, value.to_owned())),
                None => {
                    // A comma inside a value, as in `Doe, John`.
                    let (_, value) = fields
                        .last_mut()
                        .ok_or_else(|| format!("expected one of {}, and `=`", KEYS.join(", ")))?;
                    value.push(',');
                    value.push_str(piece);
                }
            }
        }
        let mut participant = Self::default();
        for (key, value) in fields {
            participant.set(key, value);
        }
        Ok(participant)
    }
}

/// What to do about a value that holds what looks like a field.
const HINT: &str = "write values that hold commas and `=` as JSON";

/// Whether it reads like the name of a field, known or mistyped.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A whole number, however large: one that no integer holds is out of range like any other, and
/// not for the command line to judge.
fn whole(text: &str) -> Result<i64, ParseIntError> {
    text.parse().or_else(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => Ok(i64::MAX),
        IntErrorKind::NegOverflow => Ok(i64::MIN),
        _ => Err(error),
    })
}
