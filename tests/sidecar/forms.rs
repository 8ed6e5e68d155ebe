//! A form that is read and written again says what it said, whatever is in it.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use proptest::prelude::*;
use twilio_proxy::gateway::ForwardLayer;

use crate::world::{SESSIONS, ask, empty, only, over};

fn pairs(form: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

/// What goes out for a form.
async fn forwarded(form: String) -> String {
    let (sent, forward) = over("http://127.0.0.1:1", ForwardLayer::new(), empty);
    let request = Request::post(SESSIONS)
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Full::new(Bytes::from(form)))
        .unwrap();
    ask(&forward, request).await;
    only(&sent).await.1
}

/// What a parameter means: participants are JSON, in which order and spaces mean nothing.
fn meaning((key, value): &(String, String)) -> (String, String) {
    let json =
        serde_json::from_str::<serde_json::Value>(value).ok().filter(|value| value.is_object());
    let value = match json {
        Some(json) if key == "Participants" => json.to_string(),
        _ => value.clone(),
    };
    (key.clone(), value)
}

fn a_pair() -> impl Strategy<Value = (String, String)> {
    let values = prop_oneof![
        Just(String::new()),
        Just("60".to_owned()),
        Just("0".to_owned()),
        Just("+60".to_owned()),
        Just("true".to_owned()),
        Just("True".to_owned()),
        Just("voice-only".to_owned()),
        Just("2030-01-01T00:00:00Z".to_owned()),
        Just("2030-01-01T00:00:00.5Z".to_owned()),
        Just(r#"{"Identifier":"+15550100"}"#.to_owned()),
        Just(r#"{ "FriendlyName" : "x", "Identifier":"+15550101"}"#.to_owned()),
        Just(r#"{"Identifier":""}"#.to_owned()),
        Just(r#"{"Identifier":"1","Colour":"blue"}"#.to_owned()),
        any::<String>(),
    ];
    let keys = prop_oneof![
        Just("UniqueName".to_owned()),
        Just("Ttl".to_owned()),
        Just("DateExpiry".to_owned()),
        Just("Mode".to_owned()),
        Just("Status".to_owned()),
        Just("FailOnParticipantConflict".to_owned()),
        Just("Participants".to_owned()),
        Just("Colour".to_owned()),
        any::<String>(),
    ];
    (keys, values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_is_added_lost_or_changed(said in prop::collection::vec(a_pair(), 0..8)) {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&said).finish();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sent = runtime.block_on(forwarded(form));
        let mut expected: Vec<_> = said.iter().map(meaning).collect();
        let mut got: Vec<_> = pairs(&sent).iter().map(meaning).collect();
        // In their order are those of one name; between names there is none.
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        got.sort_by(|one, other| one.0.cmp(&other.0));
        prop_assert_eq!(got, expected);
    }
}
