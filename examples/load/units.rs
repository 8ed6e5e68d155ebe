//! Numbers for people.

/// A time in the unit that suits it, to three digits.
pub(crate) fn time(micros: f64) -> String {
    let (value, unit) = match micros {
        _ if micros < 1e3 => return format!("{micros:.0} µs"),
        _ if micros < 1e6 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    let digits = match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// The same without trailing zeros, and with all digits of the ends of buckets: for those, and for
/// the marks of an axis.
pub(crate) fn edge(micros: f64) -> String {
    // The ends of buckets are products of fractions: 7.1 is 7.1000000000000005 there.
    let micros = (micros * 100.0).round() / 100.0;
    if micros < 1e3 {
        return format!("{micros} µs");
    }
    let text = time(micros);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// A count, in groups of three.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share, in per cent.
pub(crate) fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "–".to_owned(),
        _ => format!("{:.1} %", part as f64 * 100.0 / whole as f64),
    }
}
