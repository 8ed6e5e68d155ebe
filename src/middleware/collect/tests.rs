use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use super::CollectLayer;
use crate::call::{
    BoxError, CallFacts, Collected, Effect, Fault, FaultKind, Idempotency, Rejection,
};

#[derive(Debug)]
enum Step {
    Data(&'static str),
    Trailers,
    Break(BoxError),
    Wait,
}
use Step::{Break, Data, Trailers, Wait};

/// A body that does what it is told, and panics when more is read than was foreseen.
#[derive(Debug)]
struct Script {
    steps: VecDeque<Step>,
    hint: SizeHint,
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match self.steps.pop_front() {
            Some(Data("unread")) => panic!("this frame was not to be read"),
            Some(Data(text)) => Some(Ok(Frame::data(Bytes::from(text)))),
            Some(Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
            Some(Break(error)) => Some(Err(error)),
            Some(Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script { steps: steps.into_iter().collect(), hint: SizeHint::new() }
}

async fn collect(limit: usize, status: u16, body: Script) -> Result<Response<Collected>, BoxError> {
    let response = Response::builder().status(status).body(body).expect("a response");
    answered(limit, Request::new(()), response).await
}

async fn answered(
    limit: usize,
    request: Request<()>,
    response: Response<Script>,
) -> Result<Response<Collected>, BoxError> {
    let mut response = Some(response);
    let inner = service_fn(move |_: Request<()>| {
        let response = response.take().expect("one call");
        async { Ok::<_, BoxError>(response) }
    });
    let layer = CollectLayer::new().limit(limit);
    ServiceBuilder::new().layer(layer).service(inner).oneshot(request).await
}

fn fault(outcome: Result<Response<Collected>, BoxError>) -> Fault {
    *outcome.expect_err("a fault").downcast().expect("the fault itself, not wrapped")
}

#[tokio::test]
async fn frames_are_put_together_and_trailers_left_out() {
    let steps = [Data("a"), Wait, Data(""), Data("bc"), Trailers];
    let response = collect(3, 200, script(steps)).await.expect("a body of exactly the cap");
    assert_eq!(response.body().bytes(), b"abc");
}

#[tokio::test]
async fn a_success_too_large_has_been_applied_and_the_message_names_the_cap() {
    let body = script([Data("ab"), Data("cd"), Data("unread")]);
    let fault = fault(collect(3, 201, body).await);
    assert_eq!(fault.kind(), FaultKind::BodyTooLarge { limit: 3 });
    assert_eq!(fault.effect(), Effect::Applied);
    assert_eq!(fault.status(), Some(StatusCode::CREATED));
    assert_eq!(fault.to_string(), "the answer's body is larger than the cap of 3 bytes");
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_not_read_at_all() {
    let mut body = script([Data("unread")]);
    body.hint.set_lower(4);
    assert_eq!(fault(collect(3, 200, body).await).effect(), Effect::Applied);

    // Some wrappers of bodies forget the length, and the header still has it.
    let response = |length: &str| {
        let body = script([Data("ab")]);
        Response::builder().header("content-length", length).body(body).expect("a response")
    };
    let outcome = answered(3, Request::new(()), response("4")).await;
    assert_eq!(fault(outcome).kind(), FaultKind::BodyTooLarge { limit: 3 });
    // A length that is none decides nothing, and a HEAD's is of a body that doesn't come.
    answered(3, Request::new(()), response("-4")).await.expect("the body is small");
    let head = Request::builder().method(Method::HEAD).body(()).expect("a request");
    answered(3, head, response("4")).await.expect("the body is small");
}

#[tokio::test]
async fn a_success_that_breaks_off_is_of_unknown_effect() {
    let broken = || BoxError::from(std::io::Error::other("reset"));
    let fault = fault(collect(9, 200, script([Data("{"), Break(broken())])).await);
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Incomplete, Effect::Unknown));
    assert_eq!(fault.status(), Some(StatusCode::OK));
    let source = std::error::Error::source(&fault).expect("the cause");
    assert_eq!(source.to_string(), "reset");
    assert_eq!(fault.to_string(), "the answer's body broke off");
}

#[tokio::test]
async fn a_fault_from_the_body_stays_itself_but_never_claims_that_nothing_happened() {
    #[derive(Debug)]
    struct Wrapped(Fault);
    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("wrapped")
        }
    }
    impl std::error::Error for Wrapped {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let refused = || Fault::new(FaultKind::Unprocessed, "stream refused");
    let plain: BoxError = refused().into();
    for error in [plain, Box::new(Wrapped(refused()))] {
        let fault = fault(collect(9, 200, script([Break(error)])).await);
        assert_eq!(fault.kind(), FaultKind::Unprocessed);
        // The story: a stream that is reset after a 201 would have been taken for one that was
        // never processed, and the create repeated.
        assert_eq!(fault.effect(), Effect::Unknown);
        assert_eq!(fault.status(), Some(StatusCode::OK));
    }
}

#[tokio::test]
async fn of_an_error_answer_the_status_survives_its_body() {
    let long = script([Data("ab"), Data("cd"), Data("unread")]);
    let response = collect(3, 503, long).await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.body().bytes()), (503, &b"abc"[..]));

