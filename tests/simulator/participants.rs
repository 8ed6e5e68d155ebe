//! Participants: how many, which, and in how many sessions at once.

use std::time::Duration;

use twilio_proxy::simulator::Simulator;

use crate::support::*;

const ALICE: &str = "Participants=%7B%22Identifier%22%3A%22%2B15550001111%22%7D";
const ALICE_ALONE: &str =
    "Participants=%7B%22Identifier%22%3A%22%2B15550001111%22%7D&FailOnParticipantConflict=true";

/// A form of participants, from their JSON.
fn form(participants: &[&str]) -> &'static str {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for json in participants {
        form.append_pair("Participants", json);
    }
    form.finish().leak()
}

#[tokio::test(start_paused = true)]
async fn two_at_most_each_with_an_identifier_of_its_own() {
    let simulator = simulator();
    let (a, b, c) = (r#"{"Identifier":"+1"}"#, r#"{"Identifier":"+2"}"#, r#"{"Identifier":"+3"}"#);
    create(&simulator, form(&[a, b])).await;
    assert_eq!(refusal(&simulator, form(&[a, b, c])).await, (400, 80609));
    assert_eq!(refusal(&simulator, form(&[a, a])).await, (400, 80103));
    for (bad, code) in [
        (r#"{}"#, 80404),
        (r#"{"Identifier":""}"#, 80404),
        (r#"{"Identifier":7}"#, 80404),
        // The API's names are in PascalCase.
        (r#"{"identifier":"+1"}"#, 80404),
        (r#"["+1"]"#, 20001),
        (r#"+1"#, 20001),
        (r#"{"Identifier":"+1","ProxyIdentifierSid":"PN12"}"#, 20001),
    ] {
        assert_eq!(refusal(&simulator, form(&[bad])).await, (400, code), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn lengths_are_counted_in_characters() {
    let simulator = simulator();
    for (key, most, code) in
        [("Identifier", 191, 80404), ("FriendlyName", 255, 20001), ("ProxyIdentifier", 255, 20001)]
    {
        let with = |length: usize| {
            let text = "é".repeat(length);
            match key {
                "Identifier" => format!(r#"{{"Identifier":"{text}"}}"#),
                _ => format!(r#"{{"Identifier":"+1","{key}":"{text}"}}"#),
            }
        };
        create(&simulator, form(&[&with(most)])).await;
        assert_eq!(refusal(&simulator, form(&[&with(most + 1)])).await, (400, code), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_suits_messages_alone() {
    let simulator = simulator();
    let channel = form(&[r#"{"Identifier":"whatsapp:+15550001111"}"#]);
    assert_eq!(refusal(&simulator, channel).await, (400, 80616));
    create(&simulator, format!("Mode=message-only&{channel}").leak()).await;
}

#[tokio::test(start_paused = true)]
async fn a_participant_is_kept_with_the_number_that_reaches_it() {
    let simulator = simulator();
    let wanted = r#"{"Identifier":"+1","FriendlyName":"Ann","ProxyIdentifier":"+1999"}"#;
    create(&simulator, form(&[wanted, r#"{"Identifier":"+2"}"#])).await;
    let participants = &simulator.sessions()[0].participants;
    assert_eq!(participants[0].identifier, "+1");
    assert_eq!(participants[0].friendly_name.as_deref(), Some("Ann"));
    assert_eq!(participants[0].proxy_identifier, "+1999");
    assert_eq!(participants[1].proxy_identifier, "+15550000000");
}

#[tokio::test(start_paused = true)]
async fn one_number_reaches_a_person_in_one_live_session_if_asked_to_fail() {
    let simulator = simulator();
    let first = create(&simulator, ALICE).await;
    // Not asked, Proxy goes on and routes some calls wrongly.
    let second = create(&simulator, ALICE).await;
    assert_eq!(refusal(&simulator, ALICE_ALONE).await, (400, 80604));
    for session in [&first, &second] {
        update(&simulator, sid(session), "Status=closed").await;
    }
    create(&simulator, ALICE_ALONE).await;
    let again = "Status=in-progress&FailOnParticipantConflict=true";
    let (status, error) = update(&simulator, sid(&first), again).await;
    assert_eq!((status, &error["code"]), (400, &80604.into()));
    assert_eq!(update(&simulator, sid(&first), "Status=in-progress").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_two_numbers_serves_two_sessions_of_a_person() {
    let simulator = Simulator::with(settings().proxy_numbers(2));
    create(&simulator, ALICE_ALONE).await;
    create(&simulator, ALICE_ALONE).await;
    assert_eq!(refusal(&simulator, ALICE_ALONE).await, (400, 80604));
    let numbers: Vec<String> =
        simulator.sessions().iter().map(|it| it.participants[0].proxy_identifier.clone()).collect();
    assert_eq!(numbers, ["+15550000000", "+15550000001"]);
}

#[tokio::test(start_paused = true)]
async fn two_creates_for_one_person_at_the_same_moment_are_409_with_80623() {
    let simulator = Simulator::with(settings().proxy_numbers(9).latency(Duration::from_secs(1)));
    let both =
        futures_util::future::join(create(&simulator, ALICE), refusal(&simulator, ALICE_ALONE));
    assert_eq!(both.await.1, (409, 80623));
    // Wait and try again, says Twilio.
    create(&simulator, ALICE_ALONE).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_its_caller_left_blocks_nobody() {
    let simulator = Simulator::with(settings().latency(Duration::from_secs(9)));
    let left = tokio::time::timeout(Duration::from_secs(1), create(&simulator, ALICE_ALONE));
    assert!(left.await.is_err());
    create(&simulator, ALICE_ALONE).await;
    assert_eq!(simulator.sessions().len(), 1);
}

/// What a failing test prints ends up in a log that many can read.
#[tokio::test(start_paused = true)]
async fn nobody_prints_a_phone_number_or_a_name() {
    let simulator = simulator();
    let someone = r#"{"Identifier":"+15550001111","FriendlyName":"Ms. Doe","ProxyIdentifier":"+15550002222"}"#;
    create(&simulator, form(&[someone])).await;
    let printed = format!("{simulator:#?} {:#?}", simulator.sessions());
    assert!(printed.contains("StoredParticipant"), "{printed}");
    for secret in ["5550001111", "Doe", "5550002222", Simulator::AUTH_TOKEN] {
        assert!(!printed.contains(secret), "{secret} is in {printed}");
    }
}
