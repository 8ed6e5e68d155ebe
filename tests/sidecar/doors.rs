//! Who is let in, what the other port says, and how the process ends that can't begin.

use std::process::Command;

use twilio_proxy::simulator::Simulator;

use crate::sidecar::{Sidecar, binary};
use crate::socket::{ask, get};

fn nowhere(more: &[&str]) -> Sidecar {
    let flags = ["--upstream", "http://127.0.0.1:1", "--max-attempts", "1"];
    Sidecar::start(&[&flags[..], more].concat())
}

#[test]
fn a_name_that_is_not_this_servers_is_misdirected() {
    let sidecar = nowhere(&["--host", "twilio.internal"]);
    for address in [&sidecar.front, &sidecar.admin] {
        for (host, admitted) in [
            ("localhost:4080", true),
            ("LOCALHOST", true),
            ("127.0.0.1:4080", true),
            ("[::1]:4080", true),
            ("10.1.2.3", true),
            ("proxy.twilio.com", true),
            ("proxy.dublin.ie1.twilio.com", true),
            ("twilio.internal:1", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("twilio.com.evil.example", false),
            ("eviltwilio.com", false),
        ] {
            let request =
                format!("GET /v1/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let (status, heard) = ask(address, &request);
            assert_eq!(status != 421, admitted, "{host}: {heard}");
        }
    }
    let front = |request: &str| ask(&sidecar.front, request).0;
    assert_eq!(
        front(
            "GET http://evil.example/v1/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ),
        421
    );
    assert_eq!(
        front("GET /v1/x HTTP/1.1\r\nHost: localhost\r\nHost: a\r\nConnection: close\r\n\r\n"),
        421
    );
    assert_eq!(front("GET /v1/x HTTP/1.1\r\nConnection: close\r\n\r\n"), 400);
}

#[test]
fn a_page_in_a_browser_is_turned_away() {
    let sidecar = nowhere(&[]);
    for header in ["Origin: http://127.0.0.1:4080", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        let request = format!(
            "POST /v1/x HTTP/1.1\r\nHost: localhost\r\n{header}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(ask(&sidecar.front, &request).0, 403, "{header}");
    }
}

#[test]
fn the_other_port_says_how_it_is() {
    let sidecar = nowhere(&[]);
    let admin = |path: &str| get(&sidecar.admin, path);
    assert_eq!(admin("/healthz").0, 200);
    let (status, ready) = admin("/readyz");
    assert!(status == 200 && ready.contains(r#""in_flight":0,"closed":false"#), "{ready}");
    let (status, metrics) = admin("/metrics");
    assert!(status == 200 && metrics.contains("\ngateway_calls_in_flight 0\n"), "{metrics}");
    assert_eq!(admin("/v1/Services").0, 404);
    let post = "POST /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(ask(&sidecar.admin, post).0, 405);
    // And nothing of it is on the port for requests.
    assert_eq!(get(&sidecar.front, "/healthz").0, 502);
}

/// Exit code, and what was said on stderr.
fn fails(arguments: &[&str], credentials: bool) -> (i32, String) {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear();
    if credentials {
        command.env("TWILIO_ACCOUNT_SID", Simulator::ACCOUNT_SID);
        command.env("TWILIO_AUTH_TOKEN", Simulator::AUTH_TOKEN);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!errors.contains(Simulator::AUTH_TOKEN), "{errors}");
    (output.status.code().unwrap(), errors)
}

#[test]
fn a_command_line_that_can_not_be_is_said_to_be_so() {
    for flags in [
        &["--listen", "nowhere"][..],
        &["--drain", "5"],
        &["--drain", "0s"],
        &["--max-connections", "0"],
        &["--max-headers", "100"],
        &["--max-body", "much"],
        &["--max-attempts", "0"],
        &["--simulate", "1", "--upstream", "http://127.0.0.1:1"],
        &["--frobnicate"],
    ] {
        let (code, errors) = fails(&[&["serve"][..], flags].concat(), true);
        assert_eq!(code, 2, "{flags:?}: {errors}");
        assert!(errors.contains(flags[0]) && errors.contains("error:"), "{errors}");
    }
}

#[test]
fn it_starts_on_no_port_that_others_reach_and_without_no_credentials() {
    let free = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    for (more, credentials, reason) in [
        (&["--listen", "0.0.0.0:0"][..], true, "--allow-remote"),
        (&["--admin", "[::]:0"], true, "--allow-remote"),
        (&[], false, "TWILIO_"),
        (&["--upstream", "not a url"], true, "endpoint.base_url"),
    ] {
        // The last of two flags counts.
        let mut arguments: Vec<&str> = free.to_vec();
        if let Some(at) = more.first().and_then(|flag| arguments.iter().position(|one| one == flag))
        {
            arguments.drain(at..at + 2);
        }
        arguments.extend(more);
        let (code, errors) = fails(&arguments, credentials);
        assert!(code == 2 && errors.contains(reason), "{arguments:?}: {code} {errors}");
    }
}
