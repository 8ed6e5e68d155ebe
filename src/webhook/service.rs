use std::mem;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::Full;
use tower::Service;

use super::cover::Cover;
use super::place::Place;
use super::signature::check;
use super::url::single;
use super::verify::verify_form;
use super::{Refusal, ResponseFuture, Signature, ValidateSignatureLayer, Verified};

/// The header that a callback is signed in.
pub(super) const HEADER: &str = "x-twilio-signature";

/// Lets genuine callbacks through. Made by [`ValidateSignatureLayer`].
#[derive(Clone, Debug)]
pub struct ValidateSignature<S> {
    inner: S,
    settings: ValidateSignatureLayer,
}

impl<S> ValidateSignature<S> {
    pub(super) fn new(inner: S, settings: ValidateSignatureLayer) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for ValidateSignature<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone,
    B: Body<Data = Bytes>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S, S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let ticket = match self.settings.admit(&head, &body) {
            Ok(ticket) => ticket,
            Err(refusal) => return ResponseFuture::refused(refusal),
        };
        // The body comes first; then the very instance that was readied is called.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        ResponseFuture::reading(inner, head, body, ticket, self.settings.clone())
    }
}

/// What the head of a callback has shown.
#[derive(Debug)]
pub(super) struct Ticket {
    signature: Signature,
    cover: Cover,
    /// There where the head was enough.
    verified: Option<Verified>,
}

impl ValidateSignatureLayer {
    /// Judges what can be judged without the body.
    fn admit<B: Body>(&self, head: &Parts, body: &B) -> Result<Ticket, Refusal> {
        let several = Refusal::Malformed("there is more than one X-Twilio-Signature");
        let signature = single(&head.headers, HEADER, several)?.ok_or(Refusal::Missing)?;
        let signature: Signature = std::str::from_utf8(signature)
            .map_err(|_| Refusal::Malformed("the signature is not the base64 of 20 bytes"))?
            .parse()?;
        let several = Refusal::Malformed("there is more than one Content-Type");
        let content_type = single(&head.headers, header::CONTENT_TYPE.as_str(), several)?;
        let path_and_query = path_and_query(head);
        let cover = Cover::of(path_and_query, content_type)?;
        if announced(head, body) > self.limit as u64 {
            return Err(Refusal::TooLarge { limit: self.limit });
        }
        let base = self.url.base(head)?;
        let place = place(&base, path_and_query)?;
        let verified = if cover.needs_no_body() {
            Some(self.tokens.read(|tokens| check(tokens, &place, "", &signature))?)
        } else {
            None
        };
        Ok(Ticket { signature, cover, verified })
    }

    /// Judges the rest, now that the body is here.
    pub(super) fn conclude(
        &self,
        head: &Parts,
        ticket: &Ticket,
        body: &[u8],
    ) -> Result<Verified, Refusal> {
        ticket.cover.holds(body)?;
        if let Some(verified) = ticket.verified {
            return Ok(verified);
        }
        let base = self.url.base(head)?;
        let place = place(&base, path_and_query(head))?;
        self.tokens.read(|tokens| verify_form(tokens, &place, body, &ticket.signature))
    }
}

fn place<'a>(base: &'a str, path_and_query: &'a str) -> Result<Place<'a>, Refusal> {
    let place = Place::read(base).ok_or(Refusal::Malformed("the URL is not a whole one"))?;
    Ok(place.at(path_and_query))
}

/// As it came: the HTTP library keeps the text.
fn path_and_query(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("", |path_and_query| path_and_query.as_str())
}

/// How long the body says it is, at least, in bytes.
fn announced<B: Body>(head: &Parts, body: &B) -> u64 {
    let length = head.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    body.size_hint().lower().max(length.unwrap_or(0))
}
