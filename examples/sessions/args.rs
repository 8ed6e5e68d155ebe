//! The command line: what can be asked, and how it is read.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand};
use jiff::Timestamp;
use serde::Deserialize;
use twilio_proxy::call::PhoneNumberSid;
use twilio_proxy::sessions::Participant;
use twilio_proxy::wire::EncodeError;

/// Create, fetch, list, update and delete Twilio Proxy sessions.
///
/// Credentials come from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and
/// TWILIO_API_SECRET.
#[derive(Debug, Parser)]
#[command(name = "sessions")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where to, and how patiently.
#[derive(Debug, ClapArgs)]
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
    /// How long the whole call may take, in milliseconds
    #[arg(long, global = true, value_name = "MS")]
    pub(crate) deadline: Option<u64>,
    /// How often a call may be tried, the first time included
    #[arg(long, global = true, value_name = "N")]
    pub(crate) max_attempts: Option<u32>,
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
        service_sid: String,
        /// A name that no other session of the Service has
        #[arg(long, value_name = "NAME")]
        unique_name: Option<String>,
        /// message-only, voice-only or voice-and-message
        #[arg(long)]
        mode: Option<String>,
        /// identifier=…,friendly_name=…,proxy_identifier=…,proxy_identifier_sid=… or the same as a
        /// JSON object with the API's own names; at most two
        #[arg(long = "participant", value_name = "PARTICIPANT")]
        participants: Vec<ParticipantArg>,
        #[command(flatten)]
        common: Common,
    },
    /// Fetch a session by its SID or its UniqueName
    Fetch {
        service_sid: String,
        /// KC… or a UniqueName
        session: String,
    },
    /// List the sessions of a Service
    List {
        service_sid: String,
        /// Sessions a page, 1 to 1000 (Proxy sends 100 at most)
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        page_size: Option<i64>,
        /// Sessions in all
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        limit: Option<i64>,
    },
    /// Change a session
    Update {
        service_sid: String,
        session_sid: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a session
    Delete { service_sid: String, session_sid: String },
}

/// The parameters that create and update share.
#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// When the session ends, RFC 3339; overrides --ttl
    #[arg(long, value_name = "DATE")]
    pub(crate) date_expiry: Option<Timestamp>,
    /// How long the session lives after its last interaction, in seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) ttl: Option<i64>,
    /// open, in-progress or closed
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Refuse participants that another open session has
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) fail_on_participant_conflict: Option<bool>,
}

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

    fn set(&mut self, key: &str, value: String) -> Result<(), String> {
        match key {
            "identifier" => self.identifier = value,
            "friendly_name" => self.friendly_name = Some(value),
            "proxy_identifier" => self.proxy_identifier = Some(value),
            "proxy_identifier_sid" => self.proxy_identifier_sid = Some(value),
            _ => return Err(format!("no such field: {key}")),
        }
        Ok(())
    }
}

impl FromStr for ParticipantArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const KEYS: [&str; 4] =
            ["identifier", "friendly_name", "proxy_identifier", "proxy_identifier_sid"];
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| error.to_string());
        }
        let mut participant = Self::default();
        let mut field: Option<(&str, String)> = None;
        for piece in text.split(',') {
            match (piece.split_once('='), &mut field) {
                // A comma inside a value, as in `Doe, John`: only a known key begins a new field.
                (found, Some((_, value))) if !found.is_some_and(|(key, _)| KEYS.contains(&key)) => {
                    value.push(',');
                    value.push_str(piece);
                }
                (Some((key, value)), _) => {
                    if let Some((key, value)) = field.replace((key, value.to_owned())) {
                        participant.set(key, value)?;
                    }
                }
                (None, _) => return Err(format!("expected one of {}, and `=`", KEYS.join(", "))),
            }
        }
        if let Some((key, value)) = field {
            participant.set(key, value)?;
        }
        Ok(participant)
    }
}
