//! The line against a model that is a list.

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Enter(Priority, Option<u64>),
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    Slots(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let priority = prop::sample::select(vec![Priority::Low, Priority::Normal, Priority::High]);
    let deadline = prop_oneof![Just(None), (1u64..60).prop_map(Some)];
    prop_oneof![
        5 => (priority, deadline).prop_map(|(priority, within)| Step::Enter(priority, within)),
        3 => index().prop_map(Step::Poll),
        1 => index().prop_map(Step::Drop),
        1 => (1usize..5).prop_map(Step::Slots),
        1 => (1u64..20).prop_map(Step::Wait),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waits,
    Served,
    Gone(Dismissal),
}

struct Customer {
    place: Place,
    flag: Arc<Flag>,
    polled: bool,
    priority: Priority,
    deadline: Option<Instant>,
    state: State,
}

/// A slot is held for ten milliseconds.
fn pace(departures: usize, slots: usize) -> Option<Duration> {
    Some(Duration::from_millis(10) * departures as u32 / slots as u32)
}

fn places(priority: Priority) -> usize {
    priority.share_of(6)
}

struct World {
    line: Arc<Line>,
    slots: usize,
    now: Instant,
    customers: Vec<Customer>,
}

impl World {
    fn served(&self) -> usize {
        self.customers.iter().filter(|one| one.state == State::Served).count()
    }

    fn wait_so_long(&self, departures: usize) -> Option<Duration> {
        pace(departures + self.served().saturating_sub(self.slots), self.slots)
    }

    /// What the newcomer should meet, and who has to go for it.
    fn expect(&mut self, priority: Priority, deadline: Option<Instant>) -> Result<(), Refused> {
        if self.served() < self.slots {
            return Ok(());
        }
        for one in self.customers.iter_mut().filter(|one| one.state == State::Waits) {
            if one.deadline.is_some_and(|deadline| deadline <= self.now) {
                one.state = State::Gone(Dismissal::Dead);
            }
        }
        let waits = |one: &&Customer| one.state == State::Waits;
        let length = self.customers.iter().filter(waits).count();
        let after = |places: usize| self.wait_so_long(length.saturating_sub(places) + 1);
        let mut ahead = length;
        let mut victim = None;
        if length >= places(priority) {
            let lowest = self.customers.iter().filter(waits).map(|one| one.priority).min();
            let Some(lowest) = lowest.filter(|lowest| *lowest < priority) else {
                return Err(Refused::Full(after(places(priority))));
            };
            ahead -= 1;
            victim = self
                .customers
                .iter()
                .rposition(|one| one.state == State::Waits && one.priority == lowest);
        }
        let wait = self.wait_so_long(ahead);
        if deadline.is_some_and(|deadline| self.now + wait.unwrap_or_default() >= deadline) {
            return Err(Refused::Late(wait));
        }
        if let Some(victim) = victim {
            let after = after(places(self.customers[victim].priority));
            self.customers[victim].state = State::Gone(Dismissal::Displaced(after));
        }
        Ok(())
    }

    fn enter(&mut self, priority: Priority, within: Option<u64>) {
        let deadline = within.map(|within| self.now + Duration::from_millis(within));
        let expected = self.expect(priority, deadline);
        let guest = Guest {
            priority,
            deadline,
            headroom: Duration::ZERO,
            places: places(priority),
            now: self.now,
        };
        let joined = self.line.join(&guest, pace, &mut Woken::default());
        assert_eq!(joined.as_ref().map(|_| ()).map_err(|refused| *refused), expected);
        if let Ok(joined) = joined {
            let (flag, state) = (Arc::default(), State::Waits);
            let place = joined.place;
            let customer = Customer { place, flag, polled: false, priority, deadline, state };
            self.customers.push(customer);
        }
    }

    fn poll(&mut self, index: prop::sample::Index) {
        let one = index.get_mut(&mut self.customers);
        one.flag.0.store(false, SeqCst);
        one.polled = true;
        let waker = Waker::from(Arc::clone(&one.flag));
        let outcome = one.place.poll_slot(&mut Context::from_waker(&waker));
        let expected = match one.state {
            State::Waits => Poll::Pending,
            State::Served => Poll::Ready(Ok(())),
            State::Gone(why) => Poll::Ready(Err(why)),
        };
        assert_eq!(outcome, expected);
        if one.state != State::Waits {
            // What it knows it needs not be woken for.
            one.polled = false;
        }
    }

    /// Whoever is first goes as long as there is a slot; who is served or sent away has been woken.
    fn settle(&mut self) {
        let mut served = self.served();
        for one in &mut self.customers {
            if one.state == State::Waits && served < self.slots {
                one.state = State::Served;
                served += 1;
            }
            let is_woken = one.flag.0.load(SeqCst);
            match one.state {
                State::Waits => assert!(!is_woken, "woken for nothing"),
                _ => assert!(is_woken || !one.polled, "{:?} and not woken", one.state),
            }
        }
        let waiting = self.customers.iter().filter(|one| one.state == State::Waits).count();
        assert_eq!((self.line.taken(), self.line.waiting()), (served, waiting));
    }
}

proptest! {
    /// Who is served is who came first; who is sent away is the youngest of the lowest priority, or
    /// has no time left; who is refused had no place or no time; and nothing is left at the end.
    #[test]
    fn the_line_is_the_list_that_it_stands_for(steps in prop::collection::vec(step(), 1..150)) {
        let line = Arc::new(Line::new(2));
        let mut world = World { line, slots: 2, now: Instant::now(), customers: Vec::new() };
        for step in steps {
            match step {
                Step::Enter(priority, within) => world.enter(priority, within),
                Step::Poll(index) if !world.customers.is_empty() => world.poll(index),
                Step::Drop(index) if !world.customers.is_empty() => {
                    let at = index.index(world.customers.len());
                    world.customers.remove(at);
                }
                Step::Slots(number) => {
                    world.slots = number;
                    world.line.set_slots(number, &mut Woken::default());
                }
                Step::Wait(millis) => world.now += Duration::from_millis(millis),
                Step::Poll(_) | Step::Drop(_) => {}
            }
            world.settle();
        }
        world.customers.clear();
        prop_assert_eq!(world.line.len(), 0);
        let gone: Option<Dismissal> = (0..1000).find_map(|number| world.line.lock().take_dismissal(number));
        prop_assert_eq!(gone, None);
    }
}
