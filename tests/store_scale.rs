//! A store with a million orders, and a feed with ten thousand watchers. By hand, for the numbers:
//! `cargo test --release --test store_scale -- --ignored --nocapture --test-threads 1`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ibkr_orders::domain::{ListIn, OrderKey, Status};
use ibkr_orders::feed::{Feed, FeedEvent, FeedLimits, WatchSpec};
use tokio_rusqlite::rusqlite::{Connection, params};

use test_support::records::{order_event, record_full};
use test_support::stores::{insert, open};

/// Median and worst of a few runs, in milliseconds.
async fn measure<F: Future>(what: &str, runs: usize, mut run: impl FnMut(usize) -> F) {
    let mut times = Vec::new();
    for n in 0..runs {
        let before = Instant::now();
        run(n).await;
        times.push(before.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{what}: median {:.3} ms, worst {:.3} ms of {runs}",
        times[runs / 2],
        times[runs - 1]
    );
}

const ORDERS: i64 = 1_000_000;

/// A million orders (a thousand live, a thousandth REJECTED, 50 symbols), three events each.
fn fill_up(path: &Path, base: u64) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")
        .unwrap();
    connection
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO orders SELECT i,
                CASE WHEN i > ?1 - 1000 THEN 'SUBMITTED' WHEN i % 1000 = 0 THEN 'REJECTED' ELSE 'FILLED' END,
                filled, avg_fill_price, 'S' || (i % 50), action, order_type, quantity, limit_price, tif, transmit,
                'ref-' || i, last_error_code, last_error, i + 1000000000, last_update, raw_state, client_id, account,
                'request-' || i, remaining, i <= ?1 - 1000, ?2 + 3 * i, commission, sec_type, exchange, currency,
                primary_exch, outside_rth, client_tag, cancel_requested, created_at, digest, acknowledged
             FROM n, (SELECT * FROM orders WHERE order_id = 1)",
            params![ORDERS, base.cast_signed()],
        )
        .unwrap();
    connection
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 3 * ?1 + 2)
             INSERT INTO order_events (sequence, order_id, kind, body) SELECT ?2 + i, i / 3, kind, body FROM n, (SELECT kind, body FROM order_events LIMIT 1)",
            params![ORDERS, base.cast_signed()],
        )
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "by hand: takes minutes"]
async fn a_million_orders_are_opened_listed_and_read_without_reading_them_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.db");
    let opened = open(&path).await;
    let base = opened.recovered.head_sequence + 1;
    let mut row = record_full(1, base);
    row.state.terminal = true;
    row.state.status = Status::Filled;
    insert(&opened.store, &row).await;
    opened.store.close().await.unwrap();
    let before = Instant::now();
    fill_up(&path, base);
    println!(
        "made in {:?}, {} MiB",
        before.elapsed(),
        std::fs::metadata(&path).unwrap().len() >> 20
    );

    for _ in 0..3 {
        let before = Instant::now();
        let opened = open(&path).await;
        println!(
            "open: {:?}, {} live",
            before.elapsed(),
            opened.recovered.live.len()
        );
        assert_eq!(opened.recovered.live.len(), 1000);
        assert_eq!(i64::from(opened.recovered.highest_order_id), ORDERS);
        opened.store.close().await.unwrap();
    }

    let opened = open(&path).await;
    let reader = opened.store.reader();
    let get = |id: i32| {
        let reader = reader.clone();
        async move { assert!(reader.get(OrderKey::OrderId(id)).await.unwrap().is_some()) }
    };
    measure("get", 1000, |n| get(i32::try_from(n * 997 + 1).unwrap())).await;
    let by_request = |id: usize| {
        let reader = reader.clone();
        async move {
            let key = OrderKey::RequestId(format!("request-{id}"));
            assert!(reader.get(key).await.unwrap().is_some());
        }
    };
    measure("get by request id", 1000, |n| by_request(n * 997 + 2)).await;
    let status = |status: &[Status]| status.to_vec();
    for (what, filter) in [
        ("list", ListIn::default()),
        (
            "list SUBMITTED",
            ListIn {
                statuses: status(&[Status::Submitted]),
                ..ListIn::default()
            },
        ),
        (
            "list REJECTED",
            ListIn {
                statuses: status(&[Status::Rejected]),
                ..ListIn::default()
            },
        ),
        (
            "list S7",
            ListIn {
                symbol: Some("S7".to_owned()),
                ..ListIn::default()
            },
        ),
        (
            "list S0 REJECTED or CANCELLED",
            ListIn {
                symbol: Some("S0".to_owned()),
                statuses: status(&[Status::Rejected, Status::Cancelled]),
                ..ListIn::default()
            },
        ),
        (
            "list of nothing",
            ListIn {
                symbol: Some("NONE".to_owned()),
                ..ListIn::default()
            },
        ),
    ] {
        let list = |filter: ListIn| {
            let reader = reader.clone();
            async move { reader.list(filter).await.unwrap() }
        };
        let found = list(filter.clone()).await.orders.len();
        measure(&format!("{what} ({found} orders)"), 50, |_| {
            list(filter.clone())
        })
        .await;
    }
    measure("1000 events", 50, |n| {
        let reader = reader.clone();
        async move {
            let after = base + 5 + n as u64 * 50_000;
            assert_eq!(
                reader.events_after(after, None, 1000).await.unwrap().len(),
                1000
            );
        }
    })
    .await;
    let head = opened.recovered.head_sequence;
    measure("one order and its event, committed", 200, |n| {
        let store = opened.store.clone();
        async move {
            let n = i32::try_from(n).unwrap() + 1;
            let row = record_full(
                i32::try_from(ORDERS).unwrap() + n,
                head + u64::from(n.unsigned_abs()),
            );
            store
                .transact(move |t| {
                    t.insert_order(&row)?;
                    t.append_event(&order_event(&row))
                })
                .await
                .unwrap();
        }
    })
    .await;
    opened.store.close().await.unwrap();
}

