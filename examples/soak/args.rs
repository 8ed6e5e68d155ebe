//! The command line.

use clap::Parser;

const CONTRACT: &str = "\
Exit codes:
  0  every call is accounted for and every promise was kept
  1  a promise was broken: the report says which, and the seed
  2  the command line is wrong, or there is no socket to be had

Examples:
  soak                                 a short one
  soak --calls 1000000                 the whole of it
  soak --calls 50000 --seed 1234       a seed that was printed, again";

/// Calls without end, through every kind of weather, and nothing may be lost, done twice or left behind.
///
/// Half of the calls go over loopback sockets and half stay in the process, through two gateways that live as long as
/// the run. Their configuration is reloaded and their credentials are exchanged all the time; callers lose patience;
/// the simulated server breaks what it can, and is replaced by another now and then. After each such stretch the
/// server's books are held against what callers were told.
#[derive(Debug, Parser)]
#[command(name = "soak", version, after_help = CONTRACT)]
pub(crate) struct Args {
    /// How many calls, at least
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) calls: u64,
    /// Draws calls, faults, settings and the moments of their changes
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,
    /// How many callers there are at once
    #[arg(long, default_value_t = 128, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) callers: u32,
    /// Have creates without a name tried again: they are then done twice, and the run must fail
    #[arg(long)]
    pub(crate) replay: bool,
    /// Say nothing while it runs
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl Args {
    /// How many calls one server lives for: so that there are twenty of them, and no books too long to read.
    pub(crate) fn stretch(&self) -> u64 {
        (self.calls / 20).clamp(500, 20_000)
    }
}
