//! The `soak` example, as a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Built with the tests, and beside them.
fn tool() -> PathBuf {
    let mut folder = std::env::current_exe().expect("the path of this test");
    folder.pop();
    folder.pop();
    folder.join("examples").join(format!("soak{}", std::env::consts::EXE_SUFFIX))
}

fn soak(args: &[&str]) -> Run {
    let tool = tool();
    assert!(tool.exists(), "{} is built first: cargo build --examples", tool.display());
    let output = Command::new(tool).args(args).stdin(Stdio::null()).output().expect("it starts");
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_short_one_keeps_every_promise_and_says_so() {
    let run = soak(&["--calls", "1500", "--callers", "32", "--seed", "11", "--quiet"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    for said in ["create", "delete", "given up", "reset_after", "descriptors", "at a fifth"] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(last, "every call accounted for, every promise kept (seed 11)");
}

/// Creates without a name that are tried again are done twice. A soak that went well all the same would see nothing.
#[test]
fn a_promise_that_is_broken_ends_it_with_its_seed() {
    let run = soak(&["--calls", "20000", "--callers", "32", "--seed", "5", "--replay", "--quiet"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{}", run.stdout);
    assert!(run.stdout.contains(": created twice\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("promises broken: again with --seed 5\n"), "{}", run.stdout);
    // It stops at the first stretch that went wrong.
    assert!(run.stdout.contains("servers"), "{}", run.stdout);
}

#[test]
fn what_can_t_be_is_said() {
    for wrong in [&["--calls", "0"][..], &["--seed", "x"], &["--callers", "0"], &["--what"]] {
        let run = soak(wrong);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{wrong:?}");
        assert!(run.stderr.contains("error:"), "{}", run.stderr);
    }
}
