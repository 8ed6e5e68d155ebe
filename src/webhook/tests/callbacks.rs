//! The three callbacks as Twilio's pages show them, and their answers.

use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::sessions::{SessionMode, SessionStatus};

const HEX: &str = "0123456789abcdef0123456789abcdef";

/// The parameters of <https://www.twilio.com/docs/proxy/api/webhooks#callbackurl>, with SIDs filled in.
const STATUS: &str = "inboundParticipantSid=KP*&inboundResourceSid=CA*&inboundResourceStatus=completed&\
    inboundResourceType=call&inboundResourceUrl=https%3A%2F%2Fapi.twilio.com%2FCA*.json&\
    interactionAccountSid=AC*&interactionData=&interactionDateCreated=2018-03-13T22%3A42%3A54Z&\
    interactionDateUpdated=2018-03-13T22%3A42%3A56Z&interactionServiceSid=KS*&interactionSessionSid=KC*&\
    interactionSid=KI*&interactionType=Voice&outboundParticipantSid=KP*&outboundResourceSid=CA*&\
    outboundResourceStatus=initiated&outboundResourceType=call&\
    outboundResourceUrl=https%3A%2F%2Fapi.twilio.com%2FCA*.json";

/// The parameters of <https://www.twilio.com/docs/proxy/api/webhooks#outofsessioncallbackurl>.
const OUT_OF_SESSION: &str = "AccountSid=AC*&AddOns=%7B%7D&ApiVersion=2010-04-01&Called=%2B14155550100&\
    CalledCity=OAKLAND&CalledCountry=US&CalledState=CA&CalledZip=94612&Caller=%2B19515550101&\
    CallerCity=CORONA&CallerCountry=US&CallerState=CA&CallerZip=92879&CallSid=CA*&CallStatus=ringing&\
    Direction=inbound&From=%2B19515550101&FromCity=CORONA&FromCountry=US&FromState=CA&FromZip=92879&\
    inboundParticipantAccountSid=AC*&inboundParticipantDateCreated=2018-03-14T06%3A22%3A05Z&\
    inboundParticipantDateUpdated=2018-03-14T06%3A22%3A05Z&inboundParticipantFriendlyName=Ann&\
    inboundParticipantIdentifier=%2B19515550101&inboundParticipantProxyIdentifier=%2B14155550100&\
    inboundParticipantProxyIdentifierSid=PN*&inboundParticipantServiceSid=KS*&\
    inboundParticipantSessionSid=KC*&inboundParticipantSid=KP*&outboundParticipantAccountSid=AC*&\
    outboundParticipantDateCreated=2018-03-14T06%3A22%3A06Z&\
    outboundParticipantDateUpdated=2018-03-14T06%3A22%3A06Z&outboundParticipantFriendlyName=Ben&\
    outboundParticipantIdentifier=%2B17075550102&outboundParticipantProxyIdentifier=%2B17075550103&\
    outboundParticipantProxyIdentifierSid=PN*&outboundParticipantServiceSid=KS*&\
    outboundParticipantSessionSid=KC*&outboundParticipantSid=KP*&sessionAccountSid=AC*&\
    sessionClosedReason=api&sessionDateCreated=2018-03-14T06%3A22%3A05Z&\
    sessionDateEnded=2018-03-14T06%3A22%3A06Z&sessionDateUpdated=2018-03-14T06%3A22%3A06Z&\
    sessionMode=voice-only&sessionServiceSid=KS*&sessionSid=KC*&sessionStatus=closed&\
    sessionUniqueName=order-1&To=%2B14155550100&ToCity=OAKLAND&ToCountry=US&ToState=CA&ToZip=94612";

fn form(template: &str) -> String {
    template.replace('*', HEX)
}

/// The same parameters as a JSON object.
fn as_json(form: &str) -> Vec<u8> {
    let pairs = form_urlencoded::parse(form.as_bytes()).into_owned();
    let map: serde_json::Map<String, Value> = pairs.map(|(k, v)| (k, v.into())).collect();
    Value::Object(map).to_string().into_bytes()
}

