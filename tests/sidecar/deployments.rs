//! The sidecar from a deployment's file: each sample, a reload, and files that are wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::sidecar::{Sidecar, binary};
use crate::socket::{ask, create, get};

fn sample(name: &str) -> String {
    format!("{}/examples/deployments/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// A file of this test's own, which is gone when the test is.
struct Own(PathBuf);

impl Own {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sidecar-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn rewrite(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Exit code, what was printed, and what was complained of.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(binary()).args(arguments).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_sample_deployment_serves() {
    for name in ["high_throughput", "batch", "regulated"] {
        let sidecar = Sidecar::start(&["--config", &sample(name), "--simulate", "3"]);
        // As many as each of them lets go at once.
        for number in 0..2 {
            let form = format!("UniqueName=order-{number}");
            let request = create(&form).replacen("\r\n", "\r\nConnection: close\r\n", 1);
            let (status, heard) = ask(&sidecar.front, &request);
            assert_eq!(status, 201, "{name}: {heard}");
        }
        sidecar.stop();
    }
}

#[test]
fn a_reload_changes_what_can_change_and_says_what_can_not() {
    let simulated = ["--simulate", "3"];
    let file = Own::new("reload.toml", "[concurrency]\nmax = 20");
    let mut sidecar = Sidecar::start(&[&["--config", file.path()], &simulated[..]].concat());
    let limit = |sidecar: &Sidecar| {
        let (_, heard) = get(&sidecar.admin, "/readyz");
        let (_, body) = heard.split_once("\r\n\r\n").unwrap();
        let health: Value = serde_json::from_str(body).unwrap();
        health["concurrency"]["limit"].as_u64()
    };
    assert_eq!(limit(&sidecar), Some(20));

    file.rewrite("[concurrency]\nmax = 12\n[retry]\nbase = \"1s\"");
    sidecar.hang_up();
    assert_eq!(sidecar.line("reloaded: changed "), "concurrency.max");
    assert_eq!(sidecar.line("only after a restart: "), "retry.base");
    assert_eq!(limit(&sidecar), Some(12));

    // What is wrong changes nothing, and it goes on.
    file.rewrite("[concurrency]\nmax = 0");
    sidecar.hang_up();
    file.rewrite("[concurrency]\nmax = 11\n[retry]\nbase = \"50ms\"");
    // The signal may have come together with the one before: then it was the better file that was read.
    sidecar.hang_up();
    assert_eq!(sidecar.line("reloaded: changed "), "concurrency.max");
    sidecar.terminate();
    let (exit, _) = sidecar.end();
    assert!(exit.success());
}

#[test]
fn a_configuration_that_is_wrong_ends_with_2_and_says_everything() {
    let file = Own::new("wrong.toml", "[deadlin]\nwithin = \"5s\"\n[hedge]\npercent = 500");
    for command in ["serve", "check"] {
        let (code, said, complained) = run(&[command, "--config", file.path(), "--simulate", "1"]);
        assert_eq!((code, said.as_str()), (2, ""), "{command}: {complained}");
        for words in ["2 problems", "did you mean `deadline`?", "hedge.percent = 500", file.path()]
        {
            assert!(complained.contains(words), "no {words:?} in {complained}");
        }
    }
    let (code, _, complained) = run(&["check", "--config", "no/such.toml"]);
    assert!(code == 2 && complained.contains("no/such.toml"), "{code} {complained}");
    let (code, _, complained) = run(&["check"]);
    assert!(code == 2 && complained.contains("TWILIO_ACCOUNT_SID"), "{code} {complained}");
    // Two deployments, of which one can't be what both say.
    let (code, _, complained) =
        run(&["check", "--config", &sample("batch"), "--deadline", "1s", "--simulate", "1"]);
    assert!(code == 2 && complained.contains("no attempt would ever time out"), "{complained}");
}

#[test]
fn a_configuration_that_is_right_is_said_to_be() {
    let (code, said, complained) = run(&["check", "--config", &sample("batch"), "--simulate", "1"]);
    assert_eq!(code, 0, "{complained}");
    assert!(said.contains("stack: call_span, deadline, retry, breaker, rate_limit"), "{said}");
    let (code, schema, _) = run(&["schema"]);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(code, 0);
    assert!(schema["properties"]["rate_limit"].is_object());
    assert!(Path::new(&sample("batch")).exists());
}
