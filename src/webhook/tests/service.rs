//! A layer among others: readiness, errors, what it hands on, tokens that change.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use super::*;
use crate::call::Live;

/// A service of which only the instance that was readied may be called.
#[derive(Debug)]
struct Strict {
    ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<Full<Bytes>>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(self.ready, "an instance was called that nobody had readied");
        self.ready = false;
        ready(Err("the service's own error"))
    }
}

async fn ready_one(stack: &mut ValidateSignature<Strict>) -> &mut ValidateSignature<Strict> {
    ServiceExt::<Request<Full<Bytes>>>::ready(stack).await.unwrap()
}

fn genuine() -> Request<Full<Bytes>> {
    signed_form(&token("12345"), "https://mycompany.com/cb", [("a", "b")]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_readied_instance_is_called_and_its_error_comes_through() {
    let mut stack = layer().layer(Strict { ready: false });
    for _ in 0..3 {
        let error = ready_one(&mut stack).await.call(genuine()).await.unwrap_err();
        assert_eq!(error, "the service's own error");
    }
    // One that was refused has used nothing up, and leaves the service ready.
    let forged = callback("/cb", Some(FORM), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", Full::from("a=b"));
    let refused = ready_one(&mut stack).await.call(forged).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(ready_one(&mut stack).await.call(genuine()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services() {
    #[derive(Clone)]
    struct Never;

    impl Service<Request<Full<Bytes>>> for Never {
        type Response = Response<Full<Bytes>>;
        type Error = &'static str;
        type Future = Ready<Result<Self::Response, &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
            Poll::Ready(Err("closed"))
        }

        fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
            panic!("it was never ready");
        }
    }

    let mut stack = layer().layer(Never);
    let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut stack).await;
    assert_eq!(ready.err(), Some("closed"));
}

#[tokio::test(start_paused = true)]
async fn the_request_is_handed_on_as_it_came_and_marked() {
    let mut request = genuine();
    request.headers_mut().insert("x-other", "kept".parse().unwrap());
    request.extensions_mut().insert(7_u32);
    let stack = layer().layer(service_fn(|request: Request<Full<Bytes>>| async move {
        assert_eq!(request.headers()["x-other"], "kept");
        assert_eq!(request.headers()["content-type"], FORM);
        assert_eq!(request.extensions().get::<u32>(), Some(&7));
        assert_eq!(request.extensions().get::<Verified>().map(Verified::token), Some(0));
        assert_eq!(request.uri(), "https://mycompany.com/cb");
        Ok::<_, Infallible>(Response::new(request.into_body()))
    }));
    let response = stack.oneshot(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "a=b");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_rotated_while_the_server_runs() {
    let live = Live::new(Tokens::from(token("old")));
    let url = PublicUrl::new("https://mycompany.com").unwrap();
    let layer = ValidateSignatureLayer::new(live.clone(), url);
    let stack = layer.layer(service_fn(|request: Request<Full<Bytes>>| async move {
        let position = request.extensions().get::<Verified>().unwrap().token();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(position.to_string())))
    }));
    let by =
        |text: &str| signed_form(&token(text), "https://mycompany.com/cb", [("a", "b")]).unwrap();
    let answer = async |text: &str| {
        let response = stack.clone().oneshot(by(text)).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes())
    };

    assert_eq!(answer("old").await, (200, "0".into()));
    assert_eq!(answer("new").await, (403, "".into()));
    live.set([token("new"), token("old")].into_iter().collect());
    assert_eq!(answer("old").await, (200, "1".into()));
    assert_eq!(answer("new").await, (200, "0".into()));
    layer.tokens().set(token("new").into());
    assert_eq!(answer("old").await, (403, "".into()));
    assert_eq!(answer("new").await, (200, "0".into()));
    live.set(Tokens::default());
    assert_eq!(answer("new").await, (403, "".into()), "with no token nothing is genuine");
}

#[test]
fn an_empty_token_is_none() {
    for text in ["", " ", "\n"] {
        assert_eq!(AuthToken::new(text).unwrap_err(), EmptyToken);
    }
    assert_eq!(
        format!("{:?} {:?}", token("secret"), Tokens::from(token("secret"))),
        "AuthToken(..) Tokens(1)"
    );
}
