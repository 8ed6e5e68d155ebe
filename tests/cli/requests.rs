//! What goes over the wire, byte for byte.

use crate::server::{Server, answer, json};
use crate::{SERVICE, SESSION, sessions};

const CREATED: &str = r#"{"sid": "KCbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}"#;

/// The one request that a run of the tool sends.
fn sent(status: &str, args: &[&str]) -> (String, Server) {
    let body = if status.starts_with("204") { "" } else { CREATED };
    let server = Server::start([json(status, body)]);
    let url = server.url();
    let args: Vec<&str> = args.iter().copied().chain(["--base-url", &url]).collect();
    let run = sessions(&args);
    assert_eq!(run.code, 0, "{run:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    (requests[0].clone(), server)
}

/// The request line and the body.
fn line_and_body(request: &str) -> (&str, &str) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap(), body)
}

#[test]
fn create_with_every_parameter() {
    let (request, _) = sent(
        "201 Created",
        &[
            "create",
            SERVICE,
            "--unique-name",
            "Order #1234 + 5 & 6",
            "--date-expiry",
            "2030-01-02T03:04:05.678+02:00",
            "--ttl",
            "3600",
            "--mode",
            "voice-and-message",
            "--status",
            "open",
            "--participant",
            "identifier=+15550100,friendly_name=Doe, John,proxy_identifier=+15550101",
            "--participant",
            r#"{"Identifier": "+15550102", "ProxyIdentifierSid": "PN0123456789abcdef0123456789abcdef"}"#,
            "--fail-on-participant-conflict",
        ],
    );
    let (line, body) = line_and_body(&request);
    assert_eq!(line, format!("POST /v1/Services/{SERVICE}/Sessions HTTP/1.1"));
    assert_eq!(
        body,
        "UniqueName=Order%20%231234%20%2B%205%20%26%206\
         &DateExpiry=2030-01-02T01%3A04%3A05Z\
         &Ttl=3600&Mode=voice-and-message&Status=open\
         &Participants=%7B%22Identifier%22%3A%22%2B15550100%22%2C%22FriendlyName%22%3A%22Doe%2C%20John%22%2C%22ProxyIdentifier%22%3A%22%2B15550101%22%7D\
         &Participants=%7B%22Identifier%22%3A%22%2B15550102%22%2C%22ProxyIdentifierSid%22%3A%22PN0123456789abcdef0123456789abcdef%22%7D\
         &FailOnParticipantConflict=true"
    );
}

#[test]
fn create_with_none() {
    let (request, server) = sent("201 Created", &["create", SERVICE]);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "");
    let mut headers: Vec<&str> = head.lines().skip(1).collect();
    headers.sort_unstable();
    let id = headers.iter().find(|line| line.starts_with("x-request-id: ")).unwrap();
    let id = id.trim_start_matches("x-request-id: ");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let agent = headers.iter().find(|line| line.starts_with("user-agent: ")).unwrap();
    assert!(agent.starts_with("user-agent: twilio-proxy/0.1.0 ("), "{agent}");
    assert_eq!(
        headers,
        [
            "accept: application/json",
            "authorization: Basic QUNjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjYzpub3QtYS1zZWNyZXQ=",
            "content-length: 0",
            "content-type: application/x-www-form-urlencoded",
            &format!("host: {}", server.host()),
            agent,
            &format!("x-request-id: {id}"),
        ]
    );
}

#[test]
fn fetch_by_sid_and_by_any_name() {
    for (key, segment) in [
        (SESSION, SESSION),
        ("order-1", "order-1"),
        ("Order #1234", "Order%20%231234"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("../../Services", "..%2F..%2FServices"),
        ("a+b&c=d%20", "a%2Bb%26c%3Dd%2520"),
        ("tab\tnewline\n", "tab%09newline%0A"),
        ("☎ Zoë", "%E2%98%8E%20Zo%C3%AB"),
        ("...", "..."),
    ] {
        let (request, _) = sent("200 OK", &["fetch", SERVICE, key]);
        let (line, body) = line_and_body(&request);
        assert_eq!(line, format!("GET /v1/Services/{SERVICE}/Sessions/{segment} HTTP/1.1"));
        assert_eq!(body, "");
        assert!(!request.contains("content-length") && !request.contains("content-type"));
    }
}

#[test]
fn update_with_every_parameter() {
    let (request, _) = sent(
        "200 OK",
        &[
            "update",
            SERVICE,
            SESSION,
            "--status",
            "closed",
            "--ttl",
            "60",
            "--date-expiry",
            "2030-01-02T03:04:05Z",
            "--fail-on-participant-conflict=false",
        ],
    );
    let (line, body) = line_and_body(&request);
    assert_eq!(line, format!("POST /v1/Services/{SERVICE}/Sessions/{SESSION} HTTP/1.1"));
    assert_eq!(
        body,
        "DateExpiry=2030-01-02T03%3A04%3A05Z&Ttl=60&Status=closed&FailOnParticipantConflict=false"
    );
}

#[test]
fn delete_prints_null() {
    let server = Server::start([answer("204 No Content", "", "")]);
    let run = sessions(&["--base-url", &server.url(), "delete", SERVICE, SESSION]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "null\n"), "{run:?}");
    let requests = server.requests();
    let (line, body) = line_and_body(&requests[0]);
    assert_eq!(line, format!("DELETE /v1/Services/{SERVICE}/Sessions/{SESSION} HTTP/1.1"));
    assert_eq!(body, "");
}

#[test]
fn list_follows_pages_up_to_its_limit() {
    let page = |names: [&str; 2], next: &str| {
        let sessions: Vec<_> = names.map(|name| format!(r#"{{"unique_name": "{name}"}}"#)).into();
        let sessions = sessions.join(",");
        let meta = format!(
            r#"{{"key": "sessions", "page": 0, "page_size": 2, "url": "u", "first_page_url": "f", "previous_page_url": null, "next_page_url": {next}}}"#
        );
        json("200 OK", &format!(r#"{{"sessions": [{sessions}], "meta": {meta}}}"#))
    };
    let next =
        format!(r#""{{base}}/v1/Services/{SERVICE}/Sessions?PageSize=2&Page=1&PageToken=t""#);
    let server = Server::start([page(["a", "b"], &next), page(["c", "d"], &next)]);
    let url = server.url();
    let list = ["list", SERVICE, "--page-size", "2", "--limit", "3", "--base-url", &url];
    let output = sessions(&list).output();
    let names: Vec<_> = output.as_array().unwrap().iter().map(|it| &it["unique_name"]).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(output[0]["sid"], serde_json::Value::Null, "nulls are kept");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let path = format!("/v1/Services/{SERVICE}/Sessions?PageSize=2");
    assert_eq!(line_and_body(&requests[0]).0, format!("GET {path} HTTP/1.1"));
    assert_eq!(line_and_body(&requests[1]).0, format!("GET {path}&Page=1&PageToken=t HTTP/1.1"));
}
