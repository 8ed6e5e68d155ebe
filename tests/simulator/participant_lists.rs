//! The participants of a session, as the API lists them.

use http::{Method, StatusCode};
use serde_json::Value;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, RetryAfter, Simulator};

use crate::support::*;

/// Two participants: one who says all there is to say, one who says the least.
const TWO: &str = "Participants=%7B%22Identifier%22%3A%22%2B15550001111%22%2C%22FriendlyName%22%3A\
                   %22Ann%22%2C%22ProxyIdentifier%22%3A%22%2B15550009999%22%7D\
                   &Participants=%7B%22Identifier%22%3A%22%2B15550002222%22%7D";
const BOB: &str = "+15550002222";

async fn list(simulator: &Simulator, url: &str) -> Value {
    let path = url.strip_prefix(BASE).unwrap_or(url);
    let (status, page) = send(simulator, Method::GET, path, "").await;
    assert_eq!(status, 200, "{page}");
    page
}

fn participants(session: &Value, query: &str) -> String {
    path(&format!("/{}/Participants{query}", sid(session)))
}

fn of<'a>(page: &'a Value, field: &str) -> Vec<&'a str> {
    let all = page["participants"].as_array().expect("participants");
    all.iter().map(|one| one[field].as_str().expect("a text")).collect()
}

