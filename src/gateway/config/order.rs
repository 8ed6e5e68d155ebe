//! The order of a stack from a configuration: its layers by name, and which must stay outside which.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;

macro_rules! layers {
    ($($(#[$about:meta])* $layer:ident = $name:literal,)*) => {
        /// A layer of the stack, by the name of its table; outermost first here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum LayerName {
            $($(#[$about])* $layer,)*
        }

        impl LayerName {
            /// The default stack, outermost first.
            pub const DEFAULT_ORDER: &'static [Self] = &[$(Self::$layer),*];

            /// The name, as in a configuration.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$layer => $name,)*
                }
            }
        }
    };
}

layers! {
    /// One span a call.
    CallSpan = "call_span",
    /// The call's deadline.
    Deadline = "deadline",
    /// Equal reads that share an answer.
    Coalesce = "coalesce",
    /// Second tries of slow reads.
    Hedge = "hedge",
    /// Retry with back-off.
    Retry = "retry",
    /// The choice among several endpoints.
    Failover = "failover",
    /// A circuit for each endpoint.
    Breaker = "breaker",
    /// The keyed rate limit.
    RateLimit = "rate_limit",
    /// The concurrency limit.
    Concurrency = "concurrency",
    /// One span an attempt.
    AttemptSpan = "attempt_span",
    /// Static headers and the request id.
    Headers = "headers",
    /// Credentials.
    Auth = "auth",
    /// Signatures of requests.
    Signing = "signing",
    /// The attempt's timeout.
    AttemptTimeout = "attempt_timeout",
    /// The cap on bodies.
    Collect = "collect",
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A layer, those that must stand further in, and what happens otherwise.
type Rule = (LayerName, &'static [LayerName], &'static str);

use LayerName as L;

/// What no deployment may turn around. What is not here is a matter of taste: the three limits among
/// each other, headers and credentials, the span of an attempt above or below the headers.
const RULES: &[Rule] = &[
    (
        L::CallSpan,
        &[L::Deadline, L::Coalesce, L::Hedge, L::Retry, L::AttemptSpan],
        "its span would not hold the whole call",
    ),
    (
        L::Deadline,
        &[L::Coalesce, L::Hedge, L::Retry, L::Failover, L::Breaker, L::RateLimit, L::Concurrency],
        "the deadline would begin anew with each attempt, or not cover the waiting before it",
    ),
    (
        L::Coalesce,
        &[L::Hedge, L::Retry, L::RateLimit, L::Concurrency, L::Auth],
        "each caller's work would be done before it is shared",
    ),
    (L::Hedge, &[L::Retry], "each attempt would be doubled, and not each call"),
    (
        L::Retry,
        &[
            L::Failover,
            L::Breaker,
            L::RateLimit,
            L::Concurrency,
            L::AttemptSpan,
            L::Headers,
            L::Auth,
            L::Signing,
            L::AttemptTimeout,
        ],
        "what is done once for each attempt would be done once for all of them: permits held while a \
         call backs off, secrets kept for a replay, one timeout for all attempts",
    ),
    (
        L::Failover,
        &[L::Breaker, L::AttemptSpan, L::Auth, L::Signing, L::AttemptTimeout],
        "what depends on where a request goes would be settled before that is",
    ),
    (
        L::Breaker,
        &[L::AttemptSpan, L::AttemptTimeout],
        "attempts that time out would not count as failures",
    ),
    (
        L::RateLimit,
        &[L::AttemptSpan, L::AttemptTimeout],
        "the wait in our own queue would count as the server's slowness, and the call as sent",
    ),
    (
        L::Concurrency,
        &[L::AttemptSpan, L::AttemptTimeout],
        "the wait in our own queue would count as the server's slowness, and the call as sent",
    ),
    (
        L::AttemptSpan,
        &[L::Auth, L::Signing, L::AttemptTimeout],
        "the credentials would be on the request that the span looks at, or a timeout outside it",
    ),
    (L::Headers, &[L::Signing], "the headers would be changed after they were signed"),
    (L::Auth, &[L::Signing], "the credentials would be changed after they were signed"),
    (
        L::Signing,
        &[L::AttemptTimeout],
        "the time that a signature takes would count as the server's",
    ),
];

/// What is wrong with an order of layers.
pub(super) fn check(order: &[LayerName]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let place = |layer| order.iter().position(|other| *other == layer);
    for (at, layer) in order.iter().enumerate() {
        if place(*layer) != Some(at) {
            problems.push(Problem::new(
                format!("stack[{at}]"),
                format!("`{layer}` is in the stack twice"),
                "take one of the two out",
            ));
        }
    }
    for (outer, inner, reason) in RULES {
        let Some(outer_at) = place(*outer) else { continue };
        for inner in *inner {
            if place(*inner).is_some_and(|inner_at| inner_at < outer_at) {
                problems.push(Problem::new(
                    format!("stack[{outer_at}]"),
                    format!("`{outer}` stands inside `{inner}`: {reason}"),
                    format!("move `{outer}` before `{inner}`"),
                ));
            }
        }
    }
    if place(L::Deadline).is_none() && place(L::AttemptTimeout).is_none() {
        problems.push(Problem::new(
            "stack",
            "without `deadline` and `attempt_timeout` a call may wait for ever",
            "put one of the two into the stack, or both",
        ));
    }
    match place(L::Collect) {
        None => problems.push(Problem::new(
            "stack",
            "without `collect` nothing caps how much of an answer is held in memory",
            "put `collect` last; `collect.limit` says how much is allowed",
        )),
        Some(at) if at + 1 != order.len() => problems.push(Problem::new(
            format!("stack[{at}]"),
            "`collect` is not the last layer: those inside it would see half an answer",
            "move `collect` to the end",
        )),
        Some(_) => {}
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_order_is_right_and_its_names_are_those_of_serde() {
        assert!(check(L::DEFAULT_ORDER).is_empty(), "{:?}", check(L::DEFAULT_ORDER));
        for layer in L::DEFAULT_ORDER {
            let json = serde_json::to_string(layer).expect("a layer is a word");
            assert_eq!(json, format!("\"{layer}\""));
        }
    }

    /// A promise that is taken back is a decision, and so is one more. The guide has the table.
    #[test]
    fn there_are_so_many_promises() {
        assert_eq!(RULES.iter().map(|(_, inner, _)| inner.len()).sum::<usize>(), 44);
    }

    /// Every rule bites: swap its two layers in the default order, and it is among the complaints.
    #[test]
    fn each_pair_of_each_rule_is_refused_the_other_way_round() {
        for (outer, inner, reason) in RULES {
            for inner in *inner {
                let mut order = L::DEFAULT_ORDER.to_vec();
                let at = |order: &[L], layer: L| order.iter().position(|other| *other == layer);
                let (one, other) = (at(&order, *outer), at(&order, *inner));
                let (Some(one), Some(other)) = (one, other) else { panic!("not in the stack") };
                order.swap(one, other);
                let said = format!("`{outer}` stands inside `{inner}`: {reason}");
                assert!(check(&order).iter().any(|problem| problem.problem == said), "{said}");
            }
        }
    }

    #[test]
    fn a_layer_that_is_there_twice_and_a_cap_that_is_missing_or_misplaced_are_problems() {
        let said = |order: &[L]| -> Vec<String> {
            check(order).into_iter().map(|problem| problem.to_string()).collect()
        };
        assert!(said(&[L::Deadline, L::Deadline, L::Collect])[0].contains("twice"));
        assert!(said(&[L::Deadline])[0].contains("nothing caps"));
        assert!(said(&[L::Collect, L::Deadline])[0].contains("not the last layer"));
        assert!(said(&[L::Retry, L::Collect])[0].contains("wait for ever"));
        assert!(said(&[L::Deadline, L::Collect]).is_empty(), "all the others can be left out");
    }

    /// What is no promise may be turned around.
    #[test]
    fn the_limits_may_change_places() {
        let order =
            [L::Deadline, L::Retry, L::Concurrency, L::RateLimit, L::Breaker, L::Auth, L::Headers];
        let order: Vec<L> = order.into_iter().chain([L::AttemptTimeout, L::Collect]).collect();
        assert!(check(&order).is_empty(), "{:?}", check(&order));
    }
}
