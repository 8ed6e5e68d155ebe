use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields of an answer that this version of the crate has no name for, kept as they came.
///
/// A map in all but its `Debug`, which prints the names alone: nobody knows yet whether a value is
/// a phone number. It allocates nothing while it is empty.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use twilio_proxy::wire::Extra;
///
/// #[derive(Deserialize, Serialize)]
/// struct Interaction {
///     sid: String,
///     #[serde(flatten)]
///     extra: Extra,
/// }
///
/// let text = r#"{"sid":"KI1","colour":"blue"}"#;
/// let interaction: Interaction = serde_json::from_str(text)?;
/// assert_eq!(interaction.extra["colour"], "blue");
/// assert_eq!(serde_json::to_string(&interaction)?, text);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(Map<String, Value>);

impl Deref for Extra {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Extra {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_names_and_no_values() {
        let extra: Extra =
            serde_json::from_str(r#"{"caller":"+15550100"}"#).expect("a map decodes");
        assert_eq!(format!("{extra:?}"), r#"{"caller"}"#);
    }
}
