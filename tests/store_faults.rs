//! The store on a disk that fails: each test runs itself again under the preload library of `test-support`.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use ibkr_orders::domain::OrderKey;
use ibkr_orders::store::{OpenStore, StoreError};

use test_support::preload::Faults;
use test_support::records::{order_event, record};
use test_support::stores::open;

/// Names the directory of a run under faults.
const RUN: &str = "STORE_FAULTS_RUN";

/// A run under faults: only the files of `orders.db` are counted and fail.
struct Run {
    faults: Faults,
    directory: PathBuf,
}

impl Run {
    fn database(&self) -> PathBuf {
        self.directory.join("orders.db")
    }

    fn synced(&self) -> PathBuf {
        self.directory.join("synced")
    }

    fn of(directory: &Path) -> Self {
        let synced = directory.join("synced");
        Self {
            faults: Faults::new(directory)
                .unwrap()
                .only("orders.db")
                .keep_synced_copies(&synced),
            directory: directory.to_owned(),
        }
    }
}

/// In a test: runs it again in a process of its own under the faults, and checks that it passed. In that process: its run.
fn under_faults(test: &str) -> Option<Run> {
    if let Some(directory) = std::env::var_os(RUN) {
        return Some(Run::of(Path::new(&directory)));
    }
    let directory = tempfile::tempdir().unwrap();
    let run = Run::of(directory.path());
    std::fs::create_dir(run.synced()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(RUN, directory.path());
    let output = run.faults.apply(&mut command).unwrap().output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        run.faults.fsyncs().unwrap() > 0,
        "the library was not loaded"
    );
    None
}

/// One commit with orders `from` to `to` and their events.
async fn place(opened: &OpenStore, from: i32, to: i32) -> Result<(), StoreError> {
    let base = opened.recovered.head_sequence;
    opened
        .store
        .transact(move |t| {
            (from..=to).try_for_each(|id| {
                let row = record(id, base + u64::from(id.unsigned_abs()));
                t.insert_order(&row)?;
                t.append_event(&order_event(&row))
            })
        })
        .await
}

#[tokio::test]
async fn a_burst_of_orders_costs_one_fsync_and_so_does_one_order() {
    let Some(run) = under_faults("a_burst_of_orders_costs_one_fsync_and_so_does_one_order") else {
        return;
    };
    let opened = open(&run.database()).await;
    place(&opened, 1, 1).await.unwrap();
    let mut last = run.faults.fsyncs().unwrap();
    for (from, to) in [(2, 2), (3, 258), (259, 259)] {
        place(&opened, from, to).await.unwrap();
        let fsyncs = run.faults.fsyncs().unwrap();
        assert_eq!(fsyncs - last, 1, "orders {from} to {to}");
        last = fsyncs;
    }
    let read = opened.store.transact(|t| t.by_order_id(1)).await.unwrap();
    assert!(read.is_some());
    assert_eq!(run.faults.fsyncs().unwrap(), last, "reading costs none");
}

#[tokio::test]
async fn a_failed_fsync_leaves_the_outcome_unknown_and_nothing_is_written_after_it() {
    let Some(run) =
        under_faults("a_failed_fsync_leaves_the_outcome_unknown_and_nothing_is_written_after_it")
    else {
        return;
    };
    let opened = open(&run.database()).await;
    place(&opened, 1, 1).await.unwrap();
    run.faults
        .fail_fsync(run.faults.fsyncs().unwrap() + 1)
        .unwrap();
    let failed = place(&opened, 2, 2).await.unwrap_err();
    assert!(failed.is_outcome_unknown(), "{failed}");
    // The disk works again, but nobody knows what is on it: only a new start may go on.
    assert_eq!(place(&opened, 3, 3).await, Err(failed));
    opened.store.close().await.unwrap();
    let again = open(&run.database()).await;
    let reader = again.store.reader();
    assert!(reader.get(OrderKey::OrderId(1)).await.unwrap().is_some());
    assert!(reader.get(OrderKey::OrderId(3)).await.unwrap().is_none());
    let second = reader.get(OrderKey::OrderId(2)).await.unwrap().is_some();
    assert_eq!(
        again.recovered.head_sequence,
        opened.recovered.head_sequence + 1 + u64::from(second),
        "the order and its event together, or neither"
    );
}

#[tokio::test]
async fn a_full_disk_refuses_writes_answers_reads_and_recovers() {
    let Some(run) = under_faults("a_full_disk_refuses_writes_answers_reads_and_recovers") else {
        return;
    };
    let opened = open(&run.database()).await;
    place(&opened, 1, 1).await.unwrap();
    run.faults
        .set_room(run.faults.bytes_written().unwrap() + 4000)
        .unwrap();
    for _ in 0..3 {
        let refused = place(&opened, 2, 100).await.unwrap_err();
        assert!(refused.is_no_room(), "{refused}");
    }
    let reader = opened.store.reader();
    assert!(reader.get(OrderKey::OrderId(1)).await.unwrap().is_some());
    assert!(reader.get(OrderKey::OrderId(2)).await.unwrap().is_none());
    run.faults.set_room(0).unwrap();
    place(&opened, 2, 100).await.unwrap();
    opened.store.close().await.unwrap();
    let again = open(&run.database()).await;
    assert_eq!(again.recovered.highest_order_id, 100);
}

#[tokio::test]
async fn every_acknowledged_commit_survives_a_power_loss() {
    let Some(run) = under_faults("every_acknowledged_commit_survives_a_power_loss") else {
        return;
    };
    let opened = open(&run.database()).await;
    let empty = std::fs::metadata(run.database()).unwrap().len();
    for n in 0..120 {
        let from = n * 500 + 1;
        place(&opened, from, from + 499).await.unwrap();
        if n % 12 != 11 {
            continue;
        }
        // What is on the disk when the power goes now: each file as its last sync left it.
        let lost = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(run.synced()).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // Under another name, which the faults do not touch.
            let name = name.replace("orders.db", "found.db");
            std::fs::copy(entry.path(), lost.path().join(name)).unwrap();
        }
        let found = open(&lost.path().join("found.db")).await;
        assert_eq!(found.recovered.highest_order_id, from + 499);
        assert_eq!(
            found.recovered.head_sequence,
            opened.recovered.head_sequence + u64::from((from + 499).unsigned_abs())
        );
    }
    let written_back = std::fs::metadata(run.database()).unwrap().len();
    assert!(
        written_back > empty,
        "the log was written back beside the commits"
    );
}
