//! What comes back, and what the tool makes of it.

use serde_json::{Value, json as value};

use crate::server::{Act, answer, json};
use crate::{SERVICE, SESSION, TOKEN, run_against, sessions, sessions_with};

#[test]
fn a_session_keeps_its_nulls_and_the_fields_nobody_knows() {
    let body = format!(
        r#"{{"sid": "{SESSION}", "unique_name": null, "status": "brand-new", "ttl": 60, "date_created": "2015-07-30T20:00:00Z", "novelty": [1]}}"#
    );
    let (run, _) = run_against([json("200 OK", &body)], &["fetch", SERVICE, SESSION]);
    let session = run.output();
    assert_eq!(session["sid"], SESSION);
    assert_eq!(session["unique_name"], Value::Null);
    assert_eq!(session["date_ended"], Value::Null);
    assert_eq!(session["status"], "brand-new");
    assert_eq!(session["ttl"], 60);
    assert_eq!(session["date_created"], "2015-07-30T20:00:00Z");
    assert_eq!(session["novelty"], value!([1]));
}

#[test]
fn a_refusal_says_all_that_is_known() {
    let body = r#"{"code": 20404, "message": "not found", "status": 404}"#;
    let refusal = answer("404 Not Found", "Twilio-Request-Id: RQ1\r\n", body);
    let (run, _) = run_against([refusal], &["fetch", SERVICE, SESSION]);
    assert_eq!(
        run.failure(),
        value!({
            "kind": "refused", "message": "not found", "effect": "none", "attempts": 1,
            "code": 20404, "status": 404, "request_id": "RQ1", "retry_after_ms": null,
        })
    );
}

#[test]
fn an_unnamed_create_whose_answer_is_lost_is_sent_once_and_its_effect_is_unknown() {
    let (run, server) = run_against([Act::Hang, json("201 Created", "{}")], &["create", SERVICE]);
    let failure = run.failure();
    assert_eq!(
        (&failure["kind"], &failure["effect"]),
        (&value!("interrupted"), &value!("unknown"))
    );
    assert_eq!((&failure["attempts"], &failure["status"]), (&value!(1), &Value::Null));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_named_create_whose_answer_is_lost_is_found_again() {
    let now = httpdate::fmt_http_date(std::time::SystemTime::now());
    let created = jiff::Timestamp::now();
    let session = format!(
        r#"{{"sid": "{SESSION}", "unique_name": "order-1", "date_created": "{created:.0}"}}"#
    );
    let taken = answer("400 Bad Request", &format!("date: {now}\r\n"), r#"{"code": 80603}"#);
    let script = [Act::Hang, taken, json("200 OK", &session)];
    let (run, server) = run_against(script, &["create", SERVICE, "--unique-name", "order-1"]);
    assert_eq!(run.output()["sid"], SESSION);
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0], requests[1], "the replay is the same request, byte for byte");
    assert!(requests[2].starts_with(&format!("GET /v1/Services/{SERVICE}/Sessions/order-1 ")));
}

