//! Where requests go, and with which credentials.

use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use crate::server::{Server, json, read};
use crate::tls::Authority;
use crate::{ACCOUNT, SERVICE, SESSION, TOKEN, run_against, sessions, sessions_with, verdict};

const KEY: (&str, &str) = ("TWILIO_API_KEY", "SKdddddddddddddddddddddddddddddddd");
const SECRET: (&str, &str) = ("TWILIO_API_SECRET", TOKEN);
const SID: (&str, &str) = ("TWILIO_ACCOUNT_SID", ACCOUNT);
const AUTH: (&str, &str) = ("TWILIO_AUTH_TOKEN", TOKEN);

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_base_url_s_path_comes_first() {
    for (suffix, prefix) in [
        ("", ""),
        ("/", ""),
        ("/mock", "/mock"),
        ("/mock/api/", "/mock/api"),
        ("/a%20b/", "/a%20b"),
    ] {
        let server = Server::start([json("200 OK", "{}")]);
        let url = format!("{}{suffix}", server.url());
        assert_eq!(sessions(&["fetch", SERVICE, SESSION, "--base-url", &url]).code, 0);
        let line = format!("GET {prefix}/v1/Services/{SERVICE}/Sessions/{SESSION} HTTP/1.1\r\n");
        assert!(server.requests()[0].starts_with(&line), "{:?}", server.requests());
    }
}

#[test]
fn this_machine_has_several_names() {
    // A machine without IPv6 has one fewer.
    let mut addresses = vec![("127.0.0.1:0", "127.0.0.1"), ("127.0.0.1:0", "localhost")];
    if TcpListener::bind("[::1]:0").is_ok() {
        addresses.push(("[::1]:0", "[::1]"));
    }
    for (address, name) in addresses {
        let server = Server::listen(address, [json("200 OK", "{}")]);
        let host = format!("{name}:{}", server.port());
        let url = format!("http://{host}");
        let environment =
            [SID, AUTH, ("HTTP_PROXY", "http://127.0.0.1:1"), ("all_proxy", "http://127.0.0.1:1")];
        // Not by way of the proxy either: it could only reach a machine of its own by that name.
        let run = sessions_with(&["fetch", SERVICE, SESSION, "--base-url", &url], &environment);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(header(&server.requests()[0], "host"), Some(&*host));
    }
}

#[test]
fn what_is_no_base_url_is_config() {
    for url in [
        "",
        "nonsense",
        "127.0.0.1:80",
        "ftp://127.0.0.1",
        "http://",
        "https://",
        "http:/x",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://[::1",
        "http://me:hunter2@127.0.0.1:1",
        "http://127.0.0.1:1?x=1",
        "http://a b",
        "http://1.1.1.1",
    ] {
        let run = sessions(&["create", SERVICE, "--base-url", url]);
        let (kind, effect, _) = run.verdict();
        assert_eq!((kind.as_str(), effect.as_str()), ("config", "none"), "{url}");
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
    }
}

/// Runs the tool by way of an HTTP proxy that answers by itself: what CONNECT names, and the host
/// that the request names.
fn by_proxy(args: &[&str], environment: &[(&str, &str)]) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://user:{TOKEN}@{}", listener.local_addr().unwrap());
    let (sender, seen) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let connect = read(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let request = read(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        sender.send((connect, request)).unwrap();
    });
    let mut environment = environment.to_vec();
    environment.extend([SID, AUTH, ("HTTP_PROXY", &proxy)]);
    // A way to a tunnel may need certificates to trust, and a bare machine has none.
    let authority = Authority::new("by-proxy");
    let trust = ["--plain-http", "--ca-file", authority.file.to_str().unwrap()];
    let args = [&["fetch", SERVICE, SESSION], &trust[..], args].concat();
    let run = sessions_with(&args, &environment);
    assert_eq!(run.code, 0, "{run:?}");
    let (connect, request) = seen.recv().unwrap();
    // Each is told its own credentials and not the other's.
    assert!(header(&connect, "Proxy-Authorization").is_some(), "{connect}");
    assert!(
        !connect.contains("\r\nauthorization") && !request.to_lowercase().contains("proxy-auth")
    );
    let connect = connect.lines().next().unwrap().to_owned();
    (connect, header(&request, "host").unwrap().to_owned())
}

#[test]
fn region_and_edge_are_part_of_the_host() {
    const ENVIRONMENT: [(&str, &str); 2] = [("TWILIO_REGION", "ie1"), ("TWILIO_EDGE", "dublin")];
    let twilio = ["--base-url", "http://proxy.twilio.com"];
    let sydney = ["--base-url", "http://proxy.sydney.au1.twilio.com"];
    for (url, args, environment, host) in [
        (twilio, &[][..], &[][..], "proxy.twilio.com"),
        (twilio, &["--region", "ie1"], &[], "proxy.ie1.twilio.com"),
        (twilio, &["--edge", "dublin"], &[], "proxy.dublin.us1.twilio.com"),
        (twilio, &["--edge", "dublin", "--region", "ie1"], &[], "proxy.dublin.ie1.twilio.com"),
        (twilio, &[], &ENVIRONMENT, "proxy.dublin.ie1.twilio.com"),
        (twilio, &["--region", "au1"], &ENVIRONMENT, "proxy.dublin.au1.twilio.com"),
        (twilio, &[], &[("TWILIO_REGION", ""), ("TWILIO_EDGE", "")], "proxy.twilio.com"),
        (sydney, &[], &[], "proxy.sydney.au1.twilio.com"),
        (sydney, &["--region", "ie1"], &[], "proxy.sydney.ie1.twilio.com"),
    ] {
        let (connect, named) = by_proxy(&[&url[..], args].concat(), environment);
        assert_eq!(connect, format!("CONNECT {host}:80 HTTP/1.1"));
        assert_eq!(named, host);
    }
}

