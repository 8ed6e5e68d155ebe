//! The cubic curve by which a rate comes back: arithmetic alone.

/// How long the curve takes back to its plateau, in seconds.
pub(super) const RETURN: f64 = 2.5;

/// How long from the plateau on until the curve is as far above it as it began below, in seconds.
pub(super) const PROBE: f64 = 6.0;

/// A rate over time: from where it was cut to, up to a plateau, and on beyond it.
///
/// Steep at first, flat around the plateau, steeper and steeper after it. For why, and for the
/// numbers, see [`throttle`](super::throttle). Rates are calls a second, times are nanoseconds
/// after the limiter's beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Curve {
    /// Where the time of the curve begins; before that it stands at its start.
    pub(super) since: u64,
    /// The rate that is believed to be the server's limit.
    pub(super) plateau: f64,
    /// How far below the plateau it starts; more than 0, or it would stay there for ever.
    pub(super) drop: f64,
}

impl Curve {
    /// The rate at a moment.
    pub(super) fn rate(&self, at: u64) -> f64 {
        let (seconds, scale) = self.past_plateau(self.seconds(at));
        self.plateau + self.drop * (seconds / scale).powi(3)
    }

    /// When the rate is as high as this.
    pub(super) fn reaches(&self, rate: f64) -> u64 {
        let above = ((rate - self.plateau) / self.drop).cbrt();
        let seconds = RETURN + above * if above < 0.0 { RETURN } else { PROBE };
        // Casts saturate: no rate is reached later than the end of time.
        self.since.saturating_add((seconds.max(0.0) * 1e9).ceil() as u64)
    }

    /// When so many cells have come in since `from`, at the curve's rate and never more than `most`.
    pub(super) fn brings(&self, cells: f64, from: u64, most: f64) -> u64 {
        let level = self.reaches(most).max(from);
        let (begin, end) = (self.seconds(from), self.seconds(level));
        let before = self.area(begin);
        let rising = self.area(end) - before;
        let seconds = if cells > rising {
            (end - begin) + (cells - rising) / most
        } else {
            // The area grows steadily: halve until a microsecond is left.
            let (mut early, mut late) = (begin, end);
            while late - early > 1e-6 {
                let middle = (early + late) / 2.0;
                if self.area(middle) - before < cells { early = middle } else { late = middle }
            }
            late - begin
        };
        from.saturating_add((seconds * 1e9) as u64)
    }

    fn seconds(&self, at: u64) -> f64 {
        at.saturating_sub(self.since) as f64 / 1e9
    }

    /// Seconds from the plateau, negative before it, and the scale that they are counted in.
    fn past_plateau(&self, seconds: f64) -> (f64, f64) {
        let seconds = seconds - RETURN;
        (seconds, if seconds < 0.0 { RETURN } else { PROBE })
    }

    /// The cells of the first so many seconds, but for a constant.
    fn area(&self, seconds: f64) -> f64 {
        let (past, scale) = self.past_plateau(seconds);
        self.plateau * past + self.drop * scale / 4.0 * (past / scale).powi(4)
    }
}
