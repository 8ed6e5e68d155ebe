//! Lists over pages as servers really cut them, and as hostile ones would.

use serde_json::Value;

use crate::server::{Act, Server, answer, json};
use crate::{SERVICE, run_against, sessions, verdict};

/// A page with sessions of these names; `next` goes into JSON as it is, `null` included.
fn page(names: &[&str], next: &str) -> Act {
    let sessions: Vec<_> =
        names.iter().map(|name| format!(r#"{{"unique_name": "{name}"}}"#)).collect();
    let sessions = sessions.join(",");
    let meta = format!(r#"{{"key": "sessions", "next_page_url": {next}}}"#);
    json("200 OK", &format!(r#"{{"sessions": [{sessions}], "meta": {meta}}}"#))
}

fn next(token: &str) -> String {
    format!(r#""{{base}}/v1/Services/{SERVICE}/Sessions?PageToken={token}""#)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|it| it["unique_name"].as_str().unwrap()).collect()
}

#[test]
fn short_and_empty_pages_are_not_the_end() {
    let script = [page(&["a"], &next("1")), page(&[], &next("2")), page(&["b", "c"], "null")];
    let (run, server) = run_against(script, &["list", SERVICE]);
    assert_eq!(names(&run.output()), ["a", "b", "c"]);
    assert_eq!(server.requests().len(), 3);
    for end in ["null", "\"\""] {
        let (run, _) = run_against([page(&[], end)], &["list", SERVICE]);
        assert_eq!(run.stdout, "[]\n");
    }
}

#[test]
fn a_limit_is_exact_and_fetches_no_page_too_many() {
    for (limit, expected, pages) in [
        ("1", &["a"][..], 1),
        ("2", &["a", "b"], 1),
        ("3", &["a", "b", "c"], 2),
        ("4", &["a", "b", "c", "d"], 2),
        ("9", &["a", "b", "c", "d", "e"], 3),
        // More than any integer holds is more than there are.
        ("99999999999999999999999", &["a", "b", "c", "d", "e"], 3),
    ] {
        let script =
            [page(&["a", "b"], &next("1")), page(&["c", "d"], &next("2")), page(&["e"], "null")];
        let (run, server) = run_against(script, &["list", SERVICE, "--limit", limit]);
        assert_eq!((&names(&run.output())[..], server.requests().len()), (expected, pages));
    }
}

#[test]
fn a_next_page_elsewhere_gets_nothing() {
    let elsewhere = Server::start([page(&["z"], "null")]);
    for url in [
        format!("{}/v1", elsewhere.url()),
        "https://127.0.0.1/v1".to_owned(),
        "http://localhost:1/v1".to_owned(),
        "{base}@evil.example/v1".to_owned(),
        "http://user:word@127.0.0.1/v1".to_owned(),
        "/v1/Services".to_owned(),
        "//evil.example/".to_owned(),
        "ftp://evil.example/".to_owned(),
        "{base}/a b".to_owned(),
        "nonsense".to_owned(),
    ] {
        let (run, server) = run_against([page(&["a"], &format!("\"{url}\""))], &["list", SERVICE]);
        // The server's mistake: no parameter that the user could mend.
        assert_eq!(run.verdict(), verdict("unexpected", "none", 0), "{url}");
        assert_eq!(server.requests().len(), 1);
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_loop_of_pages_ends() {
    let own = format!(r#""{{base}}/v1/Services/{SERVICE}/Sessions""#);
    let pages = [page(&["a"], &own), page(&["a"], &own), page(&["a"], &own)];
    let (run, server) = run_against(pages, &["list", SERVICE]);
    assert_eq!((run.verdict(), server.requests().len()), (verdict("unexpected", "none", 0), 2));

    let pages = [page(&["a"], &next("1")), page(&["b"], &next("2")), page(&["c"], &next("1"))];
    let (run, server) = run_against(pages, &["list", SERVICE]);
    assert_eq!((run.verdict(), server.requests().len()), (verdict("unexpected", "none", 0), 3));
}

/// Every page names another: with a deadline for each of them, this list once went on for ever.
#[test]
fn a_deadline_is_for_the_whole_list() {
    let endless = (0..).map(|number| page(&["a"], &next(&number.to_string())));
    let server = Server::start_lazily(endless);
    let url = server.url();
    let run = sessions(&["list", SERVICE, "--deadline", "300", "--base-url", &url]);
    // Whichever is first: the time is up, or the rate limit sees that it would be.
    assert!(["deadline", "rejected"].contains(&&*run.verdict().0), "{run:?}");
    assert!(server.requests().len() > 1);
}

#[test]
fn what_is_no_page_is_no_empty_page() {
    for body in [
        r#"{"sessions": []}"#,
        r#"{"meta": {"next_page_url": null}}"#,
        r#"{"sessions": null, "meta": {}}"#,
        r#"{"sessions": [null], "meta": {}}"#,
        r#"{"sessions": [], "meta": null}"#,
        r#"{"sessions": [], "meta": {"next_page_url": 5}}"#,
        "[]",
        "",
    ] {
        let (run, _) = run_against([json("200 OK", body)], &["list", SERVICE]);
        assert_eq!(run.verdict(), verdict("decode", "applied", 1), "{body}");
    }
}

#[test]
fn a_page_that_fails_is_tried_again_by_itself_or_fails_the_list() {
    let script = [page(&["a"], &next("1")), answer("503 Later", "", ""), page(&["b"], "null")];
    let (run, server) = run_against(script, &["list", SERVICE]);
    assert_eq!((names(&run.output()), server.requests().len()), (vec!["a", "b"], 3));

    let script = [page(&["a"], &next("1")), json("404 Gone", r#"{"code": 20404}"#)];
    let (run, _) = run_against(script, &["list", SERVICE]);
    assert_eq!(run.verdict(), verdict("refused", "none", 1));
}
