//! Inputs whose rows the store did not take. They wait here in their order, whatever kind they are, and are tried again: none is dropped
//! that nothing else would make good.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Driver, Fatal, is_poisoned};
use crate::engine::halts::HaltChange;
use crate::engine::input::Input;
use crate::store::StoreError;
use crate::tws::TwsEvent;

/// Inputs that wait. Of what goes beyond, only the changes of sessions and links are kept; a reconcile makes the rest good.
const WAITING_MAX: usize = 10_000;
/// Time between two attempts to write what could not be written.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// How often an input is tried whose rows themselves are refused, five seconds in all, before it is given up: everything behind it waits.
const REFUSALS_MAX: u32 = 25;

/// The inputs that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct RetryQueue {
    waiting: VecDeque<Waiting>,
    due: Duration,
    /// Something was dropped that a reconcile makes good.
    reconcile: bool,
}

#[derive(Debug)]
struct Waiting {
    input: Input,
    /// How often the store refused what follows from it.
    refusals: u32,
}

impl RetryQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.reconcile
    }

    /// When it is to be tried next; `None` while nothing waits.
    pub(super) fn due(&self) -> Option<Duration> {
        (!self.is_empty()).then_some(self.due)
    }

    /// Adds one that the store did not take.
    fn failed(&mut self, input: Input, refusals: u32, now: Duration) {
        self.due = now + RETRY_DELAY;
        self.waiting.push_back(Waiting { input, refusals });
        self.bound();
    }

    /// Adds those that came meanwhile: they must not overtake the ones that wait.
    pub(super) fn behind(&mut self, inputs: impl Iterator<Item = Input>) {
        self.waiting
            .extend(inputs.map(|input| Waiting { input, refusals: 0 }));
        self.bound();
    }

    fn bound(&mut self) {
        if self.waiting.len() <= WAITING_MAX {
            return;
        }
        let before = self.waiting.len();
        self.waiting
            .retain(|waiting| concerns_links(&waiting.input));
        // Sessions that came and went in between leave nothing behind: the end of the first and the last that came say the same.
        let last_up = self
            .waiting
            .iter()
            .rposition(|waiting| matches!(waiting.input, Input::Tws(TwsEvent::SessionUp(_))));
        if self.waiting.len() > WAITING_MAX / 2
            && let Some(last_up) = last_up
        {
            let first_down = self.waiting.iter().position(|waiting| {
                matches!(waiting.input, Input::Tws(TwsEvent::SessionDown { .. }))
            });
            let mut at = 0;
            self.waiting.retain(|_| {
                at += 1;
                at > last_up || Some(at - 1) == first_down
            });
        }
        self.reconcile = true;
        tracing::error!(
            dropped = before - self.waiting.len(),
            "too much waits for the store: reports were dropped and are asked for again"
        );
    }
}

/// Whether an input says how the links stand, or ends the engine: nothing else would say it again.
const fn concerns_links(input: &Input) -> bool {
    match input {
        Input::Tws(event) => match event {
            TwsEvent::SessionUp(_)
            | TwsEvent::SessionDown { .. }
            | TwsEvent::IbLink { .. }
            | TwsEvent::ConnectFailed(_) => true,
            TwsEvent::Report { .. }
            | TwsEvent::Account { .. }
            | TwsEvent::Previewed { .. }
            | TwsEvent::Sent { .. }
            | TwsEvent::BarrierAnswered { .. }
            | TwsEvent::BarrierUnanswered { .. }
            | TwsEvent::NextValidId { .. }
            | TwsEvent::Heartbeat { .. }
            | TwsEvent::ReportsMissed { .. }
            | TwsEvent::Reconciled { .. }
            | TwsEvent::Unreadable { .. }
            | TwsEvent::Notice { .. } => false,
        },
        Input::Closing | Input::CloseNow | Input::Halt { .. } | Input::HoldBack => true,
        Input::Request(_)
        | Input::Expired { .. }
        | Input::Gone(_)
        | Input::Limits(_)
        | Input::HaltFile
        | Input::Audit(_)
        | Input::Tick
        | Input::ReportsDropped => false,
    }
}

