//! From a request back to the operation.

use http::Method;
use http_body_util::Full;
use twilio_proxy::call::{Idempotency, SessionSid};
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, UpdateSession,
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
