//! The `sessions` tool as its users run it: a process, a command line, bytes on a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The tool is a process of its own: it lives in real time.
#![allow(clippy::disallowed_methods)]

mod answers;
mod bodies;
mod contract;
mod endpoints;
mod pages;
mod requests;
mod retries;
mod server;
mod tls;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

pub(crate) const SERVICE: &str = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const SESSION: &str = "KCbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(crate) const ACCOUNT: &str = "ACcccccccccccccccccccccccccccccccc";
pub(crate) const TOKEN: &str = "not-a-secret";
/// The end of the account SID and the token, as Basic authorization spells them.
pub(crate) const ENCODED_TOKEN: &str = "pub3QtYS1zZWNyZXQ";

/// What a run of the tool came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// What it printed on stdout, as JSON; it must have succeeded, and said nothing on stderr.
    pub(crate) fn output(&self) -> Value {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON on stdout")
    }

    /// What it printed on stderr, as JSON; it must have failed, and said nothing on stdout.
    pub(crate) fn failure(&self) -> Value {
        assert_eq!(self.code, 1, "{self:?}");
        assert_eq!(self.stdout, "");
        let failure: Value = serde_json::from_str(&self.stderr).expect("one JSON value on stderr");
        let mut keys: Vec<_> = failure.as_object().expect("an object").keys().collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "attempts",
                "code",
                "effect",
                "kind",
                "message",
                "request_id",
                "retry_after_ms",
                "status"
            ]
        );
        failure
    }

    /// Kind, effect and attempts of a failure.
    pub(crate) fn verdict(&self) -> (String, String, u64) {
        let failure = self.failure();
        let text = |key: &str| failure[key].as_str().unwrap().to_owned();
        (text("kind"), text("effect"), failure["attempts"].as_u64().unwrap())
    }

    pub(crate) fn message(&self) -> String {
        self.failure()["message"].as_str().unwrap().to_owned()
    }
}

/// What a failure comes to, to compare with [`Run::verdict`].
pub(crate) fn verdict(kind: &str, effect: &str, attempts: u64) -> (String, String, u64) {
    (kind.to_owned(), effect.to_owned(), attempts)
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
    let run = Run {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for secret in [TOKEN, ENCODED_TOKEN] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run:?}");
    }
    run
}

/// Runs the tool against a server that acts so.
pub(crate) fn run_against(
    script: impl IntoIterator<Item = server::Act>,
    args: &[&str],
) -> (Run, server::Server) {
    let server = server::Server::start(script);
    let url = server.url();
    let args: Vec<&str> = args.iter().copied().chain(["--base-url", &url]).collect();
    (sessions(&args), server)
}

/// The example's binary, which `cargo test` builds beside the tests.
pub(crate) fn tool() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let tool = test.parent().unwrap().parent().unwrap().join("examples/sessions");
    let tool = tool.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(tool.exists(), "run `cargo build --example sessions` with the same features first");
    tool
}
