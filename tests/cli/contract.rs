//! What the tool promises whatever happens: its exit codes, its two streams, its help.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::server::{Server, json};
use crate::{ACCOUNT, SERVICE, SESSION, TOKEN, run_against, sessions, tool, verdict};

#[test]
fn numbers_out_of_range_are_values_and_not_bad_usage() {
    let huge = "99999999999999999999999";
    for (flag, value) in
        [("--ttl", huge), ("--ttl", "-99999999999999999999999"), ("--ttl", "2147483647")]
    {
        let (run, server) = run_against([], &["create", SERVICE, flag, value]);
        assert_eq!(run.verdict(), verdict("encode", "none", 0), "{flag} {value}");
        assert!(run.message().starts_with("Ttl: must be "), "{}", run.message());
        assert!(server.requests().is_empty());
    }
    for value in [huge, "0", "-1", "1001", "4294967297"] {
        let (run, _) = run_against([], &["list", SERVICE, "--page-size", value]);
        assert_eq!(run.message(), "PageSize: must be from 1 to 1000");
    }
    for value in ["0", "-1"] {
        let (run, _) = run_against([], &["list", SERVICE, "--limit", value]);
        assert_eq!(run.message(), "Limit: must be at least 1");
    }
}

#[test]
fn settings_that_cannot_be_are_exit_1_too() {
    for (flag, value) in [
        ("--max-attempts", "0"),
        ("--max-attempts", "-1"),
        ("--deadline", "-1"),
        ("--ca-file", "no/such/file"),
        ("--ca-file", "."),
        ("--region", "a b"),
        ("--edge", "evil.example/"),
    ] {
        let (run, server) = run_against([], &["fetch", SERVICE, SESSION, flag, value]);
        assert_eq!(run.verdict(), verdict("config", "none", 0), "{flag} {value}");
        assert!(server.requests().is_empty());
    }
    let (run, _) = run_against(
        [json("200 OK", "{}")],
        &[
            "fetch",
            SERVICE,
            SESSION,
            "--max-attempts",
            "99999999999",
            "--deadline",
            "99999999999999999999",
        ],
    );
    assert_eq!(run.code, 0, "as often and as long as it takes: {run:?}");
}

#[test]
fn a_participant_that_may_be_mistyped_is_not_guessed_at() {
    for participant in [
        // Each of these was once sent, with what follows the comma as part of the identifier.
        "identifier=a,friendlyname=Ann",
        "identifier=a,FriendlyName=Ann",
        "identifier=a,bogus=1",
        "identifier=a,identifier=b",
        "Identifier=a",
        "",
        "nonsense",
        "{\"Identifier\": \"a\", \"Bogus\": 1}",
        "{\"Identifier\": \"a\", \"Identifier\": \"b\"}",
        "{\"Identifier\": \"a\"} {}",
        "{\"Identifier\": null}",
    ] {
        let run = sessions(&["create", SERVICE, "--participant", participant]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{participant}");
    }
}

#[test]
fn a_participant_s_values_may_hold_commas_and_equals_signs() {
    for (participant, sent) in [
        ("identifier=a, friendly_name=b", r#"{"Identifier":"a","FriendlyName":"b"}"#),
        (
            "friendly_name=Doe, John,identifier=a",
            r#"{"Identifier":"a","FriendlyName":"Doe, John"}"#,
        ),
        ("identifier=a=b,c d=e", r#"{"Identifier":"a=b,c d=e"}"#),
        (
            r#" {"Identifier": "a,friendly_name=\u00e9\"\\\n"}"#,
            r#"{"Identifier":"a,friendly_name=é\"\\\n"}"#,
        ),
        (r#"{"Identifier": "a", "FriendlyName": null}"#, r#"{"Identifier":"a"}"#),
    ] {
        let script = [json("201 Created", "{}")];
        let (run, server) = run_against(script, &["create", SERVICE, "--participant", participant]);
        assert_eq!(run.code, 0, "{run:?}");
        let request = &server.requests()[0];
        let (_, body) = request.split_once("\r\n\r\nParticipants=").unwrap();
        let body = percent_encoding::percent_decode_str(body).decode_utf8().unwrap();
        assert_eq!(body, sent);
    }
}

#[test]
fn names_that_begin_with_a_hyphen_are_names() {
    for key in ["-name", "--help", "-"] {
        let server = Server::start([json("200 OK", "{}")]);
        let run = sessions(&["--base-url", &server.url(), "fetch", SERVICE, "--", key]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(server.requests()[0].contains(&format!("/Sessions/{key} ")));
    }
    let args = ["create", SERVICE, "--unique-name=-name"];
    let (_, server) = run_against([json("201 Created", "{}")], &args);
    assert!(server.requests()[0].ends_with("\r\n\r\nUniqueName=-name"));
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text_are_bad_usage() {
    use std::os::unix::ffi::OsStrExt;
    let output = Command::new(tool())
        .args(["fetch", SERVICE])
        .arg(std::ffi::OsStr::from_bytes(b"\xff"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// A reader that goes away early (`sessions list … | head -1`) ends the tool, and quietly.
#[test]
fn a_closed_stdout_is_no_panic() {
    let server = Server::start([json("200 OK", "{}")]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run_into(Stdio::from(writer), &server);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
}

/// The session exists and its SID is lost: that must not look like nothing.
#[cfg(target_os = "linux")]
#[test]
fn an_outcome_that_cannot_be_printed_is_said_to_be_applied() {
    let server = Server::start([json("201 Created", "{}")]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = run_into(full.into(), &server);
    assert_eq!(output.status.code(), Some(1));
    let failure: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((&failure["kind"], &failure["effect"]), (&"other".into(), &"applied".into()));
}

fn run_into(stdout: Stdio, server: &Server) -> std::process::Output {
    Command::new(tool())
        .args(["create", SERVICE, "--base-url", &server.url()])
        .env_clear()
        .envs([("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", TOKEN)])
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
}

#[test]
fn help_and_version_are_on_stdout() {
    for args in [&["--help"][..], &["-h"], &["--version"], &["create", "--help"], &["help", "list"]]
    {
        let run = sessions(args);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args:?}");
    }
    let help = sessions(&["--help"]).stdout;
    assert!(help.contains("Exit codes") && help.contains("TWILIO_API_KEY"), "{help}");
}
