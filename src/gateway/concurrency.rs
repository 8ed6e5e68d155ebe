//! What Twilio says of concurrency, and what the default gateway makes of it.

use http::{Response, StatusCode};

use super::classify::code;
use crate::call::{Class, Classifier, Collected};
use crate::middleware::limit::ConcurrencyLimitLayer;
use crate::middleware::limit::concurrency::Aimd;
use crate::wire::{CONCURRENT_REQUESTS, codes};

/// How many attempts may be under way at most: all that the rate limit admits of one operation
/// and Service while attempts run into their timeout (29 a second for 10 s, and a burst of 5), so
/// that a server which stalls makes no crowd that would leave at once when it wakes.
const MOST: usize = 295;

/// How many may be under way in any case: with answers in a third of a second, what the rate limit
/// admits of one operation and Service. With less, others' traffic on the account could stop ours.
const LEAST: usize = 10;

/// Tells the account's limit on concurrency from Proxy's on the rate: both are 429, and only the
/// first is a reason to have fewer requests under way.
///
/// [20429](https://www.twilio.com/docs/api/errors/20429) is "too much at once" (`Throttled`),
/// [80621](https://www.twilio.com/docs/api/errors/80621) is none of a concurrency limit's business
/// (`Refused`). A 429 without a code, from something before Twilio's API, counts as the first: a
/// limit cut for no reason costs less than one that is not cut with reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConcurrencyClassifier;

impl Classifier<Collected> for ConcurrencyClassifier {
    fn classify(&self, response: &Response<Collected>) -> Class {
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS if code(response) == Some(codes::RATE_LIMITED) => {
                Class::Refused
            }
            status => Class::of_status(status),
        }
    }
}

/// The concurrency limit that suits Twilio: [`Aimd`] between 10 and 295, from 295 on, that knows
/// the account's throttle from the rate's and reads `Twilio-Concurrent-Requests`.
///
/// It never gets in the way of a healthy run: it goes down by nothing but a throttle for
/// concurrency and by attempts that time out, or are given up late, while 148 or more are under way. Until then it is the
/// fixed limit of 295, which one busy Service does not reach. After that it gives way by
/// tenths, and comes back by one a round trip while there is use for it.
///
/// Not a [`Gradient`](crate::middleware::limit::concurrency::Gradient): at the 30 requests a second that
/// Proxy allows there is nothing to queue for at Twilio, and creates and fetches differ in what they
/// take.
#[must_use]
pub fn concurrency_limit() -> ConcurrencyLimitLayer<Aimd, ConcurrencyClassifier> {
    concurrency_limit_to(MOST)
}

/// The policy between two bounds, each the default where none is given.
pub(super) fn policy(least: Option<usize>, most: Option<usize>) -> Aimd {
    let most = most.unwrap_or(MOST.max(least.unwrap_or(LEAST)));
    Aimd::new(most).bounds(least.unwrap_or(LEAST).min(most), most)
}

/// The same with another upper bound; one below the lower bound is both.
pub(super) fn concurrency_limit_to(
    most: usize,
) -> ConcurrencyLimitLayer<Aimd, ConcurrencyClassifier> {
    ConcurrencyLimitLayer::adaptive(policy(None, Some(most)))
        .classifier(ConcurrencyClassifier)
        .concurrency_header(CONCURRENT_REQUESTS)
}

#[cfg(test)]
mod tests;
