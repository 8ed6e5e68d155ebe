//! Callbacks of a Proxy Service, received by an axum server that checks their signatures.
//!
//! `cargo run --example axum_webhook --features webhook`
//!
//! The server listens on a port of this machine, and a client in the same process plays Twilio: it
//! signs callbacks and sends them. One interaction passes, one is blocked, a call from outside opens
//! a session, a status is noted; a callback that somebody else has signed gets a 403, and one without
//! a signature a 400.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Extension, Router};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceExt};
use twilio_proxy::call::Live;
use twilio_proxy::transport::ProxyTransport;
use twilio_proxy::webhook::{
    Acknowledge, AuthToken, Intercept, InterceptCallback, OpenSession, OutOfSession,
    OutOfSessionCallback, PublicUrl, StatusCallback, Tokens, ValidateSignatureLayer, Verified,
    signed_form,
};

/// What Twilio was told. Here nobody resolves the name: the client below goes to the port.
const PUBLIC: &str = "https://hooks.example.com/proxy";

type Answer = Response<Full<Bytes>>;

/// Before each interaction. `Verified` is there only behind the layer.
async fn intercept(_: Extension<Verified>, headers: HeaderMap, body: Bytes) -> Answer {
    let Ok(callback) = InterceptCallback::decode(&headers, &body) else { return unreadable() };
    let words = callback.interaction.body().unwrap_or_default();
    // Somebody tries to leave the protection of the proxy numbers.
    let answer = if words.contains("my number is") { Intercept::Block } else { Intercept::Allow };
    println!("  server: intercept {:?}: {answer:?}", callback.interaction.kind);
    answer.into()
}

/// Whenever an interaction's status changes.
async fn status(_: Extension<Verified>, headers: HeaderMap, body: Bytes) -> Answer {
    let Ok(callback) = StatusCallback::decode(&headers, &body) else { return unreadable() };
    println!("  server: status {:?}", callback.outbound.resource_status);
    Acknowledge.into()
}

/// When somebody calls a proxy number without a session.
async fn out_of_session(_: Extension<Verified>, headers: HeaderMap, body: Bytes) -> Answer {
    let Ok(callback) = OutOfSessionCallback::decode(&headers, &body) else { return unreadable() };
    println!("  server: out of session, after one that was {:?}", callback.session.status);
    OutOfSession::Open(OpenSession::with("+15550199").unique_name("support-1")).into()
}

fn unreadable() -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let token = AuthToken::new("not-a-secret")?;
    // A handle: the token is changed below while the server runs.
    let tokens = Live::new(Tokens::from(token.clone()));
    let app = Router::new()
        .route("/intercept", post(intercept))
        .route("/status", post(status))
        .route("/out-of-session", post(out_of_session))
        // Outside the router, so that it sees paths as they come. The proxy in front of this server
        // takes `/proxy` off, so the public URL carries it.
        .layer(ValidateSignatureLayer::new(tokens.clone(), PublicUrl::new(PUBLIC)?));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let words = |words: &str| format!(r#"{{"body":"{words}"}}"#);
    let message = |token: &AuthToken, data: &str| {
        let pairs = [("interactionType", "Message"), ("interactionData", data)];
        signed_form(token, &format!("{PUBLIC}/intercept"), pairs)
    };
    let mut client = ProxyTransport::new()?;
    let mut ends = Vec::new();
    let mut send = async |title: &str, request| {
        let status = deliver(&mut client, &server, request).await?;
        println!("{title}: {status}");
        ends.push(status.as_u16());
        Ok::<_, BoxError>(())
    };

    send("a message", message(&token, &words("see you at eight"))?).await?;
    send("a message to be blocked", message(&token, &words("my number is 555"))?).await?;
    let delivered = [("interactionType", "Message"), ("outboundResourceStatus", "delivered")];
    send("a status", signed_form(&token, &format!("{PUBLIC}/status"), delivered)?).await?;
    let call = [("From", "+15550100"), ("CallStatus", "ringing"), ("sessionStatus", "closed")];
    let url = format!("{PUBLIC}/out-of-session");
    send("a call from outside", signed_form(&token, &url, call)?).await?;

    let stranger = AuthToken::new("a guess")?;
    send("a stranger's message", message(&stranger, &words("hello"))?).await?;
    let mut unsigned = message(&token, &words("hello"))?;
    unsigned.headers_mut().remove("x-twilio-signature");
    send("an unsigned message", unsigned).await?;

    let promoted = AuthToken::new("not-a-secret-either")?;
    tokens.set(Tokens::from_iter([promoted.clone(), token]));
    send("a message under the next token", message(&promoted, &words("hello"))?).await?;

    serving.abort();
    if ends != [200, 403, 200, 200, 403, 400, 200] {
        return Err(format!("not what was to be shown: {ends:?}").into());
    }
    Ok(())
}

/// Sends a callback to the server as the proxy in front of it would: without the prefix.
async fn deliver(
    client: &mut ProxyTransport,
    server: &str,
    mut request: Request<Full<Bytes>>,
) -> Result<StatusCode, BoxError> {
    let path = request.uri().path().trim_start_matches("/proxy").to_owned();
    *request.uri_mut() = format!("{server}{path}").parse()?;
    let response = client.ready().await?.call(request).await?;
    Ok(response.status())
}
