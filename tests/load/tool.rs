//! The example's process.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub(crate) const SERVICE: &str = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Its report, which must add up.
    pub(crate) fn report(&self) -> Value {
        let report: Value = serde_json::from_str(&self.stdout).expect("JSON on stdout");
        adds_up(&report);
        report
    }
}

/// Every call that was due is accounted for: by operation, in all, and in the histogram.
#[track_caller]
fn adds_up(report: &Value) {
    let number = |of: &Value, key: &str| of[key].as_u64().unwrap_or_else(|| panic!("{key}: {of}"));
    assert_eq!(number(report, "due"), number(report, "sent") + number(report, "not_sent"));
    let rows: Vec<&Value> = report["operations"].as_object().unwrap().values().collect();
    for row in rows.iter().copied().chain([report]) {
        let ended = number(row, "ok") + number(row, "failed") + number(row, "cancelled");
        assert_eq!(number(row, "sent"), ended, "{row}");
    }
    for row in &rows {
        let failures = row["failures"].as_array().unwrap().iter();
        let failed: u64 = failures.map(|failure| number(failure, "calls")).sum();
        assert_eq!(number(row, "failed"), failed, "{row}");
    }
    for key in ["sent", "not_sent", "ok", "failed", "cancelled", "attempts", "recovered"] {
        let rows: u64 = rows.iter().map(|row| number(row, key)).sum();
        assert_eq!(number(report, key), rows, "{key}");
    }
    let drawn = report["response_histogram_us"].as_array().unwrap().iter();
    assert_eq!(drawn.map(|bucket| number(bucket, "calls")).sum::<u64>(), number(report, "ok"));
    let timed = |key: &str| report[key]["calls"].as_u64().unwrap_or(0);
    assert_eq!(
        (timed("response_us"), timed("failed_us")),
        (number(report, "ok"), number(report, "failed"))
    );
    assert_eq!(timed("driver_late_us"), number(report, "sent"));
}

fn command(args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(tool());
    command.args(args).env_clear().envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs the tool with this command line and no environment but this.
pub(crate) fn load(args: &[&str], environment: &[(&str, &str)]) -> Run {
    let output = command(args, environment).output().expect("the tool runs");
    Run {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A run that is under way.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Running {
    pub(crate) fn start(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(args, environment);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// The next line that it says on stderr.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it has ended");
        line
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn end(mut self) -> Run {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        let code = self.child.wait().unwrap().code().expect("an exit code, and no death by signal");
        Run { code, stdout, stderr }
    }
}

/// A test that fails leaves no load behind.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example's binary, which `cargo test` builds beside the tests.
fn tool() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let tool = test.parent().unwrap().parent().unwrap().join("examples/load");
    let tool = tool.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(tool.exists(), "run `cargo build --example load` with the same features first");
    tool
}
