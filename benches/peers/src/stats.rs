//! Medians and how far to trust them.

use serde_json::{Value, json};

/// A median with the interval that holds the true one with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

impl Estimate {
    /// Of these values, by order statistics: no distribution is assumed and nothing is drawn at random.
    ///
    /// With fewer than six values no interval is that sure; then it is from the least to the greatest.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let median = (at(count.saturating_sub(1) / 2) + at(count / 2)) / 2.0;
        let outside = outside(count);
        Self { median, low: at(outside), high: at((count - outside).saturating_sub(1)) }
    }

    /// For a file.
    #[must_use]
    pub fn to_json(self) -> Value {
        json!([self.median, self.low, self.high])
    }

    /// From a file.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let at = |index: usize| value.get(index)?.as_f64();
        Some(Self { median: at(0)?, low: at(1)?, high: at(2)? })
    }
}

/// How many of so many values, in order, lie outside the interval on either side: the most such that the true median
/// has so few on that side of it in at most 2.5 % of samples.
fn outside(count: usize) -> usize {
    let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let (mut sum, mut outside) = (0.0, 0);
    for values in 0..count / 2 {
        sum += chance;
        if sum > 0.025 {
            break;
        }
        outside = values;
        chance *= (count - values) as f64 / (values + 1) as f64;
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_tables() {
        // Of ten the second and the ninth, of a hundred the 40th and the 61st; of five there is none.
        let of = |count: usize| Estimate::of((1..=count).map(|value| value as f64).collect());
        assert_eq!(of(5), Estimate { median: 3.0, low: 1.0, high: 5.0 });
        assert_eq!(of(10), Estimate { median: 5.5, low: 2.0, high: 9.0 });
        assert_eq!(of(100), Estimate { median: 50.5, low: 40.0, high: 61.0 });
    }
}
