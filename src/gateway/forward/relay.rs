use std::fmt;

use bytes::Bytes;
use http::Method;

use crate::call::Sid;
use crate::wire::{Answer, DecodeError, EncodeError, Encoder, Operation, OperationMeta, Plain};

/// A request that goes on as it came: path, query and body byte for byte.
#[derive(Clone)]
pub struct Relay {
    pub(super) meta: OperationMeta,
    pub(super) path_and_query: String,
    pub(super) scope: Option<Sid>,
    pub(super) body: Bytes,
}

impl Operation for Relay {
    type Output = Answer;
    type Recovery = Plain;
    /// Each has its own; this is said of none.
    const META: OperationMeta = OperationMeta::new("relay", Method::GET, "");

    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
        to.as_said(self.meta.clone(), &self.path_and_query, self.body.clone())?;
        if let Some(scope) = self.scope {
            to.scope(scope);
        }
        Ok(())
    }

    fn decode(answer: Answer) -> Result<Answer, DecodeError> {
        Ok(answer)
    }
}

/// Prints no path and no body: there are names and phone numbers in them.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// What a request is called of which only the method is known.
pub(super) fn other(method: &Method) -> OperationMeta {
    let name = match *method {
        Method::GET => "other.get",
        Method::HEAD => "other.head",
        Method::POST => "other.post",
        Method::PUT => "other.put",
        Method::PATCH => "other.patch",
        Method::DELETE => "other.delete",
        Method::OPTIONS => "other.options",
        _ => "other",
    };
    OperationMeta::new(name, method.clone(), "")
}
