//! The check of callbacks: no sockets.

mod callbacks;
mod covers;
mod properties;
mod reading;
mod service;
mod urls;
mod vectors;

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const FORM: &str = "application/x-www-form-urlencoded";

fn token(text: &str) -> AuthToken {
    AuthToken::new(text).unwrap()
}

fn tokens() -> Tokens {
    token("12345").into()
}

fn layer() -> ValidateSignatureLayer {
    ValidateSignatureLayer::new(token("12345"), PublicUrl::new("https://mycompany.com").unwrap())
}

/// A callback with this signature, of any body.
fn callback<B>(uri: &str, content_type: Option<&str>, signature: &str, body: B) -> Request<B> {
    let mut request = Request::post(uri).header("x-twilio-signature", signature);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    request.body(body).unwrap()
}

/// A service that gives back what it got.
#[allow(clippy::type_complexity, reason = "spelled out in tower's own types")]
fn echo()
-> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone {
    service_fn(|request: Request<Full<Bytes>>| async { Ok(Response::new(request.into_body())) })
}

/// What a server behind the layer makes of a request: the status, and the body that came through.
async fn serve<B>(layer: &ValidateSignatureLayer, request: Request<B>) -> (StatusCode, Bytes)
where
    B: http_body::Body<Data = Bytes>,
{
    let response = layer.layer(echo()).oneshot(request).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

async fn status<B>(layer: &ValidateSignatureLayer, request: Request<B>) -> u16
where
    B: http_body::Body<Data = Bytes>,
{
    serve(layer, request).await.0.as_u16()
}
