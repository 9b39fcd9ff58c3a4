//! Seeded simulation: engine, store and a model of TWS in one process, thousands of random steps, then checkers.
//!
//! `cargo test --lib engine::simulation` plays a few hundred seeds. `SIMULATION_SEEDS=100000` plays more, `SIMULATION_SEED=n` plays one; a
//! failure prints its seed.

pub(super) mod store;
mod tws;
mod world;

use std::time::Duration;

use rust_decimal::Decimal;

use super::sim_support::play_seeds;
use crate::domain::Status;
use tws::Word;
use world::World;

/// Seeds played when nobody asks for more.
const SEEDS: u64 = 300;
/// Random steps of a play.
const STEPS: usize = 400;

#[test]
fn whatever_happens_nothing_is_lost_doubled_or_guessed() {
    play_seeds("simulation", SEEDS, play);
}

fn play(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    // Now everything works, and the market takes what is left.
    world.calm = true;
    world.tws.answers = true;
    for last in [false, true] {
        world.reconnect();
        world.settle();
        let World {
            tws,
            random,
            to_tws,
            ..
        } = &mut world;
        if last {
            for order_id in tws.working() {
                if random.percent(50) {
                    tws.fill(random, order_id, true);
                } else {
                    tws.end(random, order_id, true);
                }
            }
        }
        // Reports may have been lost: the next session asks for everything.
        tws.disconnect(random, to_tws);
        world.settle_without_session();
    }
    world.reconnect();
    world.settle();
    world.advance(Duration::from_secs(40));
    world.settle();
    world.check();
}

impl World {
    fn settle_without_session(&mut self) {
        for _ in 0..10 {
            self.advance(Duration::from_millis(1_100));
            let events: Vec<_> = self
                .tws
                .says
                .drain(..)
                .map(super::input::Input::Tws)
                .collect();
            self.process(events);
            while let Some(command) = self.to_tws.pop_front() {
                self.tws.obey(&mut self.random, command);
            }
        }
    }

    fn check(&self) {
        self.store.check();
        self.check_shown();
        assert!(
            self.callers.is_empty(),
            "callers were left without an answer: {:?}",
            self.callers
        );
        for (order_id, order) in &self.tws.orders {
            let transmitted = order.placed.iter().filter(|transmit| **transmit).count();
            assert!(
                transmitted <= 1 && order.placed.len() <= 2,
                "order {order_id} was sent {:?}",
                order.placed
            );
            assert!(
                self.store.orders.contains_key(order_id),
                "TWS has an order that is not stored"
            );
        }
        for request in &self.requests {
            let of_request = self
                .tws
                .orders
                .values()
                .filter(|order| order.ticket.order_ref == request.command.request_id);
            assert!(of_request.count() <= 1, "one request, two orders in TWS");
            if let Some(order_id) = request.order_id {
                assert_eq!(
                    self.store.by_request.get(&request.command.request_id),
                    Some(&order_id),
                    "an acknowledged order is lost"
                );
            }
        }
        for (order_id, record) in &self.store.orders {
            let state = &record.state;
            let fills: Decimal = self
                .store
                .fills_of(*order_id)
                .iter()
                .map(|fill| fill.quantity.value())
                .sum();
            assert_eq!(
                state.filled.value(),
                fills,
                "order {order_id}: filled and executions differ"
            );
            let status = state.status;
            let fits = match self.tws.orders.get(order_id) {
                None => matches!(
                    status,
                    Status::Rejected | Status::Cancelled | Status::Unconfirmed
                ),
                Some(order) => {
                    assert_eq!(
                        state.filled,
                        order.filled.into(),
                        "order {order_id}: filled differs from TWS"
                    );
                    match order.word {
                        Word::Filled => status == Status::Filled,
                        Word::Cancelled => status == Status::Cancelled,
                        Word::Inactive => matches!(
                            status,
                            Status::Rejected | Status::Cancelled | Status::Inactive
                        ),
                        // TWS has answered the cancel of a staged order, or lost it in a restart.
                        Word::Gone => matches!(
                            status,
                            Status::Rejected
                                | Status::Cancelled
                                | Status::Unconfirmed
                                | Status::Staged
                        ),
                        Word::Staged => matches!(status, Status::Staged | Status::Unconfirmed),
                        Word::PreSubmitted | Word::Submitted => false,
                    }
                }
            };
            assert!(
                fits,
                "order {order_id} is {status} but TWS has {:?}\n{state:#?}",
                self.tws.orders.get(order_id)
            );
        }
    }
}
