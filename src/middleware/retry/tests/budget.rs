//! The bucket by itself, and what calls do with it.

use proptest::prelude::*;

use super::*;
use crate::call::Class;
use crate::middleware::retry::budget::Stake;

#[derive(Clone, Copy, Debug)]
enum Move {
    Take { throttled: bool },
    Make(usize),
    Win(usize),
    Drop(usize),
    Deposit,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => any::<bool>().prop_map(|throttled| Move::Take { throttled }),
        2 => any::<usize>().prop_map(Move::Make),
        1 => any::<usize>().prop_map(Move::Win),
        2 => any::<usize>().prop_map(Move::Drop),
        1 => Just(Move::Deposit),
    ]
}

fn taken(stakes: &mut Vec<(Stake, u32, bool)>, index: usize) -> Option<(Stake, u32, bool)> {
    (!stakes.is_empty()).then(|| stakes.swap_remove(index % stakes.len()))
}

proptest! {
    /// The bucket against a plain integer: never overdrawn, never above its brim.
    #[test]
    fn the_bucket_keeps_its_books(
        capacity in 0..200_u32,
        moves in prop::collection::vec(moves(), 0..200),
    ) {
        let budget = Budget::new(capacity);
        let mut expected = capacity;
        let mut stakes = Vec::new();
        for step in moves {
            match step {
                Move::Take { throttled } => {
                    let (class, cost) =
                        if throttled { (Class::Throttled, 5) } else { (Class::Interrupted, 14) };
                    let stake = budget.stake(class);
                    prop_assert_eq!(stake.is_some(), expected >= cost);
                    if let Some(stake) = stake {
                        expected -= cost;
                        stakes.push((stake, cost, false));
                    }
                }
                Move::Make(index) => if let Some((mut stake, cost, _)) = taken(&mut stakes, index) {
                    stake.made();
                    stakes.push((stake, cost, true));
                },
                Move::Win(index) => if let Some((stake, cost, _)) = taken(&mut stakes, index) {
                    stake.won();
                    expected = capacity.min(expected + cost);
                },
                Move::Drop(index) => if let Some((stake, cost, made)) = taken(&mut stakes, index) {
                    drop(stake);
                    expected = if made { expected } else { capacity.min(expected + cost) };
                },
                Move::Deposit => {
                    budget.deposit(1);
                    expected = capacity.min(expected + 1);
                }
            }
            prop_assert_eq!(budget.available(), expected);
        }
    }
}

/// A budget of floating or wrapping tokens gave out more than it had when threads raced.
#[test]
fn racing_threads_do_not_overdraw() {
    let budget = Budget::new(71 * 14 + 6);
    let take_all = || {
        // More often than the bucket allows: it is the bucket that must say no.
        let retries = (0..1000).filter_map(|_| budget.stake(Class::Interrupted));
        retries.map(|mut stake| stake.made()).count()
    };
    let made: usize = std::thread::scope(|scope| {
        let threads = [(); 8].map(|()| scope.spawn(take_all));
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!((made, budget.available()), (71, 6));
}

#[test]
fn racing_threads_do_not_overfill() {
    let budget = Budget::new(100);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    if let Some(stake) = budget.stake(Class::Throttled) {
                        stake.won();
                    }
                    budget.deposit(1);
                    assert!(budget.available() <= 100);
                }
            });
        }
    });
    assert_eq!(budget.available(), 100);
}

#[tokio::test(start_paused = true)]
async fn retries_are_paid_for_and_a_success_gets_back_its_own() {
    let budget = Budget::default();
    let layer = RetryLayer::new().budget(budget.clone());

    // Two retries, the second of which succeeds: one is lost.
    assert_eq!(attempts(&layer, fetch(), &[503, 503, 200]).await, 3);
    assert_eq!(budget.available(), 500 - 14);
    // Throttled: cheaper, and lost with the call.
    assert_eq!(attempts(&layer, fetch(), &[429, 429, 404]).await, 3);
    assert_eq!(budget.available(), 500 - 14 - 10);
    // At once: one more. A refusal earns nothing.
    assert_eq!(attempts(&layer, fetch(), &[200]).await, 1);
    assert_eq!(attempts(&layer, fetch(), &[404]).await, 1);
    assert_eq!(budget.available(), 500 - 14 - 10 + 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_budget_is_spent_the_answer_goes_up_as_it_is() {
    let budget = Budget::new(30);
    let layer = RetryLayer::new().budget(budget.clone());
    // 30 tokens are two retries.
    let (attempts_made, outcome) = run(&layer, fetch(), &[500, 502, 503]).await;
    assert_eq!(attempts_made, 3);
    assert_eq!(outcome.expect("an answer").status(), 503);
    assert_eq!(budget.available(), 2);
    // Nobody else gets one either, and nobody sleeps for it.
    let began = Instant::now();
    assert_eq!(attempts(&layer, fetch(), &[503]).await, 1);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_and_of_its_clones_share_the_budget() {
    let layer = RetryLayer::new().budget(Budget::new(14));
    let spend = layer.clone();
    assert_eq!(attempts(&spend, fetch(), &[503, 503]).await, 2);
    assert_eq!(attempts(&layer, fetch(), &[503]).await, 1);
}

#[test]
fn a_budget_says_how_much_it_holds_when_it_is_full() {
    let budget = Budget::new(30);
    let _stake = budget.stake(Class::Unavailable).expect("a stake");
    assert_eq!((budget.available(), budget.capacity()), (16, 30));
}
