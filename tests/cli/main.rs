//! The `sessions` tool as its users run it: a process, a command line, bytes on a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The tool is a process of its own: it lives in real time.
#![allow(clippy::disallowed_methods)]

mod answers;
mod requests;
mod server;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

pub(crate) const SERVICE: &str = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const SESSION: &str = "KCbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(crate) const ACCOUNT: &str = "ACcccccccccccccccccccccccccccccccc";
pub(crate) const TOKEN: &str = "not-a-secret";

/// What a run of the tool came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// What it printed on stdout, as JSON; it must have succeeded.
    pub(crate) fn output(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON on stdout")
    }

    /// What it printed on stderr, as JSON; it must have failed, and said nothing on stdout.
    pub(crate) fn failure(&self) -> Value {
        assert_eq!(self.code, 1, "{self:?}");
        assert_eq!(self.stdout, "");
        serde_json::from_str(&self.stderr).expect("one JSON object on stderr")
    }
}

/// Runs the tool with this command line and no environment but credentials.
pub(crate) fn sessions(args: &[&str]) -> Run {
    let environment = [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", TOKEN)];
    sessions_with(args, &environment)
}

pub(crate) fn sessions_with(args: &[&str], environment: &[(&str, &str)]) -> Run {
    let output = Command::new(tool())
        .args(args)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the tool runs");
    Run {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The example's binary, which `cargo test` builds beside the tests.
fn tool() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let tool = test.parent().unwrap().parent().unwrap().join("examples/sessions");
    let tool = tool.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(tool.exists(), "run `cargo build --example sessions` with the same features first");
    tool
}
