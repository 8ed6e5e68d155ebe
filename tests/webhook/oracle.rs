//! Twilio's own library for Python, asked about the same callbacks.
//!
//! Where `ORACLE_PYTHON` names a Python that has it; `.ci/run` sees to that.

use std::env;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use twilio_proxy::webhook::{AuthToken, sign};

use crate::cases::{Case, Content, cases};
use crate::naive::{is_accepted, prepared};

/// As `.ci/lib.sh` pins it.
const VERSION: &str = "9.11.0";

fn python() -> Option<String> {
    let python = env::var("ORACLE_PYTHON").ok().filter(|python| !python.is_empty());
    if python.is_none() {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "ORACLE_PYTHON names no Python");
        println!("skipped: comparison with Twilio's own library (ORACLE_PYTHON names no Python)");
    }
    python
}

/// Asks all at once: one process, one line a question.
fn ask(python: &str, questions: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python)
        .args(["-X", "utf8", "-c", include_str!("oracle.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ORACLE_PYTHON starts");
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
    // From a thread, for both pipes may be full at once.
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().expect("it reads to the end");
    assert!(output.status.success(), "ORACLE_PYTHON has no `twilio`, or it failed");
    let answers = String::from_utf8(output.stdout).unwrap();
    let mut answers = answers.lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(answers.next(), Some(json!(VERSION)));
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.len(), questions.len());
    answers
}

fn question(case: &Case, url: &str, signature: Option<&str>) -> Value {
    let (pairs, body) = match &case.content {
        Content::Form(pairs) => (json!(pairs), Value::Null),
        Content::Hashed(body) => (Value::Null, json!(body)),
    };
    json!({"token": case.token, "url": url, "pairs": pairs, "body": body, "signature": signature})
}

/// The same case with one byte of it changed, in each place that there is.
fn altered(case: &Case) -> Vec<Case> {
    let flip = |text: &str| match text.char_indices().last() {
        Some((at, last)) => format!("{}{}", &text[..at], if last == 'x' { 'y' } else { 'x' }),
        None => "x".to_owned(),
    };
    let mut all = vec![
        Case { token: flip(&case.token), ..case.clone() },
        Case { url: case.url.replacen("://", "://x", 1), ..case.clone() },
    ];
    match &case.content {
        Content::Hashed(body) => {
            all.push(Case { content: Content::Hashed(flip(body)), ..case.clone() });
        }
        Content::Form(pairs) => all.extend((0..pairs.len()).flat_map(|at| {
            let with = |pair: (String, String)| {
                let mut pairs = pairs.clone();
                pairs[at] = pair;
                Case { content: Content::Form(pairs), ..case.clone() }
            };
            let (key, value) = &pairs[at];
            [with((key.clone(), flip(value))), with((flip(key), value.clone()))]
        })),
    }
    all
}

/// What is signed, as one text: two cases with the same one have the same signature, rightly.
fn signed_text(case: &Case) -> String {
    let mut pairs = match &case.content {
        Content::Form(pairs) => pairs.clone(),
        Content::Hashed(body) => vec![(body.clone(), String::new())],
    };
    pairs.sort();
    pairs.dedup();
    pairs.into_iter().fold(format!("{}|{}", case.token, case.url), |all, (k, v)| all + &k + &v)
}

#[test]
fn twilios_own_library_agrees() {
    let Some(python) = python() else { return };
    let cases: Vec<(Case, Vec<(String, String)>)> = cases(400).into_iter().map(prepared).collect();
    let ours: Vec<String> = cases
        .iter()
        .map(|(case, parameters)| {
            let token = AuthToken::new(case.token.as_str()).unwrap();
            sign(&token, &case.url, parameters.clone()).to_string()
        })
        .collect();

    // Their signatures are ours, and we accept them, with the port or without.
    let mut questions = Vec::new();
    for (case, _) in &cases {
        questions.push(question(case, &case.url, None));
        questions.push(question(case, &case.other_port(), None));
    }
    let theirs = ask(&python, &questions);
    for (((case, _), ours), theirs) in cases.iter().zip(&ours).zip(theirs.chunks(2)) {
        assert_eq!(theirs[0], ours[..], "{case:?}");
        for theirs in theirs {
            assert!(is_accepted(case, theirs.as_str().unwrap()), "{case:?} {theirs}");
        }
    }

    // Ours are accepted by them, and what differs by a byte by neither.
    let mut questions = Vec::new();
    let mut expected = Vec::new();
    for ((case, _), ours) in cases.iter().zip(&ours) {
        questions.push(question(case, &case.url, Some(ours)));
        expected.push(true);
        // A server that sees the URL without its port, or with: it finds it out, unless that is a
        // port which nobody could guess.
        let seen = Case { url: case.other_port(), ..case.clone() };
        questions.push(question(&seen, &seen.url, Some(ours)));
        expected.push(is_accepted(&seen, ours));
        for altered in altered(case) {
            let same = signed_text(&altered) == signed_text(case);
            assert_eq!(is_accepted(&altered, ours), same, "{case:?} {altered:?}");
            questions.push(question(&altered, &altered.url, Some(ours)));
            expected.push(same);
        }
        let bad = format!("{}{}", if ours.starts_with('A') { 'B' } else { 'A' }, &ours[1..]);
        assert!(!is_accepted(case, &bad), "{case:?}");
        questions.push(question(case, &case.url, Some(&bad)));
        expected.push(false);
    }
    let answers = ask(&python, &questions);
    for ((question, answer), expected) in questions.iter().zip(answers).zip(expected) {
        assert_eq!(answer, expected, "{question}");
    }
}
