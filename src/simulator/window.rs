use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A true sliding window: at most so many requests in any stretch of so long.
///
/// It remembers the moment of every request that it let through, which costs memory that a client
/// would not spend. In return it is exact, and it is not the arithmetic of the client's own rate
/// limit, so the one can judge the other.
#[derive(Debug, Default)]
pub(super) struct Window {
    taken: VecDeque<Instant>,
}

impl Window {
    /// Lets a request through at `now`, or says how long until one would be let through.
    ///
    /// A stretch is half open: a request `within` after another is no longer in one with it. A
    /// request that is refused is not counted, so asking again too early never makes it worse.
    pub(super) fn take(
        &mut self,
        now: Instant,
        most: usize,
        within: Duration,
    ) -> Result<(), Duration> {
        while self.taken.front().is_some_and(|first| now.duration_since(*first) >= within) {
            self.taken.pop_front();
        }
        if self.taken.len() < most {
            self.taken.push_back(now);
            return Ok(());
        }
        // With `most` at 0 there is nothing to wait for; the whole window is as good an answer as any.
        let first = self.taken.front().copied().unwrap_or(now);
        Err(within.saturating_sub(now.duration_since(first)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(5);

    #[test]
    fn a_place_is_free_again_exactly_when_the_window_has_passed() {
        let (start, mut window) = (Instant::now(), Window::default());
        assert_eq!(window.take(start, 1, WITHIN), Ok(()));
        let almost = start + WITHIN - Duration::from_nanos(1);
        assert_eq!(window.take(almost, 1, WITHIN), Err(Duration::from_nanos(1)));
        assert_eq!(window.take(start + WITHIN, 1, WITHIN), Ok(()));
    }

    #[test]
    fn a_limit_of_nothing_lets_nothing_through() {
        assert_eq!(Window::default().take(Instant::now(), 0, WITHIN), Err(WITHIN));
    }

    proptest! {
        /// The rule itself, checked the slow way, and its other half: nobody is refused while there is room.
        #[test]
        fn never_more_than_the_limit_in_any_stretch(
            gaps in prop::collection::vec(0_u64..60, 1..500),
            most in 1_usize..160,
        ) {
            let mut at = Instant::now();
            let (mut window, mut passed) = (Window::default(), Vec::<Instant>::new());
            for gap in gaps {
                at += Duration::from_millis(gap);
                let recent = passed.iter().filter(|then| at.duration_since(**then) < WITHIN).count();
                match window.take(at, most, WITHIN) {
                    Ok(()) => {
                        passed.push(at);
                        prop_assert!(recent < most, "{recent} had passed already");
                    }
                    Err(wait) => {
                        prop_assert_eq!(recent, most);
                        prop_assert!(wait > Duration::ZERO && wait <= WITHIN);
                        // The wait is the shortest: after it, and not before, one more fits.
                        let left = |after: Duration| {
                            passed.iter().filter(|then| (at + after).duration_since(**then) < WITHIN).count()
                        };
                        prop_assert!(left(wait) < most);
                        prop_assert_eq!(left(wait - Duration::from_nanos(1)), most);
                    }
                }
            }
        }
    }
}
