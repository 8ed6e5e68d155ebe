//! Where and with what it was measured, and on which cores.

use std::fs;
use std::process::{self, Command};

use serde_json::{Value, json};

/// How every client is built: nothing but `--release`.
pub const PROFILE: &str =
    "cargo's release profile as it is: opt-level 3, no LTO, 16 codegen units, unwinding";

/// What a reader has to know to compare.
#[must_use]
pub fn describe(pinned: bool) -> Value {
    let changed = said("git", &["status", "--porcelain", "--", "src", "Cargo.toml"]);
    let commit = said("git", &["rev-parse", "--short", "HEAD"]);
    let changes = if changed.is_empty() { "" } else { " with changes" };
    json!({
        "cpu": cpu(),
        // Not what this process may use: it is kept to one.
        "cores": cpuinfo().lines().filter(|line| line.starts_with("processor")).count(),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "rustc": said("rustc", &["--version"]),
        "date": said("date", &["-u", "+%Y-%m-%d"]),
        "commit": format!("{commit}{changes}"),
        "load": fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next(),
        "pinned": pinned,
        "profile": PROFILE,
    })
}

fn cpuinfo() -> String {
    fs::read_to_string("/proc/cpuinfo").unwrap_or_default()
}

fn cpu() -> String {
    let told = cpuinfo();
    let model = told.lines().find(|line| line.starts_with("model name"));
    let name = model.and_then(|line| line.split_once(": ")).map(|(_, name)| name.trim());
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(crate::root()).output();
    let output = output.ok().filter(|output| output.status.success());
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// Keeps this process to the first core that it may run on, and says which one is left for the server: the last.
/// None where there is one core only, or no `taskset`.
#[must_use]
pub fn pin() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let (first, last) = ends(allowed.trim())?;
    let pinned = Command::new("taskset").args(["-cp", first, &process::id().to_string()]).output();
    pinned.ok().filter(|output| output.status.success())?;
    Some(last.to_owned())
}

/// The first and the last of `0-3,6`.
fn ends(list: &str) -> Option<(&str, &str)> {
    let first = list.split(['-', ',']).next()?;
    let last = list.rsplit(['-', ',']).next()?;
    (first != last).then_some((first, last))
}
