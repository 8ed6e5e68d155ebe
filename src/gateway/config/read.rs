//! A tree of values becomes a configuration, and everything that is wrong with the tree is found.
//!
//! serde stops at the first mistake. So it is asked again: whatever it complains of is noted and taken
//! out of the tree, until what is left can be read. Keys that nobody knows are found before that, by
//! the schema, which also tells what the text of a variable stands for.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::sources::Origins;
use super::values::MASK;
use super::{GatewayConfig, Problem};

/// The JSON Schema of a type; with every part of it in its place where `inline` says so.
pub(super) fn schema<T: JsonSchema>(inline: bool) -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = inline);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Reads what can be read, and says what can't.
pub(super) fn read(
    tree: &mut Value,
    origins: &Origins,
    problems: &mut Vec<Problem>,
) -> GatewayConfig {
    let schema = schema::<GatewayConfig>(true);
    let mut weeds = Weeds { origins, problems };
    weeds.pull(tree, &schema, "");
    // What was taken out of lists, by its place in the file: what stands behind it has moved up.
    let mut taken: Vec<(String, usize)> = Vec::new();
    loop {
        match serde_path_to_error::deserialize::<_, GatewayConfig>(&*tree) {
            Ok(config) => return config,
            Err(error) => {
                let path: Vec<Step> = steps(error.path());
                let key = match path.split_last() {
                    Some((Step::Index(at), list)) => {
                        let list = name(list);
                        let at = place_in_file(*at, &list, &mut taken);
                        format!("{list}[{at}]")
                    }
                    _ => name(&path),
                };
                let value = at(tree, &path).cloned();
                problems.push(mistake(key, value.as_ref(), &error.inner().to_string(), origins));
                if !take_out(tree, &path) {
                    // OK because a tree with nothing in it can be read: this is for a path that leads
                    // nowhere, which serde does not give.
                    return GatewayConfig::default();
                }
            }
        }
    }
}

/// What serde says, in the words of whoever wrote the file.
fn mistake(key: String, value: Option<&Value>, said: &str, origins: &Origins) -> Problem {
    // What is expected comes last: the value may have such words in it.
    let (problem, fix) = said.rsplit_once(", expected ").unwrap_or((said, ""));
    let repeats_value = ["invalid ", "unknown "].iter().any(|it| problem.starts_with(it));
    let is_hidden = value.is_some_and(|value| is_hidden(&key, value));
    let (problem, fix) = match fix {
        "a string" | "a secret" if is_secret(&key) => (UNSAID.to_owned(), "a text without spaces"),
        fix if is_hidden && repeats_value => (UNSAID.to_owned(), fix),
        fix => (problem.to_owned(), fix),
    };
    let problem = match problem.strip_prefix("unknown variant ") {
        Some(word) => format!("there is no {word}"),
        None => problem,
    };
    let words: Vec<&str> = fix.split('`').skip(1).step_by(2).collect();
    let nearest = value.and_then(Value::as_str).and_then(|word| nearest(word, words));
    let fix = match (nearest, fix) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, "") => String::new(),
        (None, expected) => format!("give {}", plain(expected)),
    };
    shown(Problem::new(key, problem, fix), value, origins)
}

/// What is wrong with a value that is not shown.
const UNSAID: &str = "it is not what it should be";