#[tokio::test(start_paused = true)]
async fn they_are_listed_with_all_that_the_api_says_of_them() {
    let simulator = simulator();
    let session = create(&simulator, TWO).await;
    let page = list(&simulator, &participants(&session, "")).await;
    assert_eq!(of(&page, "identifier"), [BOB, "+15550001111"]);
    let (bob, ann) = (&page["participants"][0], &page["participants"][1]);
    assert_eq!((&ann["friendly_name"], &bob["friendly_name"]), (&"Ann".into(), &Value::Null));
    assert_eq!(of(&page, "proxy_identifier"), ["+15550000000", "+15550009999"]);
    assert_eq!(ann["proxy_identifier_sid"], format!("PN{:032x}", 15_550_009_999_u64));
    for one in [bob, ann] {
        assert_eq!(one["session_sid"], session["sid"]);
        assert_eq!(one["account_sid"], session["account_sid"]);
        assert_eq!(one["date_created"], session["date_created"]);
        assert_eq!(one["date_deleted"], Value::Null);
        let list = session["links"]["participants"].as_str().expect("a link");
        assert_eq!(one["url"], format!("{list}/{}", sid(one)));
    }
    let stored = &simulator.sessions()[0].participants;
    assert_eq!(of(&page, "sid"), [stored[1].sid.as_str(), stored[0].sid.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_was_asked_for_by_its_sid_has_that_sid() {
    let simulator = simulator();
    let wanted = "PN0123456789abcdef0123456789abcdef";
    let form = "Participants=%7B%22Identifier%22%3A%22%2B1%22%2C%22ProxyIdentifierSid%22%3A\
                %22PN0123456789abcdef0123456789abcdef%22%7D";
    let session = create(&simulator, form).await;
    let page = list(&simulator, &participants(&session, "")).await;
    assert_eq!(of(&page, "proxy_identifier_sid"), [wanted]);
    assert!(of(&page, "proxy_identifier")[0].starts_with("+1556"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn pages_go_from_the_newest_to_the_oldest_and_back() {
    let simulator = simulator();
    let session = create(&simulator, TWO).await;
    let first = list(&simulator, &participants(&session, "?PageSize=1")).await;
    let meta = &first["meta"];
    assert_eq!((&meta["key"], &meta["page_size"]), (&"participants".into(), &1.into()));
    let next = meta["next_page_url"].as_str().expect("a second page");
    let second = list(&simulator, next).await;
    assert_eq!(
        (of(&first, "identifier"), of(&second, "identifier")),
        (vec![BOB], vec!["+15550001111"])
    );
    assert_eq!(second["meta"]["next_page_url"], Value::Null);
    assert_eq!(second["meta"]["page"], 1);
    let back = second["meta"]["previous_page_url"].as_str().expect("a page before");
    let back = list(&simulator, back).await;
    assert_eq!(
        (&back["participants"], &back["meta"]["previous_page_url"]),
        (&first["participants"], &Value::Null)
    );
    let url = second["meta"]["url"].as_str().expect("a URL");
    assert_eq!(list(&simulator, url).await, second);
    // Made up, but well made: an answer, not a panic.
    for made_up in ["PTA0000000000000000", "PTBffffffffffffffff", "PTAffffffffffffffff"] {
        list(&simulator, &participants(&session, &format!("?PageToken={made_up}"))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_without_participants_has_an_empty_list() {
    let simulator = simulator();
    let session = create(&simulator, "").await;
    let page = list(&simulator, &participants(&session, "")).await;
    assert!(of(&page, "sid").is_empty());
    assert_eq!(page["meta"]["next_page_url"], Value::Null);
    assert_eq!(page["meta"]["previous_page_url"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn the_list_is_found_by_the_sessions_sid_alone_and_by_its_own_account() {
    let simulator = simulator();
    create(&simulator, "UniqueName=order-1").await;
    for key in ["order-1", "KC0123456789abcdef0123456789abcdef"] {
        let (status, error) =
            send(&simulator, Method::GET, &path(&format!("/{key}/Participants")), "").await;
        assert_eq!((status, &error["code"]), (404, &20404.into()), "{key}");
    }
    assert_eq!(simulator.stats().of(Action::Participants).received, 2);
}

#[tokio::test(start_paused = true)]
async fn who_joins_is_listed_and_who_left_stays_listed_and_cannot_come_back() {
    let simulator = simulator();
    let session = create(&simulator, TWO).await;
    let session_sid = simulator.sessions()[0].sid;
    assert_eq!(simulator.join(&session_sid, "+3"), None, "a third");
    let bob = simulator.sessions()[0].participants[1].sid;
    assert!(simulator.leave(&bob));
    assert!(!simulator.leave(&bob));
    assert_eq!(simulator.join(&session_sid, BOB), None, "back");
    tokio::time::advance(std::time::Duration::from_secs(3)).await;
    let carl = simulator.join(&session_sid, "+3").expect("a place");
    let page = list(&simulator, &participants(&session, "")).await;
    assert_eq!(of(&page, "identifier"), ["+3", BOB, "+15550001111"]);
    assert_eq!(page["participants"][0]["sid"], carl.as_str());
    assert_eq!(page["participants"][0]["date_created"], "2026-01-02T03:04:08Z");
    assert_eq!(page["participants"][1]["date_deleted"], "2026-01-02T03:04:05Z");
    update(&simulator, sid(&session), "Status=closed").await;
    assert!(simulator.leave(&carl));
    assert_eq!(simulator.join(&session_sid, "+4"), None, "into a closed session");
}

/// The number that reached somebody who left is free for another session of his.
#[tokio::test(start_paused = true)]
async fn who_left_holds_no_number() {
    let simulator = simulator();
    let alone = "FailOnParticipantConflict=true\
                 &Participants=%7B%22Identifier%22%3A%22%2B15550002222%22%7D";
    create(&simulator, alone).await;
    assert_eq!(refusal(&simulator, alone).await, (400, 80604));
    assert!(simulator.leave(&simulator.sessions()[0].participants[0].sid));
    create(&simulator, alone).await;
    // And who joined holds one.
    let first = simulator.sessions()[0].sid;
    assert!(simulator.join(&first, "+7").is_some());
    let seven = "FailOnParticipantConflict=true&Participants=%7B%22Identifier%22%3A%22%2B7%22%7D";
    assert_eq!(refusal(&simulator, seven).await, (400, 80604));
}

#[tokio::test(start_paused = true)]
async fn faults_and_limits_apply_to_it_as_to_any_request() {
    let simulator = Simulator::with(settings().rate_limit(2, std::time::Duration::from_secs(5)));
    let session = create(&simulator, TWO).await;
    let get = || send(&simulator, Method::GET, participants(&session, "").leak(), "");
    let plan = FaultPlan::none()
        .next_of(Action::Participants, 1, Mishap::ErrorBefore(StatusCode::BAD_GATEWAY))
        .next_of(Action::Participants, 1, Mishap::Throttled(Some(RetryAfter::Seconds(1))));
    simulator.set_faults(plan);
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(get().await.0);
    }
    assert_eq!(seen, [502, 429, 200, 200, 429]);
    // A limit of its own: another operation has not used it up.
    assert_eq!(fetch(&simulator, sid(&session)).await.0, 200);
    simulator.set_faults(FaultPlan::none().next_of(Action::Participants, 1, Mishap::ResetAfter));
    let request = request(Method::GET, &participants(&session, ""), "");
    assert!(try_send(&simulator, request).await.is_err());
}