#[test]
fn a_throttle_is_waited_out_and_reported_when_it_asks_too_much() {
    let throttle = answer("429 Too Many Requests", "retry-after: 0\r\n", r#"{"code": 80621}"#);
    let fine = json("201 Created", "{}");
    let (run, server) = run_against([throttle, fine], &["create", SERVICE, "--deadline", "20000"]);
    assert_eq!(run.code, 0, "even an unnamed create: a throttled one has done nothing");
    assert_eq!(server.requests().len(), 2);

    let throttle = answer("429 Too Many Requests", "retry-after: 3600\r\n", r#"{"code": 80621}"#);
    let (run, _) = run_against([throttle], &["create", SERVICE]);
    let failure = run.failure();
    assert_eq!((&failure["kind"], &failure["effect"]), (&value!("throttled"), &value!("none")));
    assert_eq!(
        (&failure["code"], &failure["retry_after_ms"]),
        (&value!(80621), &value!(3_600_000))
    );
}

#[test]
fn a_gateway_in_between_answers_in_html() {
    let html =
        || answer("502 Bad Gateway", "content-type: text/html\r\n", "<html>Bad gateway</html>");
    let (run, server) =
        run_against([html(), html()], &["fetch", SERVICE, SESSION, "--max-attempts", "2"]);
    let failure = run.failure();
    assert_eq!((&failure["kind"], &failure["effect"]), (&value!("server"), &value!("unknown")));
    assert_eq!((&failure["attempts"], &failure["status"]), (&value!(2), &value!(502)));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_created_answer_that_makes_no_sense_is_applied() {
    let (run, server) = run_against([json("201 Created", "<html>")], &["create", SERVICE]);
    let failure = run.failure();
    assert_eq!((&failure["kind"], &failure["effect"]), (&value!("decode"), &value!("applied")));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn nobody_there_is_effect_none() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let run = sessions(&["create", SERVICE, "--base-url", &url, "--max-attempts", "2"]);
    let failure = run.failure();
    assert_eq!((&failure["kind"], &failure["effect"]), (&value!("connect"), &value!("none")));
    assert_eq!(failure["attempts"], 2);
}

#[test]
fn a_deadline_ends_a_call_that_gets_no_answer() {
    // Accepts, and never answers: the kernel takes the connection, nobody reads it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let run = sessions(&["create", SERVICE, "--base-url", &url, "--deadline", "200"]);
    let failure = run.failure();
    assert_eq!((&failure["kind"], &failure["effect"]), (&value!("deadline"), &value!("unknown")));
}

#[test]
fn values_that_parse_but_are_not_valid_are_exit_1_and_nothing_is_sent() {
    let long = "x".repeat(192);
    let cases: [&[&str]; 12] = [
        &["fetch", "KS12", SESSION],
        &["fetch", SERVICE, ".."],
        &["fetch", SERVICE, ""],
        &["delete", SERVICE, "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
        &["list", SERVICE, "--page-size", "1001"],
        &["list", SERVICE, "--page-size", "-1"],
        &["list", SERVICE, "--limit", "0"],
        &["create", SERVICE, "--ttl", "0"],
        &["create", SERVICE, "--ttl", "-5"],
        &["create", SERVICE, "--unique-name", &long],
        &["create", SERVICE, "--participant", "friendly_name=Ann"],
        &["create", SERVICE, "--participant", "identifier=a,proxy_identifier_sid=PN1"],
    ];
    for args in cases {
        let (run, server) = run_against([], args);
        let failure = run.failure();
        assert_eq!((&failure["kind"], &failure["effect"]), (&value!("encode"), &value!("none")));
        assert_eq!(failure["attempts"], 0);
        assert!(server.requests().is_empty());
    }
}

#[test]
fn command_lines_that_cannot_be_read_are_exit_2() {
    let cases: [&[&str]; 7] = [
        &[],
        &["create"],
        &["create", SERVICE, "--no-such-flag"],
        &["create", SERVICE, "--ttl", "soon"],
        &["create", SERVICE, "--date-expiry", "tomorrow"],
        &["create", SERVICE, "--participant", "nonsense"],
        &["create", SERVICE, "--participant", "{\"Identifier\": 5}"],
    ];
    for args in cases {
        let run = sessions(args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?}");
    }
}

#[test]
fn missing_credentials_are_named_and_present_ones_never_shown() {
    let run = sessions_with(&["fetch", SERVICE, SESSION], &[]);
    let failure = run.failure();
    assert_eq!((&failure["kind"], &failure["effect"]), (&value!("config"), &value!("none")));
    assert!(failure["message"].as_str().unwrap().contains("TWILIO_ACCOUNT_SID"), "{failure}");

    let run = sessions(&["fetch", SERVICE, SESSION, "--base-url", "http://twilio.example"]);
    assert_eq!(run.failure()["kind"], "config", "plain http to another machine");
    assert!(!run.stderr.contains(TOKEN));
}
