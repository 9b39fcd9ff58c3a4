#!/usr/bin/env python3
"""Breaks the gateway on purpose, one invariant at a time, and sees that a test fails for each.

    python3 tests/mutations/run.py [NAME ...]     # all of them, or those whose name contains one of these words

Works on a copy of the last commit in a temporary directory and leaves the sources alone. Prints a Markdown table: what was broken,
and which tests saw it. Exits 1 when a break went unnoticed or no longer fits the sources. Takes half a minute to two for each.
It compiles into a directory of its own, target/mutations: cargo would take what it compiled for the project's own, since the copy is
the same package, and tests would run a broken gateway.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 1200
LIB = ["--lib", "--", "engine::", "domain::", "feed::", "store::"]


@dataclass
class Mutation:
    """One break: its name, what changes where, and the tests that are asked."""

    name: str
    changes: list[tuple[str, str, str]]
    tests: list[list[str]]


def one(name, path, old, new, *tests):
    return Mutation(name, [(path, old, new)], list(tests) or [LIB])


DRIVER = "src/engine/driver/mod.rs"
MUTATIONS = [
    Mutation(
        "answer before the commit",
        [
            (DRIVER, "        let committed = self\n            .store\n",
             "        let early = Arc::new(std::sync::Mutex::new(std::mem::take(&mut self.callers)));\n"
             "        let inside = Arc::clone(&early);\n"
             "        let committed = self\n            .store\n"),
            (DRIVER, "                batch.store(tx)?;\n",
             "                for effect in &batch.effects {\n"
             "                    if let super::batch::Effect::Reply(waiter, outcome) = effect\n"
             "                        && let Ok(mut callers) = inside.lock()\n"
             "                        && let Some(reply) = callers.remove(waiter)\n"
             "                    {\n                        let _ = reply.send(outcome.clone());\n                    }\n                }\n"
             "                batch.store(tx)?;\n"),
            (DRIVER, "            .await;\n        match committed {\n",
             "            .await;\n        if let Ok(mut callers) = early.lock() {\n"
             "            self.callers = std::mem::take(&mut callers);\n        }\n        match committed {\n"),
        ],
        [LIB],
    ),
    Mutation(
        "show before the commit",
        [
            (DRIVER, "        let committed = self\n            .store\n",
             "        let shown = self.feed.clone();\n        let committed = self\n            .store\n"),
            (DRIVER, "                batch.store(tx)?;\n",
             "                let events = batch.events();\n                if !events.is_empty() {\n"
             "                    shown.publish(events);\n                }\n                batch.store(tx)?;\n"),
        ],
        [LIB],
    ),
    one("synchronous NORMAL instead of FULL", "src/store/start.rs",
        "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;", ["--test", "store_faults"]),
    one("go on after a commit of unknown outcome", DRIVER,
        "Err(error) if error.is_outcome_unknown() =>", "Err(error) if false && error.is_outcome_unknown() =>", ["--test", "faults", "disk::"]),
    one("send again what a reconcile does not find", "src/engine/step/reconcile.rs",
        "            if lifecycle::untraced(&mut entry.order, not_found, now) {\n                self.changed(order_id);\n            }\n",
        "            entry.run.sending = Sending::Queued;\n            let _ = (&not_found, now);\n"
        "            self.queue_place(order_id, false);\n"),
    one("UNCONFIRMED without a complete reconcile", "src/engine/step/reconcile.rs",
        "Some(reason) => self.reconcile_failed(&reason),", "Some(_) => self.conclude(session, token)?,"),
    one("no reconcile after a reconnect", "src/engine/step/session.rs",
        "                    self.batch.rows.push(Row::Accounts(accounts));\n                }\n                self.reconcile_after(Duration::ZERO);\n",
        "                    self.batch.rows.push(Row::Accounts(accounts));\n                }\n"),
    one("no paper guard", "src/engine/step/session.rs",
        "if !self.core.settings.allow_live && !live.is_empty() {", "if self.core.settings.allow_live && live.len() > 99 {"),
    one("no check of the store's accounts", "src/engine/step/session.rs",
        "(!of_store).then(", "(of_store && !of_store).then("),
    one("digest not compared", "src/engine/step/place.rs",
        "if entry.order.record.digest != wish.digest {", "if entry.order.record.digest.is_empty() {"),
    one("request ids forgotten by a restart", "src/engine/step/find.rs",
        "None => match self.rows.by_request_id(request_id)? {",
        "None => match self.rows.by_request_id(request_id)?.filter(|_| false) {"),
    one("ids follow TWS's counter back", "src/engine/step/session.rs",
        "desk.next_id = desk.next_id.max(info.next_valid_id);", "desk.next_id = info.next_valid_id;"),
    Mutation(
        "an execution counts twice",
        [
            ("src/domain/lifecycle/executions.rs", "&& !is_newer(revision, split(&known.exec_id).1)",
             "&& revision != split(&known.exec_id).1"),
            ("src/domain/lifecycle/executions.rs", "                inner.quantity -= previous.quantity.value();\n", ""),
        ],
        [LIB],
    ),
    one("filled may go down", "src/domain/lifecycle/mod.rs",
        "if filled > state.filled.value() {", "if filled != state.filled.value() {"),
    one("a cancel without a verdict is forgotten", "src/engine/step/reconcile.rs",
        "    state.cancel_requested\n        && !state.terminal\n", "    state.cancel_requested\n        && state.terminal\n"),
    one("a gap in the sequence", "src/engine/step/mod.rs",
        "    fn filled(&mut self, order_id: i32, fill: Fill) {\n        self.batch.desk.sequence += 1;",
        "    fn filled(&mut self, order_id: i32, fill: Fill) {\n        self.batch.desk.sequence += 2;"),
    one("a cursor of another store is taken", "src/feed/watcher.rs",
        "if after_sequence != 0 && !(base - 1..=head).contains(&after_sequence) {",
        "if after_sequence == u64::MAX && !(base - 1..=head).contains(&after_sequence) {", ["--test", "feed"]),
    one("the hand-over from store to live repeats", "src/feed/watcher.rs",
        "            if event.sequence <= self.position {\n                continue;\n            }\n", "", ["--test", "feed"]),
    one("the hand-over from store to live loses", "src/feed/watcher.rs",
        "if event.sequence <= self.position {", "if event.sequence <= self.position + 1 {", ["--test", "feed"]),
]


def broken(copy, mutation):
    """Applies a break; answers the files as they were."""
    before = {}
    for path, old, new in mutation.changes:
        file = copy / path
        text = file.read_text()
        if text.count(old) != 1:
            raise LookupError(f"{path} has this {text.count(old)} times: {old.strip()!r}")
        before.setdefault(file, text)
        file.write_text(text.replace(old, new))
    return before


def asked(copy, target, arguments):
    """Runs some tests; answers whether they passed, and the names of those that did not."""
    command = ["cargo", "test", "--no-fail-fast", *arguments]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "RUSTFLAGS": "-Awarnings"}
    if "RUSTFLAGS" not in os.environ:
        del environment["RUSTFLAGS"]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, text=True, timeout=SECONDS_MAX,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return ["(did not end in time)"]
    if "error: could not compile" in done.stdout:
        raise SyntaxError(done.stdout[-3000:])
    if done.returncode == 0:
        return []
    names = re.findall(r"^test (\S+)(?: - should panic)? \.\.\. FAILED$", done.stdout, re.MULTILINE)
    # A test that prints while it runs has its verdict on a line of its own.
    listed = re.findall(r"^    (\w+(?:::\w+)*)$", done.stdout, re.MULTILINE)
    return sorted(set(names) | set(listed)) or ["(ended by a signal)"]


def main():
    words = sys.argv[1:]
    chosen = [one for one in MUTATIONS if not words or any(word in one.name for word in words)]
    target = ROOT / "target" / "mutations"
    unnoticed = []
    rows = []
    with tempfile.TemporaryDirectory(prefix="mutations-") as directory:
        copy = Path(directory) / "copy"
        copy.mkdir()
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", str(copy)], input=archive.stdout, check=True)
        for mutation in chosen:
            try:
                before = broken(copy, mutation)
            except LookupError as error:
                print(f"{mutation.name}: {error}", file=sys.stderr, flush=True)
                unnoticed.append(mutation.name)
                continue
            try:
                failed = [name for tests in mutation.tests for name in asked(copy, target, tests)]
            except SyntaxError as error:
                print(f"{mutation.name} does not compile: {error}", file=sys.stderr, flush=True)
                failed = []
            finally:
                for file, text in before.items():
                    file.write_text(text)
            if not failed:
                unnoticed.append(mutation.name)
            seen = ", ".join(f"`{name}`" for name in failed[:4]) or "**none**"
            more = f" and {len(failed) - 4} more" if len(failed) > 4 else ""
            rows.append(f"| {mutation.name} | {seen}{more} |")
            print(rows[-1], flush=True)
    print("\n| what was broken | which tests saw it |\n|---|---|")
    print("\n".join(rows))
    if unnoticed:
        print(f"\nunnoticed or out of date: {', '.join(unnoticed)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
