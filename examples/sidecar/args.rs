//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Twilio's Proxy API on loopback, behind a gateway that retries, limits and finds lost creates.
#[derive(Debug, Parser)]
#[command(name = "sidecar", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or Ctrl-C; SIGHUP reads the configuration again. Without one, credentials
    /// come from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET
    Serve(Box<Serve>),
    /// Read the configuration, say what is wrong with it, and do nothing else
    Check(Upstream),
    /// Print the JSON Schema of a configuration
    Schema,
    /// Show a sidecar at work, over a simulator that breaks requests; what no command does as well
    Demo,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// Where requests come in; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4080")]
    pub(crate) listen: SocketAddr,
    /// Where /healthz, /readyz and /metrics are
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4081")]
    pub(crate) admin: SocketAddr,
    /// Listen on other addresses than loopback: whoever reaches the port acts for the account
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// A name that requests may have in their Host header, besides addresses, localhost and Twilio's;
    /// may be given again
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// How long requests in flight may take after SIGTERM, such as 10s or 250ms
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(crate) drain: Duration,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) upstream: Upstream,
}

/// What one client may take from the others.
#[derive(Clone, Copy, Debug, ClapArgs)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Connections at once; others wait to be accepted
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: u32,
    /// How long the head of a request may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub(crate) header_timeout: Duration,
    /// How long the body of a request may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub(crate) body_timeout: Duration,
    /// How long a connection may lie idle, or its client not read an answer
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub(crate) idle_timeout: Duration,
    /// Bytes of a request's body
    #[arg(long, value_name = "BYTES", default_value = "65536")]
    pub(crate) max_body: usize,
    /// Bytes of a request's head
    #[arg(long, value_name = "BYTES", default_value = "16384", value_parser = clap::value_parser!(u32).range(8192..))]
    pub(crate) max_headers: u32,
}

/// What it is a gateway to.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Upstream")]
pub(crate) struct Upstream {
    /// The stack and its settings: TOML or JSON; TWILIO_PROXY__ variables and the flags below go before it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the API is [default: https://proxy.twilio.com]
    #[arg(long, value_name = "URL", conflicts_with = "simulate")]
    pub(crate) upstream: Option<String>,
    /// Call with the Authorization of each request, and with no other
    #[arg(long)]
    pub(crate) callers_credentials: bool,
    /// How long a whole call may take, unless its x-gateway-deadline says otherwise [default: 35s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) deadline: Option<Duration>,
    /// How long one attempt may take [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) attempt_timeout: Option<Duration>,
    /// How often a call may be tried, the first time included [default: 4]
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<NonZeroU32>,
    /// Over a simulator in memory instead, which breaks one request in four by this seed
    #[arg(long, value_name = "SEED")]
    pub(crate) simulate: Option<u64>,
}

/// Whole seconds or milliseconds, more than none.
fn time(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "must be whole seconds or milliseconds, such as 10s or 250ms";
    let (digits, unit): (_, fn(u64) -> Duration) = match text.strip_suffix("ms") {
        Some(digits) => (digits, Duration::from_millis),
        None => (text.strip_suffix('s').ok_or(EXPECTED)?, Duration::from_secs),
    };
    let number = digits.parse::<u32>().map_err(|_| EXPECTED)?;
    if number == 0 { Err("must be more than none") } else { Ok(unit(number.into())) }
}
