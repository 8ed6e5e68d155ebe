//! Files and variables, merged into one tree and read from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use config::builder::DefaultState;
use config::{ConfigBuilder, Environment, FileFormat, Source, ValueKind};
use serde_json::{Map, Number, Value};

use super::files::{Text, Variables};
use super::{ConfigError, GatewayConfig, Problem, read};

/// What variables begin with, two underscores included.
const PREFIX: &str = "TWILIO_PROXY";
/// What stands between the names of a table and of a key in it.
const SEPARATOR: &str = "__";

/// Where a configuration comes from: files, texts and variables, the later before the earlier.
///
/// ```
/// use twilio_proxy::gateway::config::ConfigSources;
///
/// # fn main() -> Result<(), twilio_proxy::gateway::config::ConfigError> {
/// let config = ConfigSources::new()
///     .toml("[deadline]\nwithin = \"20s\"\n[retry]\nmax_attempts = 2")
///     .variables([("TWILIO_PROXY__DEADLINE__WITHIN", "5s")])
///     .read()?;
/// assert_eq!(config.deadline.within.map(|time| time.0.as_secs()), Some(5));
/// assert_eq!(config.retry.max_attempts.map(u32::from), Some(2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "sources do nothing until they are read"]
pub struct ConfigSources {
    builder: ConfigBuilder<DefaultState>,
    problems: Vec<Problem>,
}

impl ConfigSources {
    /// Nothing yet: the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file, TOML or JSON by its extension. It must be there.
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => FileFormat::Toml,
            Some("json") => FileFormat::Json,
            _ => {
                let problem = format!("`{}` is neither a .toml nor a .json file", path.display());
                self.problems.push(Problem::new("", problem, "give the file one of these names"));
                return self;
            }
        };
        self.with(Text::at(path, format))
    }

    /// A text in TOML.
    pub fn toml(self, text: &str) -> Self {
        self.with(Text::new(text, FileFormat::Toml))
    }

    /// A text in JSON.
    pub fn json(self, text: &str) -> Self {
        self.with(Text::new(text, FileFormat::Json))
    }

    /// The variables of the environment that begin with `TWILIO_PROXY__`, such as
    /// `TWILIO_PROXY__RATE_LIMIT__QUOTA=10/s`. Lists are parted by commas.
    pub fn environment(self) -> Self {
        self.with(Variables(variables()))
    }

    /// The same with variables from elsewhere, such as a test.
    pub fn variables<K: Into<String>, V: Into<String>>(
        self,
        these: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let these = these.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.with(Variables(variables().source(Some(these.collect()))))
    }

    fn with(mut self, source: impl Source + Send + Sync + 'static) -> Self {
        self.builder = self.builder.add_source(source);
        self
    }

    /// The configuration, checked as a whole.
    ///
    /// # Errors
    ///
    /// A file that can't be read, a key that is unknown, a value that can't be, settings that
    /// contradict each other, an order of layers that is not safe: all of them at once.
    pub fn read(self) -> Result<GatewayConfig, ConfigError> {
        let mut problems = self.problems;
        let mut tree = Value::Object(Map::new());
        let mut origins = Origins::default();
        let merged = self.builder.build().and_then(|config| config.collect());
        match merged {
            Ok(table) => tree = origins.take_table(table, ""),
            Err(error) => problems.push(unreadable(&error)),
        }
        let mut config = read::read(&mut tree, &origins, &mut problems);
        config.origins = Arc::new(origins);
        if problems.iter().any(|problem| problem.key.starts_with("stack")) {
            // What follows from an order that couldn't be read whole is guesswork.
            config.stack = None;
        }
        problems.extend(config.problems());
        ConfigError::of(problems).map(|()| config)
    }
}

fn variables() -> Environment {
    Environment::with_prefix(PREFIX).prefix_separator(SEPARATOR).separator(SEPARATOR)
}

/// A file that is not there, or whose syntax is wrong.
fn unreadable(error: &config::ConfigError) -> Problem {
    let (source, cause) = match error {
        config::ConfigError::FileParse { uri, cause } => (uri.clone(), cause.to_string()),
        config::ConfigError::Foreign(cause) => (None, cause.to_string()),
        // A variable, whose value is in the text.
        config::ConfigError::Message(_) => {
            let problem = format!("a variable that begins with {PREFIX}{SEPARATOR} can't be read");
            return Problem::new("", problem, "give it a value in UTF-8, or take it away");
        }
        config::ConfigError::PathParse { .. } => {
            let problem = "a name of a key, or of a variable, is none";
            let fix = format!(
                "name keys by letters and underscores, and variables like {PREFIX}__RETRY__BASE"
            );
            return Problem::new("", problem, fix);
        }
        other => (None, other.to_string()),
    };
    // The parser shows the line, in which there may be a secret: those lines are left out.
    let shown: Vec<&str> = cause
        .lines()
        .filter(|line| {
            !line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|')
        })
        .collect();
    // The value is in what is said of it.
    let is_no_table = cause.starts_with("invalid type");
    let shown =
        if is_no_table { "what stands there is no table".to_owned() } else { shown.join(": ") };
    let problem = Problem::new("", shown, "put the file right, and see that it can be read");
    Problem { source, ..problem }
}

/// How the origin of a key is told that comes from a variable.
const VARIABLE: &str = "the variable ";

/// Which file or variable each key comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Origins(BTreeMap<String, String>);

impl Origins {
    /// Where a key comes from; for a list or a table, where any of what is in it does.
    pub(super) fn of(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether a key comes from a variable, where everything is text.
    pub(super) fn is_variable(&self, key: &str) -> bool {
        self.of(key).is_some_and(|origin| origin.starts_with(VARIABLE))
    }

    fn take_table(&mut self, table: config::Map<String, config::Value>, path: &str) -> Value {
        let children = table.into_iter().map(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            (key, self.take(value, &path))
        });
        Value::Object(children.collect())
    }

    fn take(&mut self, value: config::Value, path: &str) -> Value {
        if let Some(origin) = value.origin() {
            let origin = match origin {
                "the environment" => {
                    let name = path.replace('.', SEPARATOR).to_uppercase();
                    format!("{VARIABLE}{PREFIX}{SEPARATOR}{name}")
                }
                file => file.to_owned(),
            };
            self.0.insert(path.to_owned(), origin);
        }
        match value.kind {
            ValueKind::Nil => Value::Null,
            ValueKind::Boolean(yes) => yes.into(),
            ValueKind::I64(number) => number.into(),
            ValueKind::U64(number) => number.into(),
            // As text where it is too large: no setting is.
            ValueKind::I128(number) => number.to_string().into(),
            ValueKind::U128(number) => number.to_string().into(),
            ValueKind::Float(number) => {
                Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
            }
            ValueKind::String(text) => text.into(),
            ValueKind::Table(table) => self.take_table(table, path),
            ValueKind::Array(values) => {
                let values = values.into_iter().enumerate();
                values.map(|(at, value)| self.take(value, &format!("{path}[{at}]"))).collect()
            }
        }
    }
}
