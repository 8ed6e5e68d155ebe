//! The simulator's books are what tells whether a promise was kept.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::ServiceExt;
use twilio_proxy::call::{Effect, SessionSid};
use twilio_proxy::gateway::{Error, Gateway, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Settings, Simulator};
use twilio_proxy::wire::EncodeError;

use crate::book::{Book, Task};
use crate::ledger::Ledger;

fn simulator() -> Simulator {
    Simulator::with(Settings::default().without_authentication())
}

fn book() -> Book {
    Book::new(vec![Simulator::SERVICE_SID.parse().unwrap()], "run".to_owned())
}

/// A create as it goes over the wire, by a client that is not ours.
async fn create(simulator: &Simulator, call: &str, form: String) {
    let sessions = format!("http://simulator/v1/Services/{}/Sessions", Simulator::SERVICE_SID);
    let request = Request::post(sessions)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-request-id", call)
        .body(Full::new(Bytes::from(form)))
        .unwrap();
    let answer = simulator.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn a_create_that_was_done_twice_is_a_broken_promise() {
    let (simulator, book) = (simulator(), book());
    create(&simulator, "one", String::new()).await;
    create(&simulator, "two", String::new()).await;
    let ledger = Ledger::read(&simulator, &book);
    assert!(ledger.is_kept());
    assert_eq!(ledger.creates, 2);

    create(&simulator, "two", String::new()).await;
    let ledger = Ledger::read(&simulator, &book);
    assert!(!ledger.is_kept());
    assert_eq!(ledger.twice, ["two"]);
}

#[tokio::test]
async fn a_failure_with_effect_none_that_was_done_is_a_broken_promise() {
    let (simulator, book) = (simulator(), book());
    let task = book.create(0, true).unwrap();
    let Task::Create { name: Some(name), .. } = &task else { panic!("a name was asked for") };
    let none = Error::from(EncodeError::new("UniqueName", "refused before it was sent"));
    book.settle(&task, &Err(none));
    assert!(Ledger::read(&simulator, &book).is_kept());

    create(&simulator, "one", format!("UniqueName={name}")).await;
    let ledger = Ledger::read(&simulator, &book);
    assert!(!ledger.is_kept());
    assert_eq!(ledger.denied, [name.as_str()]);
}

#[test]
fn what_has_had_no_end_may_be_there_still() {
    let book = book();
    let session = |digit: u8| -> SessionSid { format!("KC{digit:032x}").parse().unwrap() };
    let made = |digit| {
        let task = book.create(0, true).unwrap();
        book.settle(&task, &Ok(Some(session(digit))));
    };
    made(1);
    book.keep_all();
    made(2);
    made(3);
    let _named = book.create(0, true).unwrap();
    let _unnamed = book.create(0, false).unwrap();
    let left = book.left();
    assert_eq!((left.known.len(), left.named.len(), left.unnamed), (3, 1, 1));
    assert_eq!(left.named[0].1, "load-run-3");
    assert!(!left.is_empty());
}

#[tokio::test]
async fn a_create_whose_effect_is_unknown_may_be_there_still() {
    let (simulator, book) = (simulator(), book());
    simulator.set_faults(FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter));
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    let gateway = Gateway::builder(Credentials::auth_token(account, Simulator::AUTH_TOKEN))
        .base_url("http://127.0.0.1")
        .over(simulator.clone())
        .unwrap();
    let create = CreateSession::new(Simulator::SERVICE_SID.parse().unwrap());
    let lost = gateway.send(create).await.unwrap_err();
    assert_eq!(lost.effect(), Effect::Unknown);
    let (named, unnamed) = (book.create(0, true).unwrap(), book.create(0, false).unwrap());
    book.settle(&named, &Err(lost.clone()));
    book.settle(&unnamed, &Err(lost));
    let left = book.left();
    assert_eq!((left.named.len(), left.unnamed), (1, 1));
}