/// What serde calls a type, in plain words.
fn plain(expected: &str) -> &str {
    match expected {
        "a nonzero u16" | "a nonzero u32" | "a nonzero usize" => "a whole number from 1 on",
        "u8" | "u16" | "u32" | "usize" => "a whole number from 0 on",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

/// The problem, with what stands there and where.
pub(super) fn shown(problem: Problem, value: Option<&Value>, origins: &Origins) -> Problem {
    let key = &problem.key;
    let value =
        value.map(|value| if is_hidden(key, value) { MASK.to_owned() } else { value.to_string() });
    let source = origins.of(key).map(str::to_owned);
    Problem { value, source, ..problem }
}

/// Whether a value is shown to nobody.
fn is_hidden(key: &str, value: &Value) -> bool {
    // A password in a URL, with or without its scheme, or a key that stands where its file should.
    let text = value.to_string();
    is_secret(key) || text.contains('@') || text.contains("-----BEGIN")
}

/// Keys whose values are shown to nobody.
fn is_secret(key: &str) -> bool {
    let key = key.split('[').next().unwrap_or(key);
    let last = key.rsplit('.').next().unwrap_or(key);
    matches!(last, "auth_token" | "api_key_secret" | "client_secret" | "tunnel" | "redis")
        // The SIDs that stand beside secrets: the two are easily put in each other's place.
        || matches!(key, "credentials.account_sid" | "credentials.api_key_sid" | "credentials.client_id")
        // Credentials are refused as headers, and must not be shown for it.
        || key.starts_with("headers.extra")
        // A whole table that is something else may have one in it.
        || matches!(key, "credentials" | "fleet" | "transport" | "headers")
}

struct Weeds<'a> {
    origins: &'a Origins,
    problems: &'a mut Vec<Problem>,
}

impl Weeds<'_> {
    /// Takes out the keys that the schema doesn't have, and reads the texts of variables as what the
    /// schema says they are.
    fn pull(&mut self, value: &mut Value, schema: &Value, path: &str) {
        match value {
            Value::Object(table) => {
                let Some(known) = schema.get("properties").and_then(Value::as_object) else {
                    return;
                };
                let unknown: Vec<String> =
                    table.keys().filter(|key| !known.contains_key(*key)).cloned().collect();
                for key in unknown {
                    let value = table.remove(&key);
                    let path = join(path, &key);
                    let problem = Problem::new(path, "there is no such key", meant(&key, known));
                    // Nobody knows what it is, so it may be a secret.
                    self.problems.push(Problem {
                        value: value.map(|_| MASK.to_owned()),
                        source: self.origins.of(&problem.key).map(str::to_owned),
                        ..problem
                    });
                }
                for (key, value) in table {
                    if let Some(schema) = known.get(key) {
                        self.pull(value, schema, &join(path, key));
                    }
                }
            }
            // serde would take a list for the values of the table, in the order of their declaration.
            Value::Array(_) if schema.get("properties").is_some() => {
                let list = std::mem::replace(value, Value::Object(serde_json::Map::new()));
                let fix =
                    format!("give a table: `[{path}]`, in one pair of brackets, and only once");
                let problem = Problem::new(path, "it is a list, and no table", fix);
                let problem = shown(problem, Some(&list), self.origins);
                self.problems.push(Problem { value: Some(MASK.to_owned()), ..problem });
            }
            Value::String(text) => {
                if self.origins.is_variable(path)
                    && let Some(read) = from_text(text, schema)
                {
                    *value = read;
                }
            }
            _ => {}
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What to write in place of a key that is unknown.
fn meant(key: &str, known: &serde_json::Map<String, Value>) -> String {
    match nearest(key, known.keys().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("there are: {}", names.join(", "))
        }
    }
}

/// The word that was meant, if one is near enough.
fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |other: &str| strsim::jaro_winkler(word, other);
    let nearest = words.into_iter().max_by(|one, other| near(one).total_cmp(&near(other)))?;
    (near(nearest) > 0.85).then_some(nearest)
}

/// A variable is text: what the schema says is a number, a truth or a list is read as one.
fn from_text(text: &str, schema: &Value) -> Option<Value> {
    let is = |name: &str| match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    };
    if is("array") {
        let items = schema.get("items").unwrap_or(&Value::Null);
        let each = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Some(each.map(|item| from_text(item, items).unwrap_or(item.into())).collect());
    }
    if is("integer") || is("number") || is("boolean") {
        // What is none stays a text, and is refused as such.
        return serde_json::from_str(text.trim()).ok().filter(|value: &Value| !value.is_array());
    }
    None
}

/// Where an item of a list stood before others were taken out; it is taken out next.
fn place_in_file(mut at: usize, list: &str, taken: &mut Vec<(String, usize)>) -> usize {
    for (_, earlier) in taken.iter().filter(|(other, _)| other == list) {
        at += usize::from(*earlier <= at);
    }
    taken.push((list.to_owned(), at));
    taken.sort();
    at
}

enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn name(path: &[Step]) -> String {
    path.iter().fold(String::new(), |path, step| match step {
        Step::Key(key) => join(&path, key),
        Step::Index(at) => format!("{path}[{at}]"),
    })
}

fn at<'a>(tree: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(tree, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(at) => value.get(at),
    })
}

/// Takes out what is at the end of a path; whether something was there.
fn take_out(tree: &mut Value, path: &[Step]) -> bool {
    let Some((last, parents)) = path.split_last() else {
        let was_empty = tree.as_object().is_some_and(serde_json::Map::is_empty);
        *tree = Value::Object(serde_json::Map::new());
        return !was_empty;
    };
    let parent = parents.iter().try_fold(tree, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(at) => value.get_mut(at),
    });
    match (parent, last) {
        (Some(Value::Object(table)), Step::Key(key)) => table.remove(key).is_some(),
        (Some(Value::Array(list)), Step::Index(at)) if *at < list.len() => {
            list.remove(*at);
            true
        }
        _ => false,
    }
}