/// The peak of a process's resident memory in KiB, while it lives.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "by hand: takes minutes"]
async fn a_million_orders_are_exported_in_little_memory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.db");
    let opened = open(&path).await;
    let base = opened.recovered.head_sequence + 1;
    let row = record_full(1, base);
    insert(&opened.store, &row).await;
    opened.store.close().await.unwrap();
    fill_up(&path, base);
    for (what, format) in [
        ("orders", "jsonl"),
        ("events", "jsonl"),
        ("orders", "csv"),
        ("events", "csv"),
    ] {
        let before = Instant::now();
        let mut child = std::process::Command::new(test_support::process::program())
            .args(["export", "--what", what, "--format", format])
            .env_clear()
            .env("ORDER_DB_PATH", &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        let mut output = child.stdout.take().unwrap();
        let mut buffer = vec![0; 1 << 16];
        let (mut bytes, mut lines, mut most) = (0_u64, 0_u64, 0);
        loop {
            let read = std::io::Read::read(&mut output, &mut buffer).unwrap();
            if read == 0 {
                break;
            }
            bytes += read as u64;
            lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
            most = most.max(peak(pid).unwrap_or(0));
        }
        assert!(child.wait().unwrap().success());
        let seconds = before.elapsed().as_secs_f64();
        println!(
            "{what} {format}: {lines} lines, {:.0} a second, {} MiB, at most {} MiB resident",
            lines as f64 / seconds,
            bytes >> 20,
            most >> 10
        );
        assert!(most < 64 << 10, "{most} KiB");
    }
}

