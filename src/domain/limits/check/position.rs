//! The rule about positions: what an account could come to hold if everything open filled.

use super::super::super::Action;
use super::super::Rule;
use super::super::positions::{Known, Positions};
use super::super::proposal::{Proposal, ProposalKind, ProposedOrder};
use super::super::quantity::Shares;
use super::super::tables::ScopeRef;
use super::super::totals::View;
use super::{Check, Place, State};

impl Check<'_> {
    pub(super) fn position(&mut self, place: Place<'_>, max: Shares) {
        let rule = Rule::MaxPosition;
        if !self.proposal.counts() {
            return;
        }
        let Some(state) = self.state(rule) else {
            return;
        };
        for action in [Action::Buy, Action::Sell] {
            let more = added(self.proposal, action);
            if more <= Shares::ZERO {
                continue;
            }
            let after = side_after(self.proposal, state.view, state.positions, action, more);
            // Even with everything of that side filled the position does not pass nothing.
            if after <= Shares::ZERO && state.positions.known() != Known::Never {
                continue;
            }
            let description = match state.positions.known() {
                Known::Never => {
                    format!(
                        "positions are not known yet, so nothing can be taken to be within the max_position {max}"
                    )
                }
                Known::Stale => {
                    format!(
                        "positions may be old, and only what reduces one is taken until they are known again, for the max_position {max}"
                    )
                }
                Known::Current => {
                    let total =
                        after.at_least_zero() + others(self.proposal, &state, place, action);
                    if total <= max {
                        continue;
                    }
                    let side = match action {
                        Action::Buy => "long",
                        Action::Sell => "short",
                    };
                    format!(
                        "{total} shares {side}, with what is open, are above the max_position {max}"
                    )
                }
            };
            self.broken(place, rule, description);
        }
    }
}

/// Shares that an instruction adds to what is open of a side. Of the children of a bracket only one is to fill.
fn added(proposal: &Proposal, action: Action) -> Shares {
    let of_side = |order: &&ProposedOrder| order.action == action;
    let largest = proposal
        .orders
        .iter()
        .filter(of_side)
        .map(|order| Shares::of(order.remaining))
        .max()
        .unwrap_or_default();
    match &proposal.kind {
        ProposalKind::Replace { before, .. } => {
            (largest - Shares::of(before.remaining)).at_least_zero()
        }
        ProposalKind::Place { .. } | ProposalKind::PlaceBracket | ProposalKind::Transmit { .. } => {
            largest
        }
    }
}

/// Shares that the instruction's own account would be long (`BUY`) or short (`SELL`) if everything of that side filled. Negative
/// where it would still be on the other side of nothing.
fn side_after(
    proposal: &Proposal,
    view: View<'_>,
    positions: &Positions,
    action: Action,
    more: Shares,
) -> Shares {
    exposed(&proposal.account, proposal, view, positions, action) + more
}

/// What an account is exposed to on that side without the instruction.
fn exposed(
    account: &str,
    proposal: &Proposal,
    view: View<'_>,
    positions: &Positions,
    action: Action,
) -> Shares {
    let instrument = &proposal.instrument;
    let executed = view.executed_in_batch(account, instrument);
    let range = positions.range(account, instrument, executed);
    let open = view.open_shares(account, instrument);
    match action {
        Action::Buy => range.high + open.buy,
        Action::Sell => open.sell - range.low,
    }
}

/// The same of the login's other accounts, where the table counts them.
fn others(proposal: &Proposal, state: &State<'_>, place: Place<'_>, action: Action) -> Shares {
    match place.scope {
        ScopeRef::Account(_) | ScopeRef::Caller(_) => Shares::ZERO,
        ScopeRef::Default => {
            let mut accounts = state.view.accounts_in(&proposal.instrument);
            accounts.extend(state.positions.accounts_in(&proposal.instrument).cloned());
            accounts.remove(&proposal.account);
            accounts
                .iter()
                .map(|account| {
                    exposed(account, proposal, state.view, state.positions, action).at_least_zero()
                })
                .sum()
        }
    }
}

/// Whether an instruction does nothing but bring a position nearer to nothing.
pub(super) fn reduces(proposal: &Proposal, view: View<'_>, positions: &Positions) -> bool {
    if positions.known() != Known::Current {
        return false;
    }
    match proposal.kind {
        // Its exits come with it, so it opens.
        ProposalKind::PlaceBracket => false,
        ProposalKind::Place { .. }
        | ProposalKind::Transmit { .. }
        | ProposalKind::Replace { .. } => proposal.orders.iter().all(|order| {
            let more = added(proposal, order.action);
            side_after(proposal, view, positions, order.action, more) <= Shares::ZERO
        }),
    }
}
