//! How the parameters of a callback become its fields.

use http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::DecodeError;
use super::enums::{InteractionType, ResourceStatus, ResourceType};
use crate::call::{
    AccountSid, ParticipantSid, PhoneNumberSid, ServiceSid, SessionSid, Sid, percent,
};
use crate::sessions::{SessionMode, SessionStatus};
use crate::webhook::cover::is_form;
use crate::wire::Extra;

/// A group of parameters that takes what belongs to it.
pub(super) trait Intake {
    /// Takes a parameter, and says whether it has a place for it.
    fn take(&mut self, name: &str, text: &str) -> bool;
}

/// The type of a parameter.
pub(super) trait Field: Sized {
    /// Whether a value may be printed: it is nobody's number, name or words.
    const PRINTED: bool;

    /// The value that this text is, or `None` where it is none of the type.
    fn read(text: &str) -> Option<Self>;
}

impl Field for String {
    const PRINTED: bool = false;

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

macro_rules! parsed {
    ($($type:ty),*) => {$(
        impl Field for $type {
            const PRINTED: bool = true;

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

parsed!(AccountSid, ParticipantSid, PhoneNumberSid, ServiceSid, SessionSid, Sid, Timestamp, u32);

macro_rules! listed {
    ($($type:ident),*) => {$(
        impl Field for $type {
            const PRINTED: bool = true;

            /// Twilio's examples have `Voice` where its OpenAPI document has `voice`.
            fn read(text: &str) -> Option<Self> {
                let exact = Self::from(text);
                let lower = match &exact {
                    Self::Other(_) => Self::from(text.to_ascii_lowercase().as_str()),
                    _ => return Some(exact),
                };
                Some(if matches!(lower, Self::Other(_)) { exact } else { lower })
            }
        }
    )*};
}

listed!(InteractionType, ResourceStatus, ResourceType, SessionMode, SessionStatus);

/// A struct of parameters, each an `Option`, and of groups of them that share a prefix.
macro_rules! parameters {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal,)*
        }
        $(within {
            $($(#[$part_doc:meta])* $part:ident: $of:ty = $prefix:literal,)*
        })?
        $(and $(#[$extra_doc:meta])* $extra:ident)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            $($($(#[$part_doc])* pub $part: $of,)*)?
            $($(#[$extra_doc])* pub $extra: $crate::wire::Extra,)?
        }

        impl $crate::webhook::callbacks::parameters::Intake for $name {
            fn take(&mut self, name: &str, text: &str) -> bool {
                match name {
                    $($key => {
                        if self.$field.is_none() {
                            self.$field =
                                $crate::webhook::callbacks::parameters::Field::read(text);
                            return self.$field.is_some();
                        }
                        return false;
                    })*
                    _ => {}
                }
                $($(
                    if let Some(name) = name.strip_prefix($prefix) {
                        return self.$part.take(name, text);
                    }
                )*)?
                false
            }
        }

        /// Without numbers, names and words.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut fields = f.debug_struct(stringify!($name));
                $(if <$type as $crate::webhook::callbacks::parameters::Field>::PRINTED && self.$field.is_some() {
                    fields.field(stringify!($field), &self.$field);
                })*
                $($(fields.field(stringify!($part), &self.$part);)*)?
                $(fields.field(stringify!($extra), &self.$extra);)?
                fields.finish_non_exhaustive()
            }
        }

        $($crate::webhook::callbacks::parameters::callback!($name, $extra);)?
    };
}

/// The ways to read a whole callback.
macro_rules! callback {
    ($name:ident, $extra:ident) => {
        impl $name {
            /// Reads a callback by its content type: JSON, and everything else as a form. For a
            /// GET, read its query with [`from_form`](Self::from_form).
            ///
            /// # Errors
            ///
            /// The body is no form in UTF-8, or no JSON object.
            pub fn decode(
                headers: &http::HeaderMap,
                body: &[u8],
            ) -> Result<Self, $crate::webhook::DecodeError> {
                if $crate::webhook::callbacks::parameters::is_json(headers) {
                    Self::from_json(body)
                } else {
                    Self::from_form(body)
                }
            }

            /// Reads a form, or the query of a URL.
            ///
            /// # Errors
            ///
            /// It is not UTF-8.
            pub fn from_form(body: &[u8]) -> Result<Self, $crate::webhook::DecodeError> {
                let mut callback = Self::default();
                let mut extra = $crate::wire::Extra::default();
                $crate::webhook::callbacks::parameters::form(body, &mut callback, &mut extra)?;
                callback.$extra = extra;
                Ok(callback)
            }

            /// Reads a JSON object whose keys are the parameters.
            ///
            /// # Errors
            ///
            /// It is no JSON object.
            pub fn from_json(body: &[u8]) -> Result<Self, $crate::webhook::DecodeError> {
                let mut callback = Self::default();
                let mut extra = $crate::wire::Extra::default();
                $crate::webhook::callbacks::parameters::json(body, &mut callback, &mut extra)?;
                callback.$extra = extra;
                Ok(callback)
            }
        }
    };
}

pub(super) use {callback, parameters};

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    content_type.is_some_and(|value| {
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        !is_form(value)
            && (essence.eq_ignore_ascii_case(b"application/json") || essence.ends_with(b"+json"))
    })
}

pub(super) fn form(
    body: &[u8],
    to: &mut impl Intake,
    extra: &mut Extra,
) -> Result<(), DecodeError> {
    std::str::from_utf8(body)
        .ok()
        .and_then(percent::decode)
        .ok_or(DecodeError("the form is not UTF-8"))?;
    for (name, value) in form_urlencoded::parse(body) {
        // Twilio sends what it does not know as an empty value.
        if !value.is_empty() && !to.take(&name, &value) {
            keep(extra, &name, Value::String(value.into_owned()));
        }
    }
    Ok(())
}

pub(super) fn json(
    body: &[u8],
    to: &mut impl Intake,
    extra: &mut Extra,
) -> Result<(), DecodeError> {
    let map: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| DecodeError("the body is no JSON object"))?;
    for (name, value) in map {
        let taken = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty() || to.take(&name, text),
            other => to.take(&name, &other.to_string()),
        };
        if !taken {
            keep(extra, &name, value);
        }
    }
    Ok(())
}

/// Adds a value under its name; several become a list.
fn keep(extra: &mut Extra, name: &str, value: Value) {
    match extra.get_mut(name) {
        None => {
            extra.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}
