use http::Method;

use super::OperationMeta;
use crate::call::{Idempotency, ServiceSid, percent};

/// Which operation of Proxy a request is: the way back from method and path.
///
/// For whoever stands in the middle, such as a sidecar that has requests of other programs pass
/// through the stack, and for fakes: the layers want to know an operation's name, its Service and
/// whether it may be repeated.
///
/// ```
/// use http::Method;
/// use twilio_proxy::wire::Route;
///
/// let path = "/v1/Services/KS0123456789abcdef0123456789abcdef/Sessions/Order%20%231234?x=1";
/// let route = Route::recognise(&Method::GET, path);
/// assert!(matches!(&route, Route::FetchSession { key, .. } if key == "Order #1234"));
/// assert_eq!(route.meta().map(|meta| meta.name), Some("sessions.fetch"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// `POST …/Sessions`
    CreateSession {
        /// The Service.
        service: ServiceSid,
    },
    /// `GET …/Sessions`
    ListSessions {
        /// The Service.
        service: ServiceSid,
    },
    /// `GET …/Sessions/{Sid}`
    FetchSession {
        /// The Service.
        service: ServiceSid,
        /// The last segment, unescaped: a SID or a UniqueName.
        key: String,
    },
    /// `POST …/Sessions/{Sid}`
    UpdateSession {
        /// The Service.
        service: ServiceSid,
        /// The last segment, unescaped. Whether it is a SID is for the server to judge.
        key: String,
    },
    /// `DELETE …/Sessions/{Sid}`
    DeleteSession {
        /// The Service.
        service: ServiceSid,
        /// The last segment, unescaped. Whether it is a SID is for the server to judge.
        key: String,
    },
    /// Anything else, of which only the method is known.
    Other {
        /// What HTTP promises of the method.
        idempotency: Idempotency,
    },
}

const SESSIONS: &str = "/v1/Services/{ServiceSid}/Sessions";
const SESSION: &str = "/v1/Services/{ServiceSid}/Sessions/{Sid}";

impl Route {
    /// Creates a session. Unsafe to repeat, unless the one at hand has a UniqueName.
    pub const CREATE_SESSION: OperationMeta =
        meta("sessions.create", Method::POST, SESSIONS, Idempotency::Unsafe);
    /// Lists the sessions of a Service.
    pub const LIST_SESSIONS: OperationMeta =
        meta("sessions.list", Method::GET, SESSIONS, Idempotency::Safe);
    /// Fetches a session.
    pub const FETCH_SESSION: OperationMeta =
        meta("sessions.fetch", Method::GET, SESSION, Idempotency::Safe);
    /// Updates a session: sets values, so a second time leaves what the first left.
    pub const UPDATE_SESSION: OperationMeta =
        meta("sessions.update", Method::POST, SESSION, Idempotency::Idempotent);
    /// Deletes a session.
    pub const DELETE_SESSION: OperationMeta =
        meta("sessions.delete", Method::DELETE, SESSION, Idempotency::Idempotent);

    /// Recognises a request by its method and its path, with or without a query.
    ///
    /// The path begins at `/v1`: take off the prefix of a base URL first. Segments are compared and
    /// given out unescaped. A path with a Service SID that is none, or with a segment that is
    /// empty, `.` or `..` however it is written, is no operation's.
    #[must_use]
    pub fn recognise(method: &Method, path_and_query: &str) -> Self {
        Self::session(method, path_and_query)
            .unwrap_or_else(|| Self::Other { idempotency: Idempotency::of_method(method) })
    }

    fn session(method: &Method, path_and_query: &str) -> Option<Self> {
        let path = path_and_query.split_once('?').map_or(path_and_query, |(path, _)| path);
        let mut segments = path.strip_prefix('/')?.split('/').map(percent::decode);
        for expected in ["v1", "Services"] {
            segments.next()?.filter(|segment| segment == expected)?;
        }
        let service = ServiceSid::new(&segments.next()??).ok()?;
        segments.next()?.filter(|segment| segment == "Sessions")?;
        let key = match segments.next() {
            None => None,
            Some(key) => Some(key.filter(|key| !matches!(&**key, "" | "." | ".."))?.into_owned()),
        };
        if segments.next().is_some() {
            return None;
        }
        match (method, key) {
            (&Method::POST, None) => Some(Self::CreateSession { service }),
            (&Method::GET, None) => Some(Self::ListSessions { service }),
            (&Method::GET, Some(key)) => Some(Self::FetchSession { service, key }),
            (&Method::POST, Some(key)) => Some(Self::UpdateSession { service, key }),
            (&Method::DELETE, Some(key)) => Some(Self::DeleteSession { service, key }),
            _ => None,
        }
    }

    /// Name, method, template and idempotency of the operation, if it is a known one.
    #[must_use]
    pub fn meta(&self) -> Option<OperationMeta> {
        match self {
            Self::CreateSession { .. } => Some(Self::CREATE_SESSION),
            Self::ListSessions { .. } => Some(Self::LIST_SESSIONS),
            Self::FetchSession { .. } => Some(Self::FETCH_SESSION),
            Self::UpdateSession { .. } => Some(Self::UPDATE_SESSION),
            Self::DeleteSession { .. } => Some(Self::DELETE_SESSION),
            Self::Other { .. } => None,
        }
    }

    /// The Service, by which quotas are counted.
    #[must_use]
    pub fn service(&self) -> Option<ServiceSid> {
        match self {
            Self::CreateSession { service }
            | Self::ListSessions { service }
            | Self::FetchSession { service, .. }
            | Self::UpdateSession { service, .. }
            | Self::DeleteSession { service, .. } => Some(*service),
            Self::Other { .. } => None,
        }
    }

    /// Whether the request may be repeated, as far as method and path tell.
    ///
    /// A create is [`Idempotency::Unsafe`] here: the UniqueName that would make it
    /// [`Idempotency::Keyed`] is in its body.
    #[must_use]
    pub fn idempotency(&self) -> Idempotency {
        match self {
            Self::Other { idempotency } => *idempotency,
            known => known.meta().map_or(Idempotency::Unsafe, |meta| meta.idempotency),
        }
    }
}

const fn meta(
    name: &'static str,
    method: Method,
    template: &'static str,
    idempotency: Idempotency,
) -> OperationMeta {
    OperationMeta { name, method, template, idempotency }
}

#[cfg(test)]
mod tests;