    let broken = script([Data("ab"), Break("reset".into()), Data("unread")]);
    let response = collect(3, 404, broken).await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.body().bytes()), (404, &b"ab"[..]));

    let mut announced = script([Data("ab")]);
    announced.hint.set_lower(4);
    assert_eq!(collect(3, 429, announced).await.expect("an answer").body().bytes(), b"ab");
}

/// Calls with facts; the transport reports if `reports`.
async fn tracked(reports: bool, outcome: Result<u16, BoxError>) -> Arc<CallFacts> {
    let facts = Arc::new(CallFacts::new("test", Idempotency::Unsafe));
    let mut outcome = Some(outcome);
    let inner = service_fn(|request: Request<()>| {
        if reports {
            CallFacts::of(request.extensions()).expect("facts").mark_reached();
        }
        let outcome = outcome.take().expect("one call");
        async {
            outcome.map(|status| {
                Response::builder().status(status).body(Collected::default()).expect("a response")
            })
        }
    });
    let mut request = Request::new(());
    request.extensions_mut().insert(Arc::clone(&facts));
    let mut stack = ServiceBuilder::new().layer(CollectLayer::new()).service(inner);
    let _ = Service::call(&mut stack, request).await;
    facts
}

#[tokio::test]
async fn it_reports_for_a_transport_that_does_not() {
    let counts = |facts: &CallFacts| (facts.reached(), facts.sent(), facts.effect());
    for status in [200, 302, 500] {
        assert_eq!(counts(&*tracked(false, Ok(status)).await), (1, 1, Effect::Unknown));
    }
    assert_eq!(counts(&*tracked(false, Ok(404)).await), (1, 1, Effect::None));
    let connect = || Fault::new(FaultKind::Connect, "refused").into();
    assert_eq!(counts(&*tracked(false, Err(connect())).await), (1, 1, Effect::None));
    let rejected = Fault::new(FaultKind::Rejected(Rejection::QueueFull), "full").into();
    assert_eq!(counts(&*tracked(false, Err(rejected)).await), (1, 1, Effect::None));
    let broken = Fault::new(FaultKind::Interrupted, "reset").into();
    assert_eq!(counts(&*tracked(false, Err(broken)).await), (1, 1, Effect::Unknown));
    assert_eq!(counts(&*tracked(false, Err("odd".into())).await), (1, 1, Effect::Unknown));
}

#[tokio::test]
async fn it_keeps_out_of_the_way_of_a_transport_that_reports() {
    // This one has been reached and has sent nothing; a 404 of its own making takes nothing back.
    let facts = tracked(true, Ok(404)).await;
    assert_eq!((facts.reached(), facts.sent(), facts.effect()), (1, 0, Effect::None));
    facts.mark_sent();
    assert!(facts.any_unknown(), "no harmless mark was left over to hide this");
}

#[tokio::test]
async fn what_was_sent_is_known_while_the_answer_is_still_out() {
    let facts = Arc::new(CallFacts::new("test", Idempotency::Unsafe));
    let inner = service_fn(|_: Request<()>| {
        std::future::pending::<Result<Response<Collected>, BoxError>>()
    });
    let mut request = Request::new(());
    request.extensions_mut().insert(Arc::clone(&facts));
    let mut stack = ServiceBuilder::new().layer(CollectLayer::new()).service(inner);
    drop(Service::call(&mut stack, request));
    assert_eq!((facts.sent(), facts.effect()), (1, Effect::Unknown));
}

/// What is printed of a future ends up wherever somebody traces futures.
#[tokio::test]
async fn neither_a_body_to_come_nor_what_has_come_of_it_is_printed() {
    let steps = [Data("+15551234567"), Wait, Data("+15557654321")];
    let mut response = Some(Response::new(script(steps)));
    let inner = service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, BoxError>(response.take().expect("one call")))
    });
    let mut collect = CollectLayer::new().layer(inner);
    let mut future = tokio_test::task::spawn(collect.call(Request::new(())));
    let before = format!("{:?}", *future);
    assert!(future.poll().is_pending());
    let after = format!("{:?}", *future);
    for printed in [before, after] {
        assert!(printed.starts_with("ResponseFuture"), "{printed}");
        assert!(!printed.contains("555"), "{printed}");
    }
}
