//! The retry budget: no token is made out of nothing, and none is lost.

use loom::thread;

use super::budget::{Budget, Stake};
use crate::call::Class;
use crate::explore::orders;

const COST: u32 = Budget::RETRY_COST;

fn stake(budget: &Budget) -> Option<Stake> {
    budget.stake(Class::Unavailable)
}

#[test]
fn it_is_never_overdrawn() {
    orders(3, || {
        // Enough for two, and three come.
        let budget = Budget::new(2 * COST + COST / 2);
        let others = [(), ()].map(|()| {
            let budget = budget.clone();
            thread::spawn(move || stake(&budget))
        });
        let mine = stake(&budget);
        let mut stakes = vec![mine];
        stakes.extend(others.map(|other| other.join().unwrap()));
        let taken = stakes.iter().flatten().count() as u32;
        assert_eq!(taken, 2, "what there is goes to whoever comes, and no further");
        assert_eq!(budget.available(), COST / 2);
        drop(stakes);
        assert_eq!(budget.available(), budget.capacity(), "none of them was made");
    });
}

#[test]
fn what_is_paid_in_beside_a_retry_is_not_lost() {
    orders(3, || {
        let budget = Budget::new(2 * COST);
        // A retry that is lost makes room for the deposits.
        let mut lost = stake(&budget).unwrap();
        lost.made();
        drop(lost);
        let won = {
            let budget = budget.clone();
            thread::spawn(move || {
                if let Some(mut stake) = stake(&budget) {
                    stake.made();
                    stake.won();
                }
            })
        };
        let first_try = {
            let budget = budget.clone();
            thread::spawn(move || budget.deposit(1))
        };
        budget.deposit(2);
        won.join().unwrap();
        first_try.join().unwrap();
        assert_eq!(budget.available(), COST + 3);
    });
}

/// A full bucket takes nothing more, and the moment at which a stake makes room is one only.
#[test]
fn it_never_holds_more_than_it_can() {
    orders(3, || {
        let budget = Budget::new(COST);
        let paying = {
            let budget = budget.clone();
            thread::spawn(move || {
                budget.deposit(3);
                assert!(budget.available() <= budget.capacity());
            })
        };
        let waiting = {
            let budget = budget.clone();
            // Staked and given up: as if it had not been.
            thread::spawn(move || drop(stake(&budget)))
        };
        assert!(budget.available() <= budget.capacity());
        paying.join().unwrap();
        waiting.join().unwrap();
        assert_eq!(budget.available(), budget.capacity());
    });
}

/// Two retries of one call each, one that is dropped while it waits and one that is made and lost: only the second
/// costs.
#[test]
fn a_retry_costs_once_and_only_if_it_was_made() {
    orders(3, || {
        let budget = Budget::new(3 * COST);
        let lost = {
            let budget = budget.clone();
            thread::spawn(move || {
                let mut stake = stake(&budget).unwrap();
                stake.made();
            })
        };
        let dropped = {
            let budget = budget.clone();
            thread::spawn(move || drop(budget.stake(Class::Throttled)))
        };
        drop(stake(&budget).unwrap());
        lost.join().unwrap();
        dropped.join().unwrap();
        assert_eq!(budget.available(), 2 * COST);
    });
}