#[cfg(unix)]
#[test]
fn a_region_that_is_no_text_is_not_taken_for_none() {
    use std::os::unix::ffi::OsStrExt;
    let output = std::process::Command::new(crate::tool())
        .args(["fetch", SERVICE, SESSION, "--base-url", "http://127.0.0.1:1"])
        .env_clear()
        .envs([SID, AUTH])
        .env("TWILIO_REGION", std::ffi::OsStr::from_bytes(b"ie1\xff"))
        .output()
        .unwrap();
    let failure: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(failure["kind"], "config");
}

#[test]
fn proxies_that_cannot_be_used_are_said_so_without_their_password() {
    for proxy in ["ftp://user:hunter2@x", "socks5://user:hunter2@127.0.0.1:1"] {
        let args = ["fetch", SERVICE, SESSION, "--plain-http", "--base-url", "http://proxy.test"];
        let run = sessions_with(&args, &[SID, AUTH, ("HTTP_PROXY", proxy)]);
        assert_eq!(run.verdict().0, "config");
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
    }
}

#[test]
fn an_api_key_goes_before_the_account_s_own_token() {
    use base64::Engine;
    for (environment, user) in [
        (&[SID, AUTH][..], ACCOUNT),
        (&[KEY, SECRET], KEY.1),
        (&[KEY, SECRET, SID, AUTH], KEY.1),
        (&[SID, AUTH, ("TWILIO_API_KEY", ""), ("TWILIO_API_SECRET", "")], ACCOUNT),
    ] {
        let server = Server::start([json("200 OK", "{}")]);
        let args = ["fetch", SERVICE, SESSION, "--base-url", &server.url()];
        assert_eq!(sessions_with(&args, environment).code, 0);
        let expected = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{TOKEN}"));
        let requests = server.requests();
        assert_eq!(header(&requests[0], "authorization"), Some(&*format!("Basic {expected}")));
    }
}

#[test]
fn credentials_that_are_half_there_or_malformed_are_named_and_not_shown() {
    for (environment, named) in [
        (&[][..], "TWILIO_ACCOUNT_SID"),
        (&[SID], "TWILIO_AUTH_TOKEN"),
        (&[AUTH], "TWILIO_ACCOUNT_SID"),
        (&[KEY], "TWILIO_API_SECRET"),
        (&[SECRET], "TWILIO_API_KEY"),
        // Half a key is a mistake, and no reason to use something else.
        (&[KEY, SID, AUTH], "TWILIO_API_SECRET"),
        (&[("TWILIO_ACCOUNT_SID", TOKEN), AUTH], "TWILIO_ACCOUNT_SID"),
        (&[("TWILIO_ACCOUNT_SID", KEY.1), AUTH], "TWILIO_ACCOUNT_SID"),
        (&[SID, ("TWILIO_AUTH_TOKEN", "not-a-secret\n")], "TWILIO_AUTH_TOKEN"),
        (&[SID, ("TWILIO_AUTH_TOKEN", "")], "TWILIO_AUTH_TOKEN"),
    ] {
        let run = sessions_with(&["fetch", SERVICE, SESSION], environment);
        assert_eq!(run.verdict(), verdict("config", "none", 0), "{environment:?}");
        assert!(run.message().contains(named), "{}", run.message());
    }
}

/// Pages come over one connection where the server lets them.
#[test]
fn a_connection_is_used_again_and_its_loss_in_between_is_no_failure() {
    for closes in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let base = url.clone();
        let (sender, connections) = mpsc::channel();
        thread::spawn(move || {
            let mut page = 0;
            while page < 4 {
                let (mut stream, _) = listener.accept().unwrap();
                sender.send(()).unwrap();
                while page < 4 {
                    if read(&mut stream).is_empty() {
                        break;
                    }
                    page += 1;
                    let next = if page < 4 { format!("\"{base}/{page}\"") } else { "null".into() };
                    let body =
                        format!(r#"{{"sessions": [{{}}], "meta": {{"next_page_url": {next}}}}}"#);
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all((head + &body).as_bytes()).unwrap();
                    if closes {
                        break;
                    }
                }
            }
        });
        let run = sessions(&["list", SERVICE, "--base-url", &url]);
        assert_eq!(run.output().as_array().unwrap().len(), 4);
        let opened = connections.iter().count();
        assert_eq!(opened, if closes { 4 } else { 1 });
    }
}

#[test]
fn a_next_page_keeps_to_the_base_url() {
    let page = r#"{"sessions": [], "meta": {"next_page_url": "{base}/mock/v1/next?x=%20"}}"#;
    let last = r#"{"sessions": [], "meta": {"next_page_url": null}}"#;
    let (run, server) =
        run_against([json("200 OK", page), json("200 OK", last)], &["list", SERVICE]);
    assert_eq!(run.stdout, "[]\n");
    assert!(server.requests()[1].starts_with("GET /mock/v1/next?x=%20 HTTP/1.1\r\n"));
}