#[test]
fn a_status_callback_has_a_field_for_each_parameter() {
    let form = form(STATUS);
    let callback = StatusCallback::from_form(form.as_bytes()).unwrap();
    let interaction = &callback.interaction;
    assert_eq!(interaction.sid.unwrap().as_str(), format!("KI{HEX}"));
    assert_eq!(interaction.session_sid.unwrap().as_str(), format!("KC{HEX}"));
    assert_eq!(interaction.kind, Some(InteractionType::Voice), "in capitals as well");
    assert_eq!(interaction.date_updated, "2018-03-13T22:42:56Z".parse().ok());
    assert_eq!(interaction.data, None, "empty is absent");
    assert_eq!(callback.inbound.resource_status, Some(ResourceStatus::Completed));
    assert_eq!(callback.outbound.resource_type, Some(ResourceType::Call));
    assert_eq!(
        callback.outbound.resource_url.unwrap(),
        format!("https://api.twilio.com/CA{HEX}.json")
    );
    assert!(callback.extra.is_empty(), "{:?}", callback.extra);
    let mut headers = HeaderMap::new();
    let decoded = StatusCallback::decode(&headers, form.as_bytes()).unwrap();
    headers.insert("content-type", "application/json; charset=utf-8".parse().unwrap());
    assert_eq!(StatusCallback::decode(&headers, &as_json(&form)), Ok(decoded));
}

#[test]
fn an_intercept_callback_knows_one_leg() {
    let callback = InterceptCallback::from_form(form(STATUS).as_bytes()).unwrap();
    assert_eq!(callback.inbound.resource_status, Some(ResourceStatus::Completed));
    let names: Vec<_> = callback.extra.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 5);
    assert!(names.iter().all(|name| name.starts_with("outbound")), "{names:?}");
}

#[test]
fn an_out_of_session_callback_has_a_field_for_each_parameter() {
    let form = form(OUT_OF_SESSION);
    let callback = OutOfSessionCallback::from_form(form.as_bytes()).unwrap();
    assert!(callback.extra.is_empty(), "{:?}", callback.extra);
    assert_eq!(callback.from.number.as_deref(), Some("+19515550101"));
    assert_eq!(callback.called.zip.as_deref(), Some("94612"));
    assert_eq!(callback.call_sid.unwrap().as_str(), format!("CA{HEX}"));
    assert_eq!(callback.session.status, Some(SessionStatus::Closed));
    assert_eq!(callback.session.mode, Some(SessionMode::VoiceOnly));
    assert_eq!(callback.inbound_participant.friendly_name.as_deref(), Some("Ann"));
    assert_eq!(callback.outbound_participant.identifier.as_deref(), Some("+17075550102"));
    assert_eq!(OutOfSessionCallback::from_json(&as_json(&form)), Ok(callback));

    let message = OutOfSessionCallback::from_form(b"Body=hello&NumMedia=2&Token=1").unwrap();
    assert_eq!((message.body.as_deref(), message.num_media), (Some("hello"), Some(2)));
    assert_eq!(message.extra["Token"], "1", "not everything that begins with To is a place");
}

#[test]
fn what_does_not_fit_is_kept() {
    let body = b"interactionSid=nonsense&interactionType=smoke&colour=blue&colour=red&\
        inboundResourceStatus=sent&inboundResourceStatus=delivered";
    let callback = StatusCallback::from_form(body).unwrap();
    assert_eq!(callback.interaction.sid, None);
    assert_eq!(callback.extra["interactionSid"], "nonsense");
    assert_eq!(callback.interaction.kind.map(|kind| kind.to_string()).as_deref(), Some("smoke"));
    assert_eq!(callback.extra["colour"], json!(["blue", "red"]));
    assert_eq!(callback.inbound.resource_status, Some(ResourceStatus::Sent), "the first counts");
    assert_eq!(callback.extra["inboundResourceStatus"], "delivered");

    let body = br#"{"interactionData": {"duration": 5}, "NumMedia": 3, "x": null, "y": [1]}"#;
    let callback = StatusCallback::from_json(body).unwrap();
    assert_eq!(callback.interaction.duration(), Some(5));
    assert_eq!((&callback.extra["NumMedia"], &callback.extra["y"]), (&json!(3), &json!([1])));
    assert!(!callback.extra.contains_key("x"));
    assert!(StatusCallback::from_form(b"a=%ff").is_err());
    assert!(StatusCallback::from_json(b"[]").is_err());
}

