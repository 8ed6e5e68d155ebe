//! Answers that are not the JSON that the API promises, or only just.

use bytes::Bytes;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{Decode, Refused};

use crate::deed::{Deed, Say};
use crate::operations::Op;
use crate::row::{Again, Expect, Row, fails, rows};

const NONSENSE: Expect = fails(&[Decode], Effect::Applied, Again::Never);
const NO: Expect = fails(&[Refused], Effect::None, Again::Never);

/// It acts, and answers with this.
fn answers(says: &'static str, body: impl Into<Vec<u8>>, expect: Expect) -> Row {
    let body = body.into();
    let deed = Deed::acts(move |right| {
        let head = format!("{}content-length: {}\r\n\r\n", right.head(), body.len());
        vec![Say::text(head), Say::Once(Bytes::from(body.clone()))]
    });
    Row::new(says, deed, expect)
}

/// What a deletion is answered with, nobody reads.
fn nonsense(says: &'static str, body: impl Into<Vec<u8>>) -> Row {
    answers(says, body, NONSENSE).but(Op::Delete, Expect::Fine)
}

fn fine(says: &'static str, body: impl Into<Vec<u8>>) -> Row {
    answers(says, body, Expect::Fine)
}

/// It does nothing, and refuses with this.
fn refuses(says: &'static str, body: impl Into<Vec<u8>>) -> Row {
    let body = body.into();
    let deed = Deed::says(move |_| {
        let head = format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\n\r\n", body.len());
        vec![Say::text(head), Say::Once(Bytes::from(body.clone()))]
    });
    Row::new(says, deed, NO)
}

fn nested(depth: usize) -> String {
    format!(r#"{{"more":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
}

const NULLS: &str = r#"{"sid":null,"service_sid":null,"account_sid":null,"date_started":null,
"date_ended":null,"date_last_interaction":null,"date_expiry":null,"unique_name":null,"status":null,
"closed_reason":null,"ttl":null,"mode":null,"date_created":null,"date_updated":null,"url":null,
"links":null,"more":null}"#;

rows! {
    html => nonsense("HTML", "<html><body>Sign in to the hotel's network</body></html>"),
    null => nonsense("`null`", "null"),
    an_array => nonsense("An array", "[]"),
    a_number => nonsense("A number", "17"),
    a_text => nonsense("A text", r#""KC""#),
    two_objects => nonsense("Two objects", "{}{}"),
    half_an_object => nonsense("Half an object", r#"{"sid":"#),
    utf_16 => nonsense("UTF-16", b"\xff\xfe{\0}\0".to_vec()),
    invalid_utf_8 => nonsense("Invalid UTF-8", b"{\"unique_name\":\"\xc3\x28\"}".to_vec()),
    invalid_utf_8_elsewhere => nonsense(
        "Invalid UTF-8 in a field without a name here",
        b"{\"more\":\"\xff\"}".to_vec(),
    ),
    half_a_surrogate => nonsense("Half a surrogate", r#"{"unique_name":"\ud800"}"#),
    no_json_number => nonsense("`NaN`", r#"{"ttl":NaN}"#),
    sid_of_another_kind => nonsense("A SID of another kind", r#"{"sid":"AC00000000000000000000000000000001"}"#),
    sid_of_no_kind => nonsense("A SID that is a number", r#"{"sid":5}"#),
    ttl_negative => nonsense("A TTL below nothing", r#"{"ttl":-1}"#),
    ttl_fractional => nonsense("A TTL of one and a half", r#"{"ttl":1.5}"#),
    ttl_too_large => nonsense("A TTL that no number holds", r#"{"ttl":99999999999999999999999}"#),
    ttl_beyond_float => nonsense("A TTL beyond all numbers", r#"{"ttl":1e999}"#),
    date_in_words => nonsense("A date in words", r#"{"date_created":"yesterday"}"#),
    date_impossible => nonsense("A date that is none", r#"{"date_created":"2026-02-30T00:00:00Z"}"#),
    date_far => nonsense("A date in the year 99999", r#"{"date_created":"99999-01-01T00:00:00Z"}"#),
    nested_deep => nonsense("Nested ten thousand deep", nested(10_000)),
    nested_deep_in_a_field => nonsense(
        "Nested ten thousand deep in a field with a name",
        format!(r#"{{"links":{}}}"#, r#"{"a":"#.repeat(10_000)),
    ),
    nested_a_little => fine("Nested a hundred deep", nested(100)),
    nothing => fine("An empty object", "{}"),
    nulls => fine("`null` in every field", NULLS),
    byte_order_mark => fine("A byte order mark first", "\u{feff}{}"),
    unknown_enumerations => fine(
        "Enumerations unheard of",
        r#"{"status":"on-fire","mode":"smoke-signals","closed_reason":"boredom"}"#,
    ),
    key_twice => fine("A key twice", r#"{"ttl":1,"ttl":2,"more":1,"more":2}"#),
    key_twice_wrong_first => nonsense("A key twice, wrong first", r#"{"ttl":"x","ttl":2}"#),
    nul_in_a_text => fine("NUL in a text", r#"{"unique_name":"a\u0000b"}"#),
    many_fields => fine(
        "Four thousand fields",
        format!("{{{}\"z\":0}}", (0..4000).map(|n| format!("\"f{n}\":0,")).collect::<String>()),
    ),
    refusal_nested_deep => refuses("400, nested ten thousand deep", nested(10_000)),
    refusal_with_odd_code => refuses("400 with a code below nothing", r#"{"code":-1}"#),
    refusal_with_huge_code => refuses("400 with a code beyond all numbers", r#"{"code":1e999}"#),
    refusal_in_invalid_utf_8 => refuses("400 in invalid UTF-8", b"\xff\xfe\xfd".to_vec()),
    refusal_of_the_name => refuses("400, the name is taken, which is a lie", r#"{"code":80603}"#),
    refusal_of_the_change => refuses("400, it has changed, which is a lie", r#"{"code":80607}"#),
}
