//! The preload library does what the fault tests and the benchmarks rely on, seen with a program that is not ours (`dd`).

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use test_support::preload::Faults;

/// Appends `bytes` to `file` and syncs it.
fn append(faults: &Faults, file: &Path, bytes: usize) -> Output {
    let mut command = Command::new("dd");
    command
        .arg("if=/dev/zero")
        .arg(format!("of={}", file.display()))
        .arg(format!("bs={bytes}"))
        .args(["count=1", "oflag=append", "conv=notrunc,fsync"]);
    faults.apply(&mut command).unwrap().output().unwrap()
}

#[test]
fn syncs_and_writes_of_the_named_file_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(dir.path()).unwrap().only("orders.db");
    assert!(
        append(&faults, &dir.path().join("orders.db"), 100)
            .status
            .success()
    );
    assert!(
        append(&faults, &dir.path().join("orders.db-wal"), 50)
            .status
            .success()
    );
    assert!(
        append(&faults, &dir.path().join("another"), 10)
            .status
            .success()
    );
    assert_eq!(faults.fsyncs().unwrap(), 2);
    assert_eq!(faults.writes().unwrap(), 2);
    assert_eq!(faults.bytes_written().unwrap(), 150);
    assert_eq!(faults.failures().unwrap(), 0);
}

#[test]
fn with_syncs_only_writes_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(dir.path()).unwrap().syncs_only();
    let file = dir.path().join("orders.db");
    faults.set_room(1).unwrap();
    for _ in 0..2 {
        assert!(append(&faults, &file, 100).status.success());
    }
    assert_eq!(faults.fsyncs().unwrap(), 2);
    assert_eq!(faults.writes().unwrap(), 0);
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 200);
}

#[test]
fn the_chosen_fsync_fails_and_the_next_one_works() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(dir.path()).unwrap().only("orders.db");
    let file = dir.path().join("orders.db");
    faults.fail_fsync(2).unwrap();
    let worked = [1, 2, 3].map(|_| append(&faults, &file, 1).status.success());
    assert_eq!(worked, [true, false, true]);
    assert_eq!(faults.failures().unwrap(), 1);
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(dir.path()).unwrap().only("orders.db");
    let file = dir.path().join("orders.db");
    faults.set_room(100).unwrap();
    assert!(append(&faults, &file, 100).status.success());
    let refused = append(&faults, &file, 1);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("No space left"));
    faults.set_room(0).unwrap();
    assert!(append(&faults, &file, 1).status.success());
}

#[test]
fn each_fsync_costs_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(dir.path()).unwrap().only("orders.db");
    faults.set_fsync_delay(Duration::from_millis(300)).unwrap();
    let start = Instant::now();
    assert!(
        append(&faults, &dir.path().join("orders.db"), 1)
            .status
            .success()
    );
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_power_loss_keeps_each_file_as_its_last_fsync_left_it() {
    let dir = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let faults = Faults::new(dir.path())
        .unwrap()
        .only("orders.db")
        .keep_synced_copies(kept.path());
    let file = dir.path().join("orders.db");
    assert!(append(&faults, &file, 10).status.success());
    faults.fail_fsync(2).unwrap();
    assert!(!append(&faults, &file, 5).status.success());
    assert_eq!(fs::metadata(&file).unwrap().len(), 15);
    assert_eq!(
        fs::metadata(kept.path().join("orders.db")).unwrap().len(),
        10
    );
}

#[test]
fn the_clock_is_as_far_off_as_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new(dir.path()).unwrap();
    for offset in [3_600, -3_600, 0] {
        faults.set_clock_offset(offset).unwrap();
        let mut date = Command::new("date");
        let output = faults.apply(date.arg("+%s")).unwrap().output().unwrap();
        let told: i64 = String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let ahead = told - i64::try_from(now.as_secs()).unwrap();
        assert!((ahead - offset).abs() < 30, "{ahead} for {offset}");
    }
}
