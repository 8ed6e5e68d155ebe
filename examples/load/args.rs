//! The command line: what can be asked, and what can't be together.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use jiff::SignedDuration;
use twilio_proxy::call::ServiceSid;
use twilio_proxy::wire::Endpoint;

use crate::arrivals::{Pattern, Rate};
use crate::mix::Mix;

const CONTRACT: &str = "\
Ctrl-C (or SIGTERM) once: no more calls, those in flight may end, then the report. Twice: the report now.

Exit codes:
  0    done, whatever came of the calls, or stopped once; the report says what was done
  1    a promise was broken: a create was done twice, a failure was not what it said, or sessions are left behind
  2    the command line or the environment is wrong, or there is nothing to talk to
  130  stopped twice: calls in flight were cut off

Examples:
  load --rate 200/s --for 30s --unlimited --faults 0.02 --svg latency.svg
  load --rate 100/s --calls 5000 --mix create=1,delete=1 --json
  load --config examples/deployments/batch.toml --rate 8/s --for 20s
  load --url http://127.0.0.1:4010 --service KS… --rate 20/s --for 1m";

/// Drives a stack with calls that come when they come, and says how long they took.
///
/// The time of a call is counted from the moment it was due, not from when it was sent: a wait that
/// this tool caused, or that one slow answer causes to the calls behind it, is seen and not left out.
///
/// Against a URL, credentials come from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY
/// and TWILIO_API_SECRET; what was created is deleted at the end.
#[derive(Debug, Parser)]
#[command(name = "load", version, after_help = CONTRACT)]
pub(crate) struct Args {
    /// How many calls are due in a second (or minute, or hour)
    #[arg(long, default_value = "40/s", value_name = "N[/s]")]
    pub(crate) rate: Rate,
    /// How long calls are due: 30s, 1m 30s, PT5M [default: 5s, without end where --calls is given]
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) lasts: Option<Duration>,
    /// How many calls are due in all
    #[arg(long, value_name = "N")]
    pub(crate) calls: Option<u64>,
    /// How often each operation is asked for, in proportion
    #[arg(
        long,
        default_value = "create=1,fetch=6,list=1,update=1,delete=1",
        value_name = "SHARES"
    )]
    pub(crate) mix: Mix,
    /// How calls are spread over time
    #[arg(long, default_value = "poisson")]
    pub(crate) arrivals: Pattern,
    /// Replays times and choices of calls, and the faults of the simulator
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,
    /// The share of creates without a UniqueName, from 0 to 1: these are not tried again
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = fraction)]
    pub(crate) unnamed: f64,
    /// How many sessions are made beforehand, where the mix has fetches or updates
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sessions: u32,
    /// How many calls may be under way; those that are due beyond it are not sent, and counted
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_in_flight: u32,
    /// How long calls in flight may take to end after Ctrl-C
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub(crate) grace: Duration,

    /// Talk to the simulator over a loopback socket; the default
    #[arg(long, conflicts_with_all = ["url", "in_process"], help_heading = "Target")]
    pub(crate) simulate: bool,
    /// Talk to the simulator without a socket
    #[arg(long, conflicts_with = "url", help_heading = "Target")]
    pub(crate) in_process: bool,
    /// The share of requests that the simulator breaks, from 0 to 1
    #[arg(long, default_value_t = 0.05, value_name = "SHARE", value_parser = fraction, conflicts_with = "url", help_heading = "Target")]
    pub(crate) faults: f64,
    /// How long the simulator works on a request
    #[arg(long, default_value = "2ms", value_name = "TIME", value_parser = duration, conflicts_with = "url", help_heading = "Target")]
    pub(crate) latency: Duration,
    /// Talk to the API at this URL
    #[arg(long, requires = "services", help_heading = "Target")]
    pub(crate) url: Option<String>,
    /// The stack and its settings, from a TOML or JSON file and TWILIO_PROXY__ variables
    #[arg(long, value_name = "FILE", conflicts_with = "unlimited", help_heading = "Target")]
    pub(crate) config: Option<PathBuf>,
    /// A Proxy Service, KS…; give it again for more, which share the calls
    #[arg(long = "service", value_name = "KS…", help_heading = "Target")]
    pub(crate) services: Vec<ServiceSid>,
    /// No rate limit: neither the gateway's nor the simulator's
    #[arg(long, help_heading = "Target")]
    pub(crate) unlimited: bool,
    /// Load another machine than this one, with sessions that somebody pays for
    #[arg(long, requires = "url", help_heading = "Target")]
    pub(crate) yes_this_costs_money: bool,

    /// Draw the latencies into this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) svg: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Say nothing while it runs
    #[arg(long, help_heading = "Output")]
    pub(crate) quiet: bool,
}

impl Args {
    /// What no single flag can say of itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(url) = &self.url {
            let endpoint = Endpoint::new(url).map_err(|error| format!("--url: {error}"))?;
            if !endpoint.origin().is_loopback() && !self.yes_this_costs_money {
                return Err(format!(
                    "{} is another machine than this one. About {:.0} calls would go to it, on the \
                     account in the environment. If that is what you want, add \
                     --yes-this-costs-money.",
                    endpoint.origin(),
                    self.expected(),
                ));
            }
        }
        if self.calls == Some(0) {
            return Err("--calls 0 leaves nothing to do".to_owned());
        }
        if self.lasts.is_some_and(|lasts| lasts.is_zero()) {
            return Err("--for: no time at all leaves nothing to do".to_owned());
        }
        if let Some(file) = &self.svg {
            // Now, and not after an hour of load. What is in it stays until there is something new.
            let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
            opened
                .map_err(|error| format!("--svg: {} can't be written: {error}", file.display()))?;
        }
        Ok(())
    }

    /// How long calls are due; `None` without end.
    pub(crate) fn lasts(&self) -> Option<Duration> {
        match (self.lasts, self.calls) {
            (None, None) => Some(Duration::from_secs(5)),
            (lasts, _) => lasts,
        }
    }

    /// How many calls that will be, about.
    pub(crate) fn expected(&self) -> f64 {
        let by_time = self.lasts().map(|lasts| lasts.as_secs_f64() * self.rate.per_second());
        let by_count = self.calls.map(|calls| calls as f64);
        by_time.unwrap_or(f64::INFINITY).min(by_count.unwrap_or(f64::INFINITY))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let signed: SignedDuration =
        text.parse().map_err(|_| format!("`{text}` is no time, as in 30s or 1m 30s"))?;
    Duration::try_from(signed).map_err(|_| "a time is not negative".to_owned())
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction: f64 = text.parse().map_err(|_| "expected a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&fraction) {
        Ok(fraction)
    } else {
        Err("expected a number from 0 to 1".to_owned())
    }
}
