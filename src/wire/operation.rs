use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::answer::request_id;
use super::{Answer, DecodeError, EncodeError, Encoder};
use crate::call::{CallOptions, Idempotency};

/// One thing that the API can be asked: how to say it, and how to understand the answer.
///
/// The gateway is a `tower::Service<O>` for every `O: Operation`, so an operation for another
/// resource is a struct and this trait, written in the caller's own crate. This one fetches a
/// participant of a session:
///
/// ```
/// use bytes::Bytes;
/// use http::{Method, Request, Response};
/// use http_body_util::Full;
/// use serde::Deserialize;
/// use twilio_proxy::call::{BoxError, ParticipantSid, ServiceSid, SessionSid};
/// use twilio_proxy::gateway::{Gateway, GatewayExt};
/// use twilio_proxy::wire::{
///     Answer, DecodeError, EncodeError, Encoder, Endpoint, Operation, OperationMeta, Plain,
/// };
///
/// struct FetchParticipant {
///     service: ServiceSid,
///     session: SessionSid,
///     participant: ParticipantSid,
/// }
///
/// #[derive(Deserialize)]
/// struct Participant {
///     sid: ParticipantSid,
///     friendly_name: Option<String>,
/// }
///
/// impl Operation for FetchParticipant {
///     type Output = Participant;
///     type Recovery = Plain;
///     const META: OperationMeta = OperationMeta::new(
///         "participants.fetch",
///         Method::GET,
///         "/v1/Services/{ServiceSid}/Sessions/{SessionSid}/Participants/{Sid}",
///     );
///
///     fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
///         to.literal("/v1/Services").segment("ServiceSid", self.service.as_str())?;
///         to.literal("/Sessions").segment("SessionSid", self.session.as_str())?;
///         to.literal("/Participants").segment("Sid", self.participant.as_str())?;
///         to.scope(self.service);
///         Ok(())
///     }
///
///     fn decode(answer: Answer) -> Result<Participant, DecodeError> {
///         answer.json()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let stack = tower::service_fn(|request: Request<Full<Bytes>>| async move {
///     assert!(request.uri().path().ends_with("/Participants/KPcccccccccccccccccccccccccccccccc"));
///     let body = r#"{"sid": "KPcccccccccccccccccccccccccccccccc", "friendly_name": "Ann"}"#;
///     Ok::<_, BoxError>(Response::new(Full::new(Bytes::from(body))))
/// });
/// let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO)?);
/// let fetch = FetchParticipant {
///     service: "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?,
///     session: "KCbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb".parse()?,
///     participant: "KPcccccccccccccccccccccccccccccccc".parse()?,
/// };
/// let participant = gateway.send(fetch).await?;
/// assert_eq!(participant.friendly_name.as_deref(), Some("Ann"));
/// # let _ = participant.sid;
/// # Ok(())
/// # }
/// ```
pub trait Operation: Sized {
    /// What comes of it.
    type Output;

    /// How a lost answer is recovered: [`Plain`] where trying again is all there is, [`ByName`]
    /// for a create that can be looked up by its name, [`BySid`] for an update.
    type Recovery;

    /// What never changes from call to call.
    const META: OperationMeta;

    /// Says it: path, query and form, into `to`. Bad input is an error here, before anything is sent.
    ///
    /// # Errors
    ///
    /// Names the parameter and what is wrong with it.
    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError>;

    /// Whether an answer with this status is for [`Operation::decode`]; any other is an error of the API.
    ///
    /// `earlier_unknown`: an earlier attempt of the same call may have acted, so that, say, a
    /// delete which now finds nothing has done its work.
    #[must_use]
    fn accepts(status: StatusCode, earlier_unknown: bool) -> bool {
        let _ = earlier_unknown;
        status.is_success()
    }

    /// Understands the answer.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the body. The server has acted by then.
    fn decode(answer: Answer) -> Result<Self::Output, DecodeError>;

    /// The same operation with wishes for this one call. Said twice, the later wishes go before the
    /// earlier.
    #[must_use]
    fn with(self, options: CallOptions) -> Configured<Self> {
        Configured { operation: self, options }
    }

    /// The same operation, answered with the response's metadata beside the output.
    #[must_use]
    fn detailed(self) -> Detailed<Self> {
        Detailed { operation: self }
    }
}

/// What never changes from call to call of an operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationMeta {
    /// The operation's name in logs, metrics and quotas, such as `sessions.create`.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The URL template, such as `/v1/Services/{ServiceSid}/Sessions`.
    pub template: &'static str,
    /// Whether a call may be repeated; [`Encoder::idempotency`] may say otherwise of a single one.
    pub idempotency: Idempotency,
}