/// What there is to do: first what is tried again, then what is new.
#[derive(Debug, Default)]
pub(in crate::engine) struct Gathered {
    /// All of it, in order.
    pub(in crate::engine) inputs: Vec<Input>,
    /// How often each of the first ones was refused.
    refusals: Vec<u32>,
}

impl Gathered {
    /// Nothing but these.
    pub(in crate::engine) const fn new(inputs: Vec<Input>) -> Self {
        Self {
            inputs,
            refusals: Vec::new(),
        }
    }

    /// Apart: the inputs, and how often the first of them were refused.
    pub(super) fn into_parts(self) -> (Vec<Input>, Vec<u32>) {
        (self.inputs, self.refusals)
    }
}

impl Driver {
    /// Puts what is due to be tried again before what is new.
    pub(super) fn with_retries(&mut self, new: Vec<Input>) -> Gathered {
        let now = self.clock.monotonic();
        if self.retries.due().is_none_or(|due| due > now) {
            return Gathered::new(new);
        }
        let mut gathered = Gathered::default();
        for Waiting { input, refusals } in self.retries.waiting.drain(..) {
            gathered.inputs.push(input);
            gathered.refusals.push(refusals);
        }
        gathered.inputs.extend(new);
        if std::mem::take(&mut self.retries.reconcile) {
            gathered.inputs.push(Input::ReportsDropped);
        }
        gathered
    }

    /// An input was not stored: a caller is told, everything else is tried again, unless it was often enough.
    pub(super) fn not_stored(
        &mut self,
        input: &Input,
        refusals: u32,
        error: &StoreError,
    ) -> Result<(), Fatal> {
        if let Input::Request(ask) = input {
            if let Some(reply) = self.callers.remove(&ask.waiter) {
                let _ = reply.send(Err(error.clone().into()));
            }
            return Ok(());
        }
        if let Input::Halt { change, waiter, .. } = input {
            match change {
                // In force in memory, and tried again until it is stored.
                HaltChange::Add(_) => self.answer_halt(*waiter, false),
                HaltChange::Lift { .. } => {
                    if let Some(reply) = self.halting.remove(waiter) {
                        let _ = reply.send(Err(error.clone().into()));
                    }
                    return Ok(());
                }
            }
        }
        let refusals = refusals + u32::from(is_poisoned(error));
        if refusals >= REFUSALS_MAX {
            return self.give_up(input, error);
        }
        let now = self.clock.monotonic();
        self.retries.failed(input.clone(), refusals, now);
        Ok(())
    }

