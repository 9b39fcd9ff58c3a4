//! Every metric there is: its name, its meaning and where its number comes from. `docs/metrics.md` lists the same.

use crate::domain::Status;
use crate::stats::{CODES, Limit, METHODS, RULES, RiskStats, Stats};

use super::text::Page;

const GAUGE: &str = "gauge";
const COUNTER: &str = "counter";
const HISTOGRAM: &str = "histogram";

pub(super) fn write(stats: &Stats, log_lines_dropped: u64, page: &mut Page) {
    let Stats {
        open_orders,
        status_changes,
        tws_connected,
        ib_connected,
        tws_sessions,
        tws_connect_failures,
        tws_unreadable,
        account_stale,
        reconcile_seconds,
        reconcile_failures,
        commit_seconds,
        commit_events,
        commit_failures,
        inputs_dropped,
        store_writable,
        store_replaced,
        unknown_orders,
        store_reads_waiting,
        pacing_wait_seconds,
        pacing_queue,
        engine_queue,
        callers_waiting,
        answered_early,
        foreign_reports,
        second_orders,
        brackets_incomplete,
        previews_placed,
        watchers,
        watcher_fallbacks,
        watchers_lagged,
        calls,
        risk,
    } = stats;
    let RiskStats {
        limits_file_bad,
        rules_broken,
        halts,
        audit_unwritable,
        audit_dropped,
    } = risk;

    page.family(
        "ibkr_orders_build_info",
        GAUGE,
        "Version of the gateway; always 1.",
    )
    .value(concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""), 1);

    for (name, help, gauge) in [
        (
            "ibkr_orders_tws_connected",
            "Whether the session with TWS is up.",
            tws_connected,
        ),
        (
            "ibkr_orders_ib_connected",
            "Whether TWS itself is connected to IB.",
            ib_connected,
        ),
        (
            "ibkr_orders_account_stale",
            "Whether positions or account values may be old.",
            account_stale,
        ),
        (
            "ibkr_orders_limits_file_bad",
            "Whether the limits file cannot be used as it is; the limits before stay in force.",
            limits_file_bad,
        ),
        (
            "ibkr_orders_halts",
            "Halts in force; 0: new orders are taken.",
            halts,
        ),
        (
            "ibkr_orders_audit_unwritable",
            "Whether the audit cannot be written; new orders are refused.",
            audit_unwritable,
        ),
        (
            "ibkr_orders_store_writable",
            "Whether the store can be written.",
            store_writable,
        ),
        (
            "ibkr_orders_store_replaced",
            "Whether a file of the store was deleted or replaced under the gateway.",
            store_replaced,
        ),
        (
            "ibkr_orders_unknown_orders",
            "Orders of this client id that TWS works and the store does not know.",
            unknown_orders,
        ),
        (
            "ibkr_orders_pacing_queue",
            "Messages waiting for their pacing slot.",
            pacing_queue,
        ),
        (
            "ibkr_orders_engine_queue",
            "Operations waiting for the engine.",
            engine_queue,
        ),
        (
            "ibkr_orders_callers_waiting",
            "Callers who wait for the engine's answer, those who went away within the last second among them.",
            callers_waiting,
        ),
        ("ibkr_orders_watchers", "Watches open.", watchers),
        (
            "ibkr_orders_grpc_calls_in_flight",
            "Calls being answered, streams included.",
            &calls.in_flight,
        ),
        (
            "ibkr_orders_grpc_connections",
            "Connections of callers.",
            &calls.connections,
        ),
    ] {
        page.family(name, GAUGE, help).value("", gauge.get());
    }

    for (name, help, counter) in [
        (
            "ibkr_orders_tws_sessions_total",
            "Sessions with TWS that came up; all but the first are reconnects.",
            tws_sessions,
        ),
        (
            "ibkr_orders_tws_connect_failures_total",
            "Attempts to connect to TWS that ended without a session.",
            tws_connect_failures,
        ),
        (
            "ibkr_orders_tws_unreadable_total",
            "Messages of TWS about orders or accounts that could not be read, or not all of it.",
            tws_unreadable,
        ),
        (
            "ibkr_orders_reconcile_failures_total",
            "Reconciles that failed or ran out of time.",
            reconcile_failures,
        ),
        (
            "ibkr_orders_store_commit_failures_total",
            "Commits of the store that failed.",
            commit_failures,
        ),
        (
            "ibkr_orders_inputs_dropped_total",
            "Inputs given up because the store kept refusing what followed from them.",
            inputs_dropped,
        ),
        (
            "ibkr_orders_answered_early_total",
            "Callers answered at once because as many as may waited for their order already.",
            answered_early,
        ),
        (
            "ibkr_orders_tws_foreign_reports_total",
            "Reports of TWS that named an order of the store and showed another one: not applied.",
            foreign_reports,
        ),
        (
            "ibkr_orders_second_orders_total",
            "Second orders that TWS made under the id of an order.",
            second_orders,
        ),
        (
            "ibkr_orders_brackets_incomplete_total",
            "Brackets of whose entry more filled than a working stop covered, for five seconds.",
            brackets_incomplete,
        ),
        (
            "ibkr_orders_previews_placed_total",
            "Orders that TWS made of previews: they are stored and cancelled.",
            previews_placed,
        ),
        (
            "ibkr_orders_watcher_fallbacks_total",
            "Times a slow watch fell back to the store.",
            watcher_fallbacks,
        ),
        (
            "ibkr_orders_audit_dropped_total",
            "Audit records counted instead of written, because there were too many.",
            audit_dropped,
        ),
        (
            "ibkr_orders_watchers_lagged_total",
            "Watches ended because they lagged beyond their bound.",
            watchers_lagged,
        ),
        (
            "ibkr_orders_grpc_connections_refused_total",
            "Connections turned away because there were too many.",
            &calls.connections_refused,
        ),
        (
            "ibkr_orders_grpc_tls_failures_total",
            "TLS handshakes that failed or ran out of time.",
            &calls.tls_failures,
        ),
    ] {
        page.family(name, COUNTER, help).value("", counter.get());
    }

    page.family(
        "ibkr_orders_log_lines_dropped_total",
        COUNTER,
        "Log lines dropped because nobody read stderr.",
    )
    .value("", log_lines_dropped);

    for (name, help, histogram) in [
        (
            "ibkr_orders_reconcile_duration_seconds",
            "How long reconciles that ended well took.",
            reconcile_seconds,
        ),
        (
            "ibkr_orders_store_commit_duration_seconds",
            "How long commits of the store took, with their fsync.",
            commit_seconds,
        ),
        (
            "ibkr_orders_store_commit_events",
            "Events written by one commit.",
            commit_events,
        ),
        (
            "ibkr_orders_pacing_wait_seconds",
            "How long messages to TWS waited for their pacing slot.",
            pacing_wait_seconds,
        ),
    ] {
        page.family(name, HISTOGRAM, help)
            .histogram("", &histogram.read());
    }

    let mut family = page.family(
        "ibkr_orders_open_orders",
        GAUGE,
        "Orders that have not ended, by status.",
    );
    for status in Status::ALL.iter().filter(|status| !status.is_terminal()) {
        family.value(
            &format!("status=\"{status}\""),
            open_orders.of(*status).get(),
        );
    }
    let mut family = page.family(
        "ibkr_orders_status_changes_total",
        COUNTER,
        "Times an order came to a status.",
    );
    for status in Status::ALL {
        family.value(
            &format!("status=\"{status}\""),
            status_changes.of(*status).get(),
        );
    }

    let mut family = page.family(
        "ibkr_orders_store_reads_waiting",
        GAUGE,
        "Reads of the store that wait for a connection, by whom they are for.",
    );
    family.value("for=\"calls\"", store_reads_waiting.calls.get());
    family.value("for=\"watches\"", store_reads_waiting.watches.get());
    let mut family = page.family(
        "ibkr_orders_rules_broken_total",
        COUNTER,
        "Instructions refused, by the rule of the limits that they broke.",
    );
    for (rule, counter) in RULES.iter().zip(rules_broken) {
        family.value(&format!("rule=\"{rule}\""), counter.get());
    }
    let mut family = page.family(
        "ibkr_orders_grpc_limited_total",
        COUNTER,
        "Calls and connections turned away at a limit.",
    );
    for limit in Limit::ALL {
        family.value(
            &format!("limit=\"{}\"", limit.as_str()),
            calls.limited(*limit).get(),
        );
    }
    let mut family = page.family(
        "ibkr_orders_grpc_calls_total",
        COUNTER,
        "Calls that ended, by method and gRPC code.",
    );
    for (m, method) in METHODS.iter().enumerate() {
        for (c, code) in CODES.iter().enumerate() {
            // OK is there from the start, so that a rate has a beginning; the rest appears when it happens.
            let count = calls.count(m, c);
            if count > 0 || c == 0 {
                family.value(&format!("method=\"{method}\",code=\"{code}\""), count);
            }
        }
    }
    let mut family = page.family(
        "ibkr_orders_grpc_call_duration_seconds",
        HISTOGRAM,
        "How long calls took, to the end of their answer, by method.",
    );
    for (m, method) in METHODS.iter().enumerate() {
        family.histogram(&format!("method=\"{method}\""), &calls.seconds(m).read());
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposition;
    use super::*;

    #[test]
    fn numbers_stand_under_their_names() {
        let stats = Stats::default();
        stats.calls.ended(2, 14, 0.003);
        stats.open_orders.of(Status::Staged).add(2);
        stats.tws_connected.set(1);
        let page = exposition(&stats, 3);
        for line in [
            "# TYPE ibkr_orders_grpc_calls_total counter",
            "ibkr_orders_grpc_calls_total{method=\"Place\",code=\"UNAVAILABLE\"} 1",
            "ibkr_orders_grpc_call_duration_seconds_bucket{method=\"Place\",le=\"0.0025\"} 0",
            "ibkr_orders_grpc_call_duration_seconds_bucket{method=\"Place\",le=\"0.005\"} 1",
            "ibkr_orders_grpc_call_duration_seconds_bucket{method=\"Place\",le=\"+Inf\"} 1",
            "ibkr_orders_grpc_call_duration_seconds_sum{method=\"Place\"} 0.003",
            "ibkr_orders_open_orders{status=\"STAGED\"} 2",
            "ibkr_orders_tws_connected 1",
            "ibkr_orders_log_lines_dropped_total 3",
            "ibkr_orders_store_commit_events_count 0",
        ] {
            assert!(page.lines().any(|l| l == line), "{line} is not in\n{page}");
        }
    }

    #[test]
    fn the_documentation_lists_every_metric_and_no_other() {
        let page = exposition(&Stats::default(), 0);
        let mut shown: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .collect();
        let documentation = include_str!("../../docs/metrics.md");
        let mut listed: Vec<_> = documentation
            .lines()
            .filter(|line| line.starts_with("| `ibkr_orders_"))
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|line| {
                let (name, rest) = line.split_once("` | ")?;
                let kind = rest.split(" | ").next()?;
                Some(format!("{name} {kind}"))
            })
            .collect();
        shown.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, shown);
    }
}