impl OperationMeta {
    /// An operation that may be repeated as far as HTTP promises it of the method.
    #[must_use]
    pub const fn new(name: &'static str, method: Method, template: &'static str) -> Self {
        let idempotency = Idempotency::of_method(&method);
        Self { name, method, template, idempotency }
    }

    /// Says whether calls may be repeated, where more is known than HTTP promises.
    #[must_use]
    pub const fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }
}

/// A lost answer is recovered by trying again, where that is safe, and in no other way.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// A lost answer to a create is recovered by looking for what it may have created, by name. For
/// sessions only: a create of another resource is [`Plain`].
#[derive(Clone, Copy, Debug)]
pub struct ByName;

/// A lost answer to an update is recovered by looking at the session that it was to change. For
/// sessions only: an update of another resource is [`Plain`].
#[derive(Clone, Copy, Debug)]
pub struct BySid;

/// An operation with wishes for one call; see [`Operation::with`].
#[derive(Clone, Debug)]
pub struct Configured<O> {
    operation: O,
    options: CallOptions,
}

impl<O> Configured<O> {
    /// The operation alone.
    pub fn operation(&self) -> &O {
        &self.operation
    }

    pub(crate) fn operation_mut(&mut self) -> &mut O {
        &mut self.operation
    }

    /// The wishes.
    pub fn wishes(&self) -> &CallOptions {
        &self.options
    }

    /// The operation and the wishes.
    pub fn into_parts(self) -> (O, CallOptions) {
        (self.operation, self.options)
    }
}

impl<O: Operation> Operation for Configured<O> {
    type Output = O::Output;
    type Recovery = O::Recovery;
    const META: OperationMeta = O::META;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        self.operation.encode(to)?;
        to.options(self.options.clone());
        Ok(())
    }

    fn accepts(status: StatusCode, earlier_unknown: bool) -> bool {
        O::accepts(status, earlier_unknown)
    }

    fn decode(answer: Answer) -> Result<Self::Output, DecodeError> {
        O::decode(answer)
    }
}

/// An operation answered with metadata; see [`Operation::detailed`].
#[derive(Clone, Debug)]
pub struct Detailed<O> {
    operation: O,
}

impl<O> Detailed<O> {
    /// The operation alone.
    pub fn operation(&self) -> &O {
        &self.operation
    }

    pub(crate) fn operation_mut(&mut self) -> &mut O {
        &mut self.operation
    }

    /// The operation alone, taken out.
    pub fn into_inner(self) -> O {
        self.operation
    }
}

impl<O: Operation> Operation for Detailed<O> {
    type Output = Reply<O::Output>;
    type Recovery = O::Recovery;
    const META: OperationMeta = O::META;

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        self.operation.encode(to)
    }

    fn accepts(status: StatusCode, earlier_unknown: bool) -> bool {
        O::accepts(status, earlier_unknown)
    }

    fn decode(answer: Answer) -> Result<Self::Output, DecodeError> {
        let (status, attempts, elapsed) = (answer.status, answer.attempts, answer.elapsed);
        let (headers, body) = (answer.headers.clone(), answer.body.clone());
        let output = O::decode(answer)?;
        Ok(Reply { output, status, headers, body, attempts, elapsed, recovered: false })
    }
}

/// An output and how it came.
#[derive(Clone)]
#[non_exhaustive]
pub struct Reply<T> {
    /// What the operation asked for.
    pub output: T,
    /// The status of the answer.
    pub status: StatusCode,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body of the answer, byte for byte as it came: for whoever hands it on.
    pub body: Bytes,
    /// How many attempts it took; 1 when the first went well.
    pub attempts: u32,
    /// From the encoding of the call to its whole answer.
    pub elapsed: Duration,
    /// Whether the answer was lost, and a look at the session showed that the work is done; status
    /// headers and body are then those of the look.
    pub recovered: bool,
}

/// Prints of headers and body how much there is: a header may be a secret, and a body names people.
impl<T: fmt::Debug> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("output", &self.output)
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .field("elapsed", &self.elapsed)
            .field("recovered", &self.recovered)
            .finish()
    }
}

impl<T> Reply<T> {
    /// The same, marked as found by a look, after that many attempts more and that much time before.
    #[must_use]
    pub fn recovered(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.recovered = true;
        self.attempts += attempts;
        self.elapsed += elapsed;
        self
    }

    /// Twilio's name for the request (`RQ…`): what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.headers)
    }

    /// How many requests of the account were in flight at Twilio, as it counts them.
    #[must_use]
    pub fn concurrent_requests(&self) -> Option<u32> {
        self.headers.get("twilio-concurrent-requests")?.to_str().ok()?.trim().parse().ok()
    }
}
