//! The layer in front of axum and of plain hyper, over sockets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes as AxumBytes;
use axum::extract::Form;
use axum::http::HeaderMap;
use axum::routing::{any, post};
use axum::{Extension, Router};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt};
use twilio_proxy::webhook::{
    AuthToken, Intercept, InterceptCallback, PublicUrl, ValidateSignatureLayer, Verified, sign,
    signed_form, signed_json,
};

const BASE: &str = "https://hooks.example.com";

fn token() -> AuthToken {
    AuthToken::new("12345").unwrap()
}

fn signed(base: &str) -> ValidateSignatureLayer {
    ValidateSignatureLayer::new(token(), PublicUrl::new(base).unwrap())
}

/// A handler that can't be reached without the layer.
async fn intercept(
    _: Extension<Verified>,
    headers: HeaderMap,
    body: AxumBytes,
) -> Response<Full<Bytes>> {
    let callback = InterceptCallback::decode(&headers, &body).unwrap_or_default();
    match callback.interaction.body().as_deref() {
        Some("spam") => Intercept::Block.into(),
        _ => Intercept::Allow.into(),
    }
}

async fn echo(body: AxumBytes) -> AxumBytes {
    body
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends a request as it would arrive behind a proxy, and reads the answer's status and body.
async fn send(address: SocketAddr, request: Request<Full<Bytes>>, path: &str) -> (u16, Bytes) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    head.uri = format!("{path}{query}").parse().unwrap();
    head.headers.insert("host", "10.0.0.7".parse().unwrap());
    let response = sender.send_request(Request::from_parts(head, body)).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

fn message(url: &str, words: &str) -> Request<Full<Bytes>> {
    let data = format!(r#"{{"body":"{words}"}}"#);
    signed_form(&token(), url, [("interactionData", data.as_str())]).unwrap()
}

#[tokio::test]
async fn axum_lets_genuine_callbacks_through_and_answers_them() {
    let app = Router::new()
        .route("/intercept", post(intercept))
        .route("/echo", any(echo))
        .layer(signed(BASE));
    let server = serve(app).await;
    let url = format!("{BASE}/intercept");
    assert_eq!(send(server, message(&url, "hello"), "/intercept").await.0, 200);
    assert_eq!(send(server, message(&url, "spam"), "/intercept").await.0, 403);
    // As good a signature, of somewhere else; and one of nobody's.
    assert_eq!(send(server, message(&url, "hello"), "/echo").await, (403, Bytes::new()));
    let mut unsigned = message(&url, "hello");
    unsigned.headers_mut().remove("x-twilio-signature");
    assert_eq!(send(server, unsigned, "/intercept").await.0, 400);

    let json = signed_json(&token(), &format!("{BASE}/echo"), r#"{"a": 1}"#).unwrap();
    assert_eq!(send(server, json, "/echo").await, (200, r#"{"a": 1}"#.into()));
    let mut get = Request::new(Full::default());
    let signature = sign::<&str, &str>(&token(), &format!("{BASE}/echo?a='b'"), []).to_string();
    get.headers_mut().insert("x-twilio-signature", signature.parse().unwrap());
    *get.uri_mut() = "/echo?a='b'".parse().unwrap();
    assert_eq!(send(server, get, "/echo").await.0, 200);
    // What no route takes is checked as well: nobody learns which routes there are.
    let nowhere = message(&format!("{BASE}/nowhere"), "hello");
    assert_eq!(send(server, nowhere, "/nowhere").await.0, 404);
    assert_eq!(send(server, message(&url, "hello"), "/nowhere").await.0, 403);
}

/// A nested router sees the path without its prefix. So the layer goes outside, or the public URL
/// has the prefix.
#[tokio::test]
async fn a_nest_takes_its_prefix_off() {
    let nested = || Router::new().route("/intercept", post(intercept));
    let url = format!("{BASE}/hooks/intercept");
    let outside = Router::new().nest("/hooks", nested()).layer(signed(BASE));
    let inside = Router::new().nest("/hooks", nested().layer(signed(&format!("{BASE}/hooks"))));
    let mistaken = Router::new().nest("/hooks", nested().layer(signed(BASE)));
    for (app, expected) in [(outside, 200), (inside, 200), (mistaken, 403)] {
        let server = serve(app).await;
        assert_eq!(send(server, message(&url, "hello"), "/hooks/intercept").await.0, expected);
    }
}

/// The body is whole behind the layer, so the extractors read it as they always do.
#[tokio::test]
async fn extractors_read_the_body_again() {
    async fn form(Form(pairs): Form<Vec<(String, String)>>) -> String {
        format!("{pairs:?}")
    }
    let app = Router::new().route("/form", post(form)).layer(signed(BASE));
    let server = serve(app).await;
    let request = signed_form(&token(), &format!("{BASE}/form"), [("a", "b c")]).unwrap();
    assert_eq!(send(server, request, "/form").await, (200, r#"[("a", "b c")]"#.into()));
}

/// Sends these bytes, leaves the connection open, and reads until the server has closed it.
async fn raw(server: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

fn head(length: &str) -> String {
    format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\nx-twilio-signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\
         content-type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_client_that_dawdles_or_floods_is_shown_the_door() {
    let layer = signed(BASE).limit(10).body_timeout(Duration::from_millis(50));
    let server = serve(Router::new().route("/echo", any(echo)).layer(layer)).await;
    let stalled = head("content-length: 9") + "a=b";
    assert!(raw(server, &stalled).await.starts_with("HTTP/1.1 408"));
    // Not one byte of the body has been sent, and none is waited for.
    assert!(raw(server, &head("content-length: 11")).await.starts_with("HTTP/1.1 413"));
    let chunked = head("transfer-encoding: chunked") + "8\r\na=bcdefg\r\n3\r\nhij\r\n";
    assert!(raw(server, &chunked).await.starts_with("HTTP/1.1 413"));
    assert!(raw(server, &(head("content-length: 3") + "a=b")).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn plain_hyper_takes_it_too() {
    let stack = signed(BASE).layer(tower::service_fn(|request: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stack = stack.clone();
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                stack.clone().oneshot(request)
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    let request = signed_form(&token(), &format!("{BASE}/a"), [("a", "b c")]).unwrap();
    assert_eq!(send(server, request, "/a").await, (200, "a=b+c".into()));
    let request = signed_form(&token(), &format!("{BASE}/a"), [("a", "b c")]).unwrap();
    assert_eq!(send(server, request, "/b").await, (403, Bytes::new()));
}