    /// The store will not take what follows from an input. A reconcile makes a report good; without the change of a link the engine would
    /// go on in a state that is not true.
    fn give_up(&mut self, input: &Input, error: &StoreError) -> Result<(), Fatal> {
        if concerns_links(input) {
            return Err(Fatal(format!(
                "the store refuses what follows from {input:?}: {error}"
            )));
        }
        tracing::error!(?input, %error, "an input was dropped: the store refuses what follows from it; TWS is asked again");
        self.stats.inputs_dropped.add_one();
        self.retries.reconcile = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::domain::{Caller, report_fixtures};
    use crate::engine::clocks::Clock;
    use crate::engine::input::PendingRequest;
    use crate::engine::internals::{self, PlayedEngine};
    use crate::engine::tests::place;
    use crate::feed::{Feed, FeedLimits};
    use crate::store::Store;
    use crate::tws::SessionInfo;

    fn up(session: u64) -> Input {
        Input::Tws(TwsEvent::SessionUp(SessionInfo {
            session,
            accounts: vec!["DU1".to_owned()],
            next_valid_id: 1,
            server_version: 226,
            tws_time: None,
            heartbeat_in: Duration::from_secs(10),
        }))
    }

    fn down(session: u64) -> Input {
        Input::Tws(TwsEvent::SessionDown {
            session,
            reason: String::new(),
        })
    }

    fn report(session: u64) -> Input {
        let report = report_fixtures::error(1, 399, "");
        Input::Tws(TwsEvent::Report { session, report })
    }

    fn shown(queue: &RetryQueue) -> Vec<String> {
        queue
            .waiting
            .iter()
            .map(|waiting| match &waiting.input {
                Input::Tws(TwsEvent::SessionUp(info)) => format!("up {}", info.session),
                Input::Tws(TwsEvent::SessionDown { session, .. }) => format!("down {session}"),
                Input::Tws(TwsEvent::Report { .. }) => "report".to_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_waits_stays_in_order_up_to_its_bound() {
        let mut queue = RetryQueue::default();
        queue.failed(down(1), 0, Duration::ZERO);
        queue.behind([report(1), up(2)].into_iter());
        assert_eq!(shown(&queue), ["down 1", "report", "up 2"]);
        assert_eq!(queue.due(), Some(RETRY_DELAY));
        assert!(!queue.reconcile);
    }

    #[test]
    fn beyond_the_bound_reports_go_and_a_reconcile_is_due_but_no_change_of_a_session_is_lost() {
        let mut queue = RetryQueue::default();
        queue.failed(down(1), 0, Duration::ZERO);
        queue.behind([up(2)].into_iter());
        queue.behind((0..WAITING_MAX).map(|_| report(2)));
        assert_eq!(shown(&queue), ["down 1", "up 2"]);
        assert!(queue.reconcile);
    }

    #[test]
    fn a_link_that_comes_and_goes_for_days_keeps_the_queue_within_its_bound() {
        let mut queue = RetryQueue::default();
        queue.failed(down(1), 0, Duration::ZERO);
        for session in 2..50_000 {
            queue.behind([up(session), report(session), down(session)].into_iter());
            assert!(queue.waiting.len() <= WAITING_MAX);
        }
        queue.behind((0..WAITING_MAX).map(|_| report(1)));
        let left = shown(&queue);
        assert_eq!(left[0], "down 1");
        assert_eq!(left.last().unwrap(), "down 49999");
    }

    async fn driven() -> PlayedEngine {
        let opened = Store::open_in_memory(internals::CLIENT_ID).await.unwrap();
        let limits = FeedLimits {
            watchers_max: 1,
            lag_events_max: 1,
        };
        let feed = Feed::new(
            opened.store.reader(),
            opened.recovered.head_sequence,
            limits,
        );
        PlayedEngine::new(opened, feed, internals::settings(), Clock::start())
    }

    fn refused() -> StoreError {
        StoreError::Refused("a row".to_owned())
    }

    fn tried(input: Input, refusals: u32) -> Gathered {
        Gathered {
            inputs: vec![input],
            refusals: vec![refusals],
        }
    }

    #[tokio::test]
    async fn a_session_whose_row_is_refused_is_tried_again_and_then_ends_the_engine() {
        let mut played = driven().await;
        let driver = &mut played.driver;
        driver.store.refuse_commits(2, refused());
        driver.process(tried(up(1), 0)).await.unwrap();
        assert!(driver.core.engine_state.session.is_none());
        assert_eq!(shown(&driver.retries), ["up 1"]);
        assert_eq!(driver.retries.waiting[0].refusals, 1);
        let fatal = driver.process(tried(up(1), REFUSALS_MAX - 1)).await;
        assert!(fatal.unwrap_err().0.contains("a row"));
    }

    #[tokio::test]
    async fn a_report_whose_row_is_refused_for_good_is_asked_for_again() {
        let mut played = driven().await;
        let driver = &mut played.driver;
        driver.process(tried(up(1), 0)).await.unwrap();
        let order = {
            let (reply, _) = tokio::sync::oneshot::channel();
            driver.callers.insert(1, reply);
            Input::Request(PendingRequest {
                waiter: 1,
                caller: Arc::new(Caller::LOCAL),
                deadline: Duration::MAX,
                what: place("one", true),
            })
        };
        driver.process(tried(order, 0)).await.unwrap();
        driver.store.refuse_commits(1, refused());
        driver
            .process(tried(report(1), REFUSALS_MAX - 1))
            .await
            .unwrap();
        assert_eq!(driver.stats.inputs_dropped.get(), 1);
        assert!(driver.retries.waiting.is_empty() && driver.retries.reconcile);
        driver.retries.due = Duration::ZERO;
        let again = driver.with_retries(Vec::new());
        assert!(matches!(again.inputs.as_slice(), [Input::ReportsDropped]));
    }
}
