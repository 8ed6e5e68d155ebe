//! The sample deployments under load, from one binary; and files that are wrong.

use std::path::PathBuf;

use crate::tool::load;

fn sample(name: &str) -> String {
    format!("{}/examples/deployments/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// A file of this test's own, which is gone when the test is.
struct Own(PathBuf);

impl Own {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("load-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn every_sample_deployment_runs_under_load() {
    for name in ["high_throughput", "batch", "regulated"] {
        for way in ["--simulate", "--in-process"] {
            let file = sample(name);
            // Slower than any sample's quota: one of them refuses what would have to wait.
            let pace = ["--rate", "9/s", "--arrivals", "even", "--calls", "12", "--sessions", "2"];
            let flags = ["--config", &file, way, "--faults", "0.1", "--json", "--quiet"];
            let run = load(&[&flags[..], &pace].concat(), &[]);
            assert_eq!(run.code, 0, "{name} {way}: {}", run.stderr);
            let report = run.report();
            assert_eq!(report["sent"], 12, "{name} {way}: {report}");
            assert!(report["ok"].as_u64() >= Some(10), "{name} {way}: {report}");
        }
    }
}

#[test]
fn the_file_is_the_one_that_counts_and_variables_go_before_it() {
    let file = Own::new("once.toml", "stack = [\"auth\", \"attempt_timeout\", \"collect\"]");
    let flags = ["--config", file.path(), "--in-process", "--calls", "40", "--rate", "200/s"];
    let flags = [&flags[..], &["--mix", "list=1", "--faults", "0.5", "--json", "--quiet"]].concat();
    let report = load(&flags, &[]).report();
    assert_eq!(report["attempts"], 40, "no retry in the stack: {report}");
    assert!(report["failed"].as_u64() > Some(5), "{report}");
    let stack = ("TWILIO_PROXY__STACK", "retry,auth,attempt_timeout,collect");
    let report = load(&flags, &[stack]).report();
    assert!(report["attempts"].as_u64() > Some(45), "{report}");
}

#[test]
fn a_file_that_is_wrong_ends_with_2_and_everything_that_is_wrong() {
    let file = Own::new(
        "wrong.toml",
        "stack = [\"auth\", \"retry\", \"collect\"]\n[deadline]\nwithin = \"30\"\n[rety]\nbase = \"1s\"",
    );
    let run = load(&["--config", file.path()], &[("TWILIO_PROXY__HEDGE__PERCENT", "lots")]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    for words in [
        "the configuration has 5 problems",
        "fix: move `retry` before `auth`",
        "fix: give a time with its unit",
        "fix: did you mean `retry`?",
        "(in the variable TWILIO_PROXY__HEDGE__PERCENT)",
        file.path(),
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
    let run = load(&["--config", "no/such.toml"], &[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("no/such.toml"), "{}", run.stderr);
    let run = load(&["--config", file.path(), "--unlimited"], &[]);
    assert_eq!(run.code, 2, "the file has the quota");
}
