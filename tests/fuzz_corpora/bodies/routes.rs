//! From an operation to its request, and back.

use std::time::Duration;

use futures_util::FutureExt;
use http::Method;
use http_body_util::{BodyExt, Full};
use twilio_proxy::call::{Idempotency, ServiceSid, SessionSid};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, Participant, UpdateSession,
};
use twilio_proxy::wire::{EncodeError, Encoder, Endpoint, Operation, Route};

/// A method, and a path with or without a query.
pub(super) fn route(data: &[u8]) {
    let Some(([method], path)) = super::lines::<1>(data) else { return };
    let Ok(method) = method.parse::<Method>() else { return };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let route = Route::recognise(&method, path);
    let meta = route.meta();
    assert_eq!(meta.is_some(), route.service().is_some());
    let Some(meta) = meta else {
        assert_eq!(route.idempotency(), Idempotency::of_method(&method));
        return;
    };
    assert_eq!((&meta.method, meta.idempotency), (&method, route.idempotency()));
    if let Route::FetchSession { key, .. }
    | Route::UpdateSession { key, .. }
    | Route::DeleteSession { key, .. } = &route
    {
        assert!(!matches!(key.as_str(), "" | "." | ".."), "this leads elsewhere: {path}");
    }
    // Said anew it is the same operation, whatever the spelling that it came in; a query is none of it.
    let said = match &route {
        Route::CreateSession { service } => said(&CreateSession::new(*service)),
        Route::ListSessions { service } => said(&ListSessions::new(*service)),
        Route::FetchSession { service, key } => said(&FetchSession::new(*service, key.as_str())),
        Route::UpdateSession { service, key } => match SessionSid::new(key) {
            Ok(session) => said(&UpdateSession::new(*service, session)),
            Err(_) => return,
        },
        Route::DeleteSession { service, key } => match SessionSid::new(key) {
            Ok(session) => said(&DeleteSession::new(*service, session)),
            Err(_) => return,
        },
        other => panic!("a route that is not known here: {other:?}"),
    };
    // A name may be longer than the API takes.
    let Ok(said) = said else { return };
    assert_eq!(Route::recognise(&method, &said), route, "{said}");
    assert!(said.starts_with("/v1/Services/") && !said.contains(['?', '#', '\\']));
}

fn said<O: Operation>(operation: &O) -> Result<String, EncodeError> {
    let endpoint = Endpoint::new(Endpoint::TWILIO).unwrap();
    let mut encoder = Encoder::new(&endpoint, O::META);
    operation.encode(&mut encoder)?;
    let request: http::Request<Full<bytes::Bytes>> = encoder.finish(None)?;
    Ok(request.uri().path_and_query().unwrap().to_string())
}

/// The same in other letters and digits.
fn turned(text: &str) -> String {
    let next = |among: char, last: char, letter: char| match letter == last {
        true => among,
        false => char::from_u32(u32::from(letter) + 1).unwrap(),
    };
    let turn = |letter: char| match letter {
        '0'..='9' => next('0', '9', letter),
        'a'..='z' => next('a', 'z', letter),
        'A'..='Z' => next('A', 'Z', letter),
        other => other,
    };
    text.chars().map(turn).collect()
}

/// Name, identifier, a friendly name, status, and a TTL: a create, as it is written.
pub(super) fn operation(data: &[u8]) {
    let Some(([name, identifier, friendly, status, ttl], _)) = super::lines::<5>(data) else {
        return;
    };
    let service = ServiceSid::new("KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    let ttl = ttl.parse::<u64>().ok().map(Duration::from_secs);
    let create = |[name, identifier, friendly, status]: [&str; 4]| {
        let participant = Participant::new(identifier).friendly_name(friendly);
        let mut create = CreateSession::new(service).unique_name(name).participant(participant);
        create = create.status(status);
        create.ttl = ttl;
        create
    };
    let endpoint = Endpoint::new(Endpoint::TWILIO).unwrap();
    let write = |create: &CreateSession| {
        let mut encoder = Encoder::new(&endpoint, CreateSession::META);
        create.encode(&mut encoder).map(|()| encoder)
    };
    let texts = [name, identifier, friendly, status];
    let encoder = match write(&create(texts)) {
        Ok(encoder) => encoder,
        // It names the parameter, and never says what was in it: other texts of that shape have the same message.
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with(error.parameter()));
            let turned = texts.map(turned);
            if let Err(other) = write(&create(turned.each_ref().map(|text| &**text))) {
                assert_eq!(said, other.to_string());
            }
            return;
        }
    };
    let body = encoder.finish(None).unwrap().into_body();
    let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    assert!(body.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~%=&".contains(b)));
    let participant = Participant::new(identifier).friendly_name(friendly);
    let json = serde_json::to_string(&participant).unwrap();
    let seconds = ttl.map(|ttl| ttl.as_secs().to_string());
    let expected = [
        Some(("UniqueName", name)),
        seconds.as_deref().map(|seconds| ("Ttl", seconds)),
        Some(("Status", status)),
        Some(("Participants", json.as_str())),
    ];
    let expected = expected.into_iter().flatten();
    let expected: Vec<_> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let read: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    assert_eq!(read, expected);
    // What the API would refuse was refused here.
    assert!(name.chars().count() <= 191 && !name.is_empty() && identifier.chars().count() <= 191);
    assert!(ttl.is_none_or(|ttl| (1..2_147_483_647).contains(&ttl.as_secs())));
}