#[tokio::test]
#[ignore = "by hand: takes seconds"]
async fn a_log_of_256_mib_is_read_quickly_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.db");
    let opened = open(&path).await;
    let base = opened.recovered.head_sequence + 1;
    let row = record_full(1, base);
    opened
        .store
        .transact(move |t| t.append_event(&order_event(&row)))
        .await
        .unwrap();
    opened.store.close().await.unwrap();
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF;")
        .unwrap();
    let log = directory.path().join("orders.db-wal");
    let mut from = 1_i64;
    while std::fs::metadata(&log).map_or(0, |log| log.len()) < 256 << 20 {
        writer
            .execute(
                "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + 9999)
                 INSERT INTO order_events (sequence, order_id, kind, body) SELECT ?2 + i, i / 3 + 1, kind, body
                 FROM n, (SELECT kind, body FROM order_events LIMIT 1)",
                params![from, base.cast_signed()],
            )
            .unwrap();
        from += 10_000;
    }
    let killed = directory.path().join("killed.db");
    std::fs::copy(&path, &killed).unwrap();
    std::fs::copy(&log, directory.path().join("killed.db-wal")).unwrap();
    let before = Instant::now();
    let opened = open(&killed).await;
    println!("open with a log of 256 MiB: {:?}", before.elapsed());
    assert_eq!(
        opened.recovered.head_sequence,
        base + from.cast_unsigned() - 1
    );
}

/// Resident memory in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "by hand: takes a while"]
async fn ten_thousand_watchers_are_cheap_and_hear_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(&directory.path().join("orders.db")).await;
    let mut rows = Vec::new();
    for id in 1..=100 {
        let mut row = record_full(
            id,
            opened.recovered.head_sequence + u64::from(id.unsigned_abs()),
        );
        row.state.terminal = false;
        rows.push(row);
    }
    let stored = rows.clone();
    opened
        .store
        .transact(move |t| {
            stored.iter().try_for_each(|row| {
                t.insert_order(row)?;
                t.append_event(&order_event(row))
            })
        })
        .await
        .unwrap();
    let mut head = opened.recovered.head_sequence + 100;
    let feed = Feed::new(
        opened.store.reader(),
        head,
        FeedLimits {
            watchers_max: 20_000,
            lag_events_max: 100_000,
        },
    );
    println!("idle: {} KiB", resident());
    for (watchers, orders) in [(1000, 1), (10_000, 1), (10_000, 100)] {
        let before = resident();
        let (told, mut tells) = tokio::sync::mpsc::channel(watchers);
        let (ready, mut readies) = tokio::sync::mpsc::channel(watchers);
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..watchers {
            let (feed, told, ready) = (feed.clone(), told.clone(), ready.clone());
            let spec = WatchSpec {
                poll_interval: Duration::from_secs(60),
                ..WatchSpec::new(i32::try_from(n % orders).unwrap() + 1, Duration::ZERO)
            };
            tasks.spawn(async move {
                let mut watch = feed.watch(spec).await.unwrap();
                while watch.next().await.unwrap().unwrap().event != FeedEvent::SnapshotEnd {}
                ready.send(()).await.unwrap();
                loop {
                    watch.next().await.unwrap().unwrap();
                    told.send(Instant::now()).await.unwrap();
                }
            });
        }
        for _ in 0..watchers {
            readies.recv().await.unwrap();
        }
        let after = resident();
        println!(
            "{watchers} watchers of {orders} orders: {:.1} KiB each with their tasks, {} channels",
            after.saturating_sub(before) as f64 / watchers as f64,
            feed.channels()
        );
        let mut p50 = Vec::new();
        let mut p99 = Vec::new();
        for _ in 0..20 {
            head += 1;
            let mut row = rows[0].clone();
            row.state.sequence = head;
            let event = Arc::new(order_event(&row));
            let hearers = watchers / orders;
            let before = Instant::now();
            feed.publish(vec![event]);
            let mut times = Vec::new();
            for _ in 0..hearers {
                times.push((tells.recv().await.unwrap() - before).as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            p50.push(times[times.len() / 2]);
            p99.push(times[times.len() * 99 / 100]);
        }
        p50.sort_by(f64::total_cmp);
        p99.sort_by(f64::total_cmp);
        println!(
            "  one event to {}: p50 {:.2} ms, p99 {:.2} ms",
            watchers / orders,
            p50[10],
            p99[10]
        );
        tasks.shutdown().await;
        assert_eq!((feed.watchers(), feed.channels()), (0, 0));
    }
}
