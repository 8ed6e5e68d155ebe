//! Times that contradict each other, and values that a layer would put within its bounds in silence.

use std::time::Duration;

use super::{GatewayConfig, HumanDuration, LayerName, OrNever, Problem};
use crate::gateway::defaults::ATTEMPT_TIMEOUT;
use crate::middleware::breaker;
use crate::middleware::failover::{Ejection, FailoverLayer};
use crate::middleware::limit::fleet::FleetSettings;

fn time(given: &Option<HumanDuration>) -> Option<Duration> {
    given.map(|HumanDuration(time)| time)
}

impl GatewayConfig {
    pub(super) fn check_times(&self, found: &mut Vec<Problem>) {
        let slow = self.breaker.slow_call.and_then(|OrNever(time)| time);
        let deadline = time(&self.deadline.within);
        let attempt = time(&self.attempt_timeout.within);
        // Unlike the deadline, of which a call may bring its own, it is the same for all attempts.
        let timeout = attempt.or(self.has(LayerName::AttemptTimeout).then_some(ATTEMPT_TIMEOUT));
        // What must not be longer than what, and what would come of it.
        let pairs = [
            (
                ("attempt_timeout.within", attempt),
                ("deadline.within", deadline),
                "no attempt would ever time out",
            ),
            (
                ("rate_limit.headroom", time(&self.rate_limit.headroom)),
                ("deadline.within", deadline),
                "no call could ever wait",
            ),
            (
                ("breaker.slow_call", slow),
                ("attempt_timeout.within", timeout),
                "no attempt would ever be slow",
            ),
            (
                ("hedge.floor", time(&self.hedge.floor)),
                ("hedge.cap", time(&self.hedge.cap)),
                "the second would always hold",
            ),
            (
                ("retry.base", time(&self.retry.base)),
                ("retry.cap", time(&self.retry.cap)),
                "the second would always hold",
            ),
            (
                ("retry.throttled_base", time(&self.retry.throttled_base)),
                ("retry.cap", time(&self.retry.cap)),
                "the second would always hold",
            ),
        ];
        for ((key, shorter), (other, longer), outcome) in pairs {
            if let (Some(shorter), Some(longer)) = (shorter, longer)
                && shorter > longer
            {
                let longer = HumanDuration(longer);
                found.push(Problem::new(
                    key,
                    format!("it is longer than `{other}`, which is {longer}: {outcome}"),
                    format!("give {longer} or less, or raise `{other}`"),
                ));
            }
        }
        let nothing = [
            ("deadline.within", deadline),
            ("attempt_timeout.within", attempt),
            ("transport.connect_timeout", self.transport.connect_timeout.and_then(|it| it.0)),
        ];
        for (key, _) in nothing.into_iter().filter(|(_, time)| time.is_some_and(|it| it.is_zero()))
        {
            found.push(Problem::new(
                key,
                "no call could ever succeed",
                "give a time longer than 0",
            ));
        }
        if self.hedge.after.is_some() {
            let percentile = [
                ("hedge.percentile", self.hedge.percentile.is_some()),
                ("hedge.floor", self.hedge.floor.is_some()),
                ("hedge.cap", self.hedge.cap.is_some()),
            ];
            for (key, _) in percentile.into_iter().filter(|(_, is_given)| *is_given) {
                found.push(Problem::new(
                    key,
                    "it counts for nothing where `hedge.after` is given",
                    "take one of the two out",
                ));
            }
        }
    }

    /// What a layer takes another value for. Code that sets it reads so where it does; whoever writes a
    /// file would never know.
    pub(super) fn check_bounds(&self, found: &mut Vec<Problem>) {
        let (breaker, failover) = (&self.breaker, &self.failover);
        let shortest = [
            (
                "breaker.window",
                time(&breaker.window),
                breaker::Settings::LEAST_WINDOW,
                "no two attempts would ever meet in it",
            ),
            (
                "failover.decay",
                time(&failover.decay),
                FailoverLayer::SHORTEST_DECAY,
                "no peak would ever be remembered",
            ),
        ];
        for (key, given, bound, outcome) in shortest {
            if given.is_some_and(|given| given < bound) {
                let bound = HumanDuration(bound);
                found.push(Problem::new(
                    key,
                    format!("it is shorter than {bound}, the least that there is: {outcome}"),
                    format!("give {bound} or more"),
                ));
            }
        }
        if time(&self.fleet.patience).is_some_and(|given| given > FleetSettings::LONGEST) {
            let bound = HumanDuration(FleetSettings::LONGEST);
            found.push(Problem::new(
                "fleet.patience",
                format!("it is longer than {bound}, the most that there is"),
                format!("give {bound} or less"),
            ));
        }
        let most = breaker::Settings::MOST_MIN_CALLS;
        if breaker.min_calls.is_some_and(|calls| u32::from(calls.get()) > most) {
            found.push(Problem::new(
                "breaker.min_calls",
                format!("it is more than {most}, the most that a window counts"),
                format!("give {most} or less"),
            ));
        }
        if self.hedge.percentile.is_some_and(|share| share.get() > 99) {
            found.push(Problem::new(
                "hedge.percentile",
                "it is more than 99, the most that there is: nothing is slower than all",
                "give 99 or less",
            ));
        }
        // The second holds for the first as well, though it is not given.
        let caps = [
            (
                ("breaker.open_for", time(&breaker.open_for), breaker::Settings::OPEN_FOR),
                ("breaker.max_open_for", time(&breaker.max_open_for)),
                breaker::Settings::MAX_OPEN_FOR,
            ),
            (
                ("failover.eject_for", time(&failover.eject_for), Ejection::BASE),
                ("failover.max_eject_for", time(&failover.max_eject_for)),
                Ejection::CAP,
            ),
        ];
        for ((first, its_time, usual), (cap, its_cap), usual_cap) in caps {
            let (shown, longest) = (
                HumanDuration(its_time.unwrap_or(usual)),
                HumanDuration(its_cap.unwrap_or(usual_cap)),
            );
            if shown <= longest {
                continue;
            }
            found.push(match its_time {
                Some(_) => Problem::new(
                    first,
                    format!("it is longer than `{cap}`, which is {longest}: it would not hold"),
                    format!("give {longest} or less, or raise `{cap}`"),
                ),
                None => Problem::new(
                    cap,
                    format!(
                        "it is shorter than `{first}`, which is {shown}: one of them would not hold"
                    ),
                    format!("give {shown} or more, or lower `{first}`"),
                ),
            });
        }
    }
}
