use std::fmt;

/// A value of an enumeration that this version of the crate has no name for.
///
/// Only reading a text makes one, so that no listed value can hide in it and two values are equal
/// exactly when their texts are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unlisted(Box<str>);

impl Unlisted {
    /// The value as the API writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For the enumerations below and those of callbacks, once no listed value fits.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Unlisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

macro_rules! open_enum {
    (
        $(#[$doc:meta])*
        $name:ident, $what:literal {
            $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A value that this version of the crate has no name for, kept as it came.
            Other($crate::sessions::Unlisted),
        }

        impl $name {
            /// The value as the API writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(other) => other.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Other($crate::sessions::Unlisted::of(text)),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, std::convert::Infallible> {
                Ok(text.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TextVisitor;

                impl serde::de::Visitor<'_> for TextVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        Ok(text.into())
                    }
                }

                deserializer.deserialize_str(TextVisitor)
            }
        }
    };
}

#[cfg(feature = "webhook")]
pub(crate) use open_enum;

open_enum! {
    /// Where a session is in its life.
    ///
    /// A caller may close one that is open or in progress, and re-open a closed one by setting it
    /// in progress. <https://www.twilio.com/docs/proxy/api/session>
    SessionStatus, "the status of a session" {
        /// Ready, and nothing has been said in it yet.
        Open = "open",
        /// Something has been said in it.
        InProgress = "in-progress",
        /// Ended, by a caller or by its expiry.
        Closed = "closed",
        /// It could not be set up.
        Failed = "failed",
        /// The API's own word: it does not know. Not a value that is unknown to this crate.
        Unknown = "unknown",
    }
}

open_enum! {
    /// What may go through a session. <https://www.twilio.com/docs/proxy/api/session>
    SessionMode, "the mode of a session" {
        /// Messages, no calls.
        MessageOnly = "message-only",
        /// Calls, no messages.
        VoiceOnly = "voice-only",
        /// Both: the API's default.
        VoiceAndMessage = "voice-and-message",
    }
}