#[test]
fn data_are_read_where_they_are_what_they_should_be() {
    let with = |data: &str| Interaction { data: Some(data.to_owned()), ..Interaction::default() };
    assert_eq!(with(r#"{"body": "hello"}"#).body().as_deref(), Some("hello"));
    assert_eq!(with(r#"{"duration": "5"}"#).duration(), Some(5));
    for data in ["", "{", "[]", r#"{"body": 1, "duration": "x"}"#] {
        assert_eq!((with(data).body(), with(data).duration()), (None, None), "{data}");
    }
}

#[test]
fn debug_prints_no_number_no_name_and_no_words() {
    let status = StatusCallback::from_form(
        b"interactionData=%7B%22body%22%3A%22SECRET%22%7D&interactionType=Voice&more=SECRET",
    );
    let text = form(OUT_OF_SESSION) + "&Body=SECRET";
    let out = OutOfSessionCallback::from_form(text.as_bytes()).unwrap();
    let answer = OutOfSession::Open(OpenSession::with("+19515550101").unique_name("SECRET"));
    let printed =
        format!("{status:?} {out:?} {answer:?} {:?}", OutOfSession::Twiml("SECRET".into()));
    for hidden in ["SECRET", "555", "CORONA", "Ann", "order-1"] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    assert!(printed.contains("Voice") && printed.contains(&format!("KC{HEX}")), "{printed}");
}

async fn text(response: Response<Full<Bytes>>) -> (u16, Option<String>, Bytes) {
    let content_type = response.headers().get("content-type");
    let content_type = content_type.map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    (status, content_type, response.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test(start_paused = true)]
async fn answers_are_the_responses_that_the_pages_ask_for() {
    assert_eq!(text(Acknowledge.into()).await, (200, None, "".into()));
    assert_eq!(text(Intercept::Allow.into()).await, (200, None, "".into()));
    assert_eq!(text(Intercept::Block.into()).await, (403, None, "".into()));
    let xml = Some("application/xml".to_owned());
    let document = "<Response><Say>Hello</Say></Response>";
    let twiml = OutOfSession::Twiml(document.into());
    assert_eq!(text(twiml.into()).await, (200, xml.clone(), document.into()));
    let (status, kind, nothing) = text(OutOfSession::Nothing.into()).await;
    assert_eq!((status, kind), (200, xml));
    assert!(nothing.ends_with(b"<Response/>"));

    // The sample of the guide.
    let sample = OpenSession::with("+14152345555")
        .unique_name("autoCreatedSession23423")
        .ttl(std::time::Duration::from_millis(3_359_001))
        .mode(SessionMode::VoiceAndMessage);
    let (status, kind, body) = text(OutOfSession::Open(sample.clone()).into()).await;
    assert_eq!((status, kind.as_deref()), (200, Some("application/json")));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body,
        json!({
            "uniqueName": "autoCreatedSession23423", "ttl": 3360, "mode": "voice-and-message",
            "participantIdentifier": "+14152345555",
        })
    );
    let mut full =
        sample.proxy_identifier("+15550100").date_expiry("2030-01-02T03:04:05Z".parse().unwrap());
    full.extra.insert("more".into(), json!(1));
    let (_, _, body) = text(OutOfSession::Open(full).into()).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["participantProxyIdentifier"], "+15550100");
    assert_eq!((&body["dateExpiry"], &body["more"]), (&json!("2030-01-02T03:04:05Z"), &json!(1)));
}
