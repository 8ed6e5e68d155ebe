use http::Method;
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use crate::call::ServiceSid;

/// What a request asks for: the name by which quotas, scripts and counts know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// `POST …/Sessions`
    Create,
    /// `GET …/Sessions/{Sid}`
    Fetch,
    /// `GET …/Sessions`
    List,
    /// `POST …/Sessions/{Sid}`
    Update,
    /// `DELETE …/Sessions/{Sid}`
    Delete,
    /// `GET …/Sessions/{Sid}/Participants`
    Participants,
    /// `POST /v2/token`: a token for a client of an OAuth app.
    Token,
    /// Anything else; answered 404 or 405.
    Other,
}

/// Where a request leads.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) action: Action,
    pub(super) service: ServiceSid,
    /// A session's SID or name; empty for the collection.
    pub(super) key: String,
}

impl Route {
    pub(super) fn read(method: &Method, path: &str) -> Result<Self, Refusal> {
        let not_found = || Refusal::not_found(path);
        let segments = segments(path).ok_or_else(not_found)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["v1", "Services", service, "Sessions", rest @ ..] = &segments[..] else {
            return Err(not_found());
        };
        let service = ServiceSid::new(service).map_err(|_| not_found())?;
        let (key, action) = match (rest, method) {
            ([], &Method::POST) => ("", Action::Create),
            ([], &Method::GET) => ("", Action::List),
            (["", ..], _) => return Err(not_found()),
            ([key], &Method::GET) => (*key, Action::Fetch),
            ([key], &Method::POST) => (*key, Action::Update),
            ([key], &Method::DELETE) => (*key, Action::Delete),
            ([key, "Participants"], &Method::GET) => (*key, Action::Participants),
            ([] | [_] | [_, "Participants"], _) => return Err(Refusal::wrong_method(method)),
            _ => return Err(not_found()),
        };
        Ok(Self { action, service, key: key.to_owned() })
    }
}

/// The path's segments, each with its escapes undone; `None` where they don't spell UTF-8.
///
/// Dot segments are followed, escaped or not, as servers and what stands before them do: a client
/// that lets a key of `..` through finds itself at another resource here too.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut kept = Vec::new();
    for raw in path.split('/').skip(1) {
        match percent_decode_str(raw).decode_utf8().ok()?.as_ref() {
            "." => {}
            ".." => drop(kept.pop()),
            text => kept.push(text.to_owned()),
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "KS0123456789abcdef0123456789abcdef";

    fn read(method: &Method, rest: &str) -> Result<(Action, String), u16> {
        Route::read(method, &format!("/v1/Services/{SERVICE}/{rest}"))
            .map(|route| (route.action, route.key))
            .map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn each_operation_has_its_method_and_path() {
        assert_eq!(read(&Method::POST, "Sessions"), Ok((Action::Create, String::new())));
        assert_eq!(read(&Method::GET, "Sessions"), Ok((Action::List, String::new())));
        assert_eq!(read(&Method::GET, "Sessions/a"), Ok((Action::Fetch, "a".into())));
        assert_eq!(read(&Method::POST, "Sessions/a"), Ok((Action::Update, "a".into())));
        assert_eq!(read(&Method::DELETE, "Sessions/a"), Ok((Action::Delete, "a".into())));
        assert_eq!(read(&Method::PUT, "Sessions/a"), Err(405));
        assert_eq!(read(&Method::GET, "Sessions/"), Err(404));
        let participants = "Sessions/a/Participants";
        assert_eq!(read(&Method::GET, participants), Ok((Action::Participants, "a".into())));
        assert_eq!(read(&Method::POST, participants), Err(405));
        assert_eq!(read(&Method::GET, "Sessions//Participants"), Err(404));
        assert_eq!(read(&Method::GET, "Sessions/a/Participants/b"), Err(404));
        assert_eq!(read(&Method::GET, "Sessions/a/Interactions"), Err(404));
        assert_eq!(read(&Method::GET, "Sessions/%ff"), Err(404));
    }

    #[test]
    fn a_key_is_one_segment_with_its_escapes_undone_and_plus_is_a_plus() {
        assert_eq!(
            read(&Method::GET, "Sessions/Order%20%231%2F2+3"),
            Ok((Action::Fetch, "Order #1/2+3".into()))
        );
    }

    #[test]
    fn dot_segments_lead_elsewhere_however_they_are_escaped() {
        assert_eq!(read(&Method::GET, "Sessions/%2e"), Ok((Action::List, String::new())));
        assert_eq!(read(&Method::GET, "Sessions/a/.%2E"), Ok((Action::List, String::new())));
        assert_eq!(read(&Method::DELETE, "Sessions/.."), Err(404));
    }
}
