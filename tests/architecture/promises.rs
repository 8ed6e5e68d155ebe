//! The page of promises: a test that it names has to be there.

use crate::source::Source;

/// In each row, a path in backticks, and after it the tests of that file.
pub(crate) fn promises(page: &Source, sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in page.text.lines().enumerate() {
        let mut file = None;
        for quoted in line.split('`').skip(1).step_by(2) {
            if quoted.ends_with(".rs") {
                file = Some(quoted);
            } else if let Some(file) = file.filter(|_| is_name(quoted))
                && !sources.iter().any(|source| source.path == file && has_test(source, quoted))
            {
                let place = format!("{}:{}", page.path, number + 1);
                complaints.push(format!(
                    "{place}: there is no test {quoted} in {file}: name the one that holds the promise now"
                ));
            }
        }
    }
    complaints
}

fn is_name(quoted: &str) -> bool {
    quoted.contains('_')
        && quoted.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

/// A function of its own, or one that a macro makes of its name.
fn has_test(source: &Source, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    source.text.match_indices(name).any(|(at, _)| {
        let before = source.text[..at].trim_end();
        ends(&source.text[at + name.len()..])
            && (before.ends_with("fn") || before.ends_with([',', '{', '(', '}']))
    })
}
