//! The budget by itself, and what calls do with it.

use proptest::prelude::*;

use super::*;
use crate::middleware::hedge::budget::Budget;

#[derive(Clone, Copy, Debug)]
enum Move {
    Earn(u32),
    Spend,
    GiveBack,
    Burst(u32),
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        6 => (0..=100_u32).prop_map(Move::Earn),
        4 => Just(Move::Spend),
        1 => Just(Move::GiveBack),
        1 => prop_oneof![0..20_u32, Just(u32::MAX)].prop_map(Move::Burst),
    ]
}

proptest! {
    /// The budget against a plain integer: never overdrawn, never above its brim, and no hedge that
    /// calls before it have not paid for.
    #[test]
    fn the_budget_keeps_its_books(moves in prop::collection::vec(moves(), 0..400)) {
        let budget = Budget::default();
        let (mut expected, mut burst) = (0_u64, 10_u32);
        let (mut earned, mut spent) = (0_u64, 0_u64);
        for step in moves {
            let brim = (u64::from(burst) * 100).min(u64::from(u32::MAX));
            match step {
                Move::Earn(percent) => {
                    budget.earn(percent, burst);
                    expected = expected.max((expected + u64::from(percent)).min(brim));
                    earned += u64::from(percent);
                }
                Move::Spend => {
                    let may = expected.min(brim) >= 100;
                    prop_assert_eq!(budget.spend(burst), may);
                    if may {
                        expected = expected.min(brim) - 100;
                        spent += 100;
                    }
                }
                // Only what was spent is ever given back.
                Move::GiveBack if spent > 0 => {
                    budget.give_back(burst);
                    expected = expected.max((expected + 100).min(brim));
                    spent -= 100;
                }
                Move::GiveBack => {}
                Move::Burst(now) => burst = now,
            }
            prop_assert!(spent <= earned, "{} spent of {}", spent, earned);
            let brim = (u64::from(burst) * 100).min(u64::from(u32::MAX));
            prop_assert_eq!(u64::from(budget.available(burst)), expected.min(brim) / 100);
        }
    }
}

#[test]
fn threads_that_spend_at_once_do_not_overdraw() {
    const CALLS: u32 = 20_000;
    let budget = Budget::default();
    let spent: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let call = |_: &u32| {
                        budget.earn(7, 1000);
                        budget.spend(1000)
                    };
                    (0..CALLS).filter(call).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    // Nothing is lost either: with a brim as high as this, each call's seven count.
    let earned = 4 * CALLS * 7;
    assert_eq!(spent + budget.available(1000) as usize, (earned / 100) as usize);
}

/// One call after the other, all slow.
async fn slow_reads(layer: &HedgeLayer, calls: usize) {
    let hedge = layer.layer(Server::new(&[(900, 200)]));
    for _ in 0..calls {
        assert!(hedge.clone().oneshot(read()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_slow_calls_five_are_hedged() {
    let layer = HedgeLayer::new(always().percent(5));
    slow_reads(&layer, 19).await;
    assert_eq!(counts(&layer), (0, 0, 19, 0), "there is none to begin with");
    slow_reads(&layer, 981).await;
    assert_eq!(counts(&layer), (50, 0, 950, 0));
}

#[tokio::test(start_paused = true)]
async fn no_more_are_saved_up_than_the_burst() {
    let layer = HedgeLayer::new(always().percent(5).burst(3));
    let quick = layer.layer(Server::new(&[(1, 200)]));
    for _ in 0..1000 {
        assert!(quick.clone().oneshot(read()).await.is_ok());
    }
    assert_eq!(layer.handle().available(), 3);
    let slow = layer.layer(Server::new(&[(900, 200)]));
    let calls = (0..20).map(|_| slow.clone().oneshot(read()));
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(counts(&layer), (3, 0, 17, 0));
}

/// Writes can't be hedged, and so pay for nothing.
#[tokio::test(start_paused = true)]
async fn only_calls_that_might_be_hedged_pay() {
    let layer = HedgeLayer::new(always());
    let hedge = layer.layer(Server::new(&[(1, 200)]));
    for _ in 0..10 {
        assert!(hedge.clone().oneshot(write()).await.is_ok());
    }
    assert_eq!(layer.handle().available(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_percentage_of_none_hedges_none_and_there_is_none_above_a_hundred() {
    let none = HedgeLayer::new(always().percent(0));
    slow_reads(&none, 200).await;
    assert_eq!(counts(&none).0, 0);
    let all = HedgeLayer::new(always().percent(1000));
    slow_reads(&all, 20).await;
    assert_eq!((counts(&all).0, all.handle().available()), (20, 0));
}
