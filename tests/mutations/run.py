#!/usr/bin/env python3
"""Breaks the gateway on purpose, one invariant at a time, and sees that a test fails for each.

    python3 tests/mutations/run.py                # all of them
    python3 tests/mutations/run.py WORD ...       # those whose name or rule contains one of these words
    python3 tests/mutations/run.py --list         # what there is
    python3 tests/mutations/run.py --check        # only that each break still fits the sources as they are; half a second

Works on a copy of the last commit in a temporary directory and leaves the sources alone. Prints a Markdown table: what was broken,
and which tests saw it. Exits 1 when a break went unnoticed or no longer fits the sources. Takes half a minute to two for each.
It compiles into a directory of its own, target/mutations: cargo would take what it compiled for the project's own, since the copy is
the same package, and tests would run a broken gateway.
"""

import argparse
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
SIMULATION = ["--test", "simulation"]


@dataclass
class Mutation:
    """One break: its name, what changes where (each text must stand in its file once), the tests that are asked (the next only where the ones
    before did not see it), and the part of the rules that it breaks."""

    name: str
    changes: list[tuple[str, str, str]]
    tests: list[list[str]]
    rule: str = "commits and sends"


def one(name, path, old, new, *tests, rule="commits and sends"):
    return Mutation(name, [(path, old, new)], list(tests) or [LIB, SIMULATION], rule)


def belief(name, path, old, new, *tests):
    """A break of what is believed of TWS's reports."""
    return one(name, path, old, new, *tests, rule="belief")


def answer(name, path, old, new, *tests):
    """A break of how answers to queries and refusals are taken."""
    return one(name, path, old, new, *tests, rule="answers")


def pressure(name, path, old, new, *tests):
    """A break of what is promised under pressure."""
    return one(name, path, old, new, *tests, rule="pressure")


DRIVER = "src/engine/driver/mod.rs"
LIFECYCLE = "src/domain/lifecycle/mod.rs"
FOLLOW = "src/domain/lifecycle/follow.rs"
PROGRESS = "src/domain/lifecycle/progress.rs"
REPORTS = "src/domain/lifecycle/reports.rs"
EXECUTIONS = "src/domain/lifecycle/executions.rs"
OWNERSHIP = "src/domain/lifecycle/ownership.rs"
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
        [SIMULATION],
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
        [SIMULATION],
    ),
    one("synchronous NORMAL instead of FULL", "src/store/start.rs",
        "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;", ["--test", "store_faults"]),
    one("go on after a commit of unknown outcome", DRIVER,
        "Err(error) if error.is_outcome_unknown() => Err(Fatal(error.to_string())),\n            Err(StoreError::Closed)",
        "Err(error) if false && error.is_outcome_unknown() => Err(Fatal(error.to_string())),\n            Err(StoreError::Closed)", ["--test", "faults", "disk::"]),
    one("send again what a reconcile does not find", "src/engine/step/judge.rs",
        "|| lifecycle::untraced(&mut entry.order, not_found, now);\n",
        "|| lifecycle::untraced(&mut entry.order, not_found, now);\n"
        "            entry.runtime.submission = Submission::Queued;\n"
        "            self.queue_place(order_id, false);\n"),
    one("UNCONFIRMED without a complete reconcile", "src/engine/step/reconcile.rs",
        "Some(reason) => self.reconcile_failed(&reason),", "Some(_) => self.finish_reconcile(session, token)?,"),
    one("no reconcile after a reconnect", "src/engine/step/session.rs",
        "                    self.batch.rows.push(Row::Accounts(accounts));\n                }\n                self.reconcile_after(Duration::ZERO);\n",
        "                    self.batch.rows.push(Row::Accounts(accounts));\n                }\n"),
    one("no paper guard", "src/engine/step/session.rs",
        "(!self.core.settings.allow_live && !live.is_empty()).then(", "(self.core.settings.allow_live && live.len() > 99).then("),
    one("no check of the store's accounts", "src/engine/step/session.rs",
        "(!of_store).then(", "(of_store && !of_store).then("),
    one("digest not compared", "src/engine/step/place.rs",
        "if known != Some(digest) {", "if known.is_none() && known.is_some() {"),
    one("request ids forgotten by a restart", "src/engine/step/find.rs",
        "None => match self.rows.by_request_id(request_id)? {",
        "None => match self.rows.by_request_id(request_id)?.filter(|_| false) {"),
    one("ids follow TWS's counter back", "src/engine/step/session.rs",
        "engine_state.next_id = engine_state.next_id.max(info.next_valid_id);", "engine_state.next_id = info.next_valid_id;"),
    Mutation(
        "an execution counts twice",
        [
            ("src/domain/lifecycle/executions.rs", "&& !is_newer(revision, split(&known.fill.exec_id).1)",
             "&& revision != split(&known.fill.exec_id).1"),
            ("src/domain/lifecycle/executions.rs", "                    inner.sum -= lost;\n",
             "                    inner.sum += fill.quantity.value();\n                    inner.uncounted += fill.quantity.value();\n"),
        ],
        [LIB, SIMULATION],
    ),
    one("filled may go down", "src/domain/lifecycle/progress.rs",
        "if more > Decimal::ZERO {", "if more != Decimal::ZERO {"),
    one("a cancel without a verdict is forgotten", "src/engine/step/judge.rs",
        "Cancelling::InFlight { session: other, .. } => other != session,", "Cancelling::InFlight { session: other, .. } => other == session,"),
    one("a gap in the sequence", "src/engine/step/mod.rs",
        "    fn filled(&mut self, order_id: i32, fill: Fill) {\n        self.batch.engine_state.sequence += 1;",
        "    fn filled(&mut self, order_id: i32, fill: Fill) {\n        self.batch.engine_state.sequence += 2;"),
    one("a cursor of another store is taken", "src/feed/watcher.rs",
        "        if after_sequence != 0 {\n            match hub", "        if after_sequence == u64::MAX {\n            match hub", ["--test", "feed"]),
    one("the hand-over from store to live repeats", "src/feed/watcher.rs",
        "            if event.sequence <= self.position {\n                continue;\n            }\n", "", ["--test", "feed"]),
    one("the hand-over from store to live loses", "src/feed/watcher.rs",
        "if event.sequence <= self.position {", "if event.sequence <= self.position + 1 {", ["--test", "feed"]),

    belief("an order keeps the quantity it was placed with", FOLLOW,
           "        && quantity != terms.quantity\n", "        && quantity != terms.quantity\n        && terms.quantity.is_zero()\n"),
    belief("an order keeps the price it was placed with", FOLLOW,
           "        && pricing != terms.pricing\n", "        && pricing != terms.pricing\n        && terms.quantity.is_zero()\n"),
    belief("executions end an order that works on", REPORTS,
           "        self.raise_filled(executed);\n",
           "        self.raise_filled(executed);\n        if executed >= self.quantity() {\n            self.set_status(Status::Filled);\n        }\n"),
    belief("a working word opens no filled order", LIFECYCLE,
           "Status::Filled => works && reopening == Reopening::Allowed,", "Status::Filled => works && reopening == Reopening::Allowed && false,"),
    belief("what filled is what was ordered", PROGRESS,
           "        let counted = counted.filter(|counted| counted.is_positive());\n",
           "        let counted = counted.map(|_| self.order.record.state.terms.quantity);\n"),
    belief("what remains is what was ordered less what filled", REPORTS,
           "self.remains(*remaining, *filled);", "let _ = remaining;"),
    belief("the same shares under other execution ids add up", EXECUTIONS,
           "self.inner.sum.min(counted)", "self.inner.sum.max(counted.min(Decimal::ZERO))"),
    belief("another contract or side under our number is ours", OWNERSHIP,
           "if let Some(why) = mismatch(&order.record, &shown) {", "if let Some(why) = mismatch(&order.record, &shown).filter(|why| why.is_empty()) {"),
    belief("the fills of a second permanent id are the first one's", OWNERSHIP,
           "                Some(_) => Ownership::SecondOrder { perm_id },\n", "                Some(_) => Ownership::Ours,\n"),
    belief("a reference that came back changed makes an order foreign", OWNERSHIP,
           "    begins_alike && (is_whole", "    begins_alike && sent == came_back && (is_whole"),
    belief("an order held for shares is over", LIFECYCLE,
           "state.status.is_terminal() && !(state.status == Status::Inactive && state.why_held.is_some())", "state.status.is_terminal()"),
    belief("a verdict on the cancel of a held order leaves no trace", "src/domain/lifecycle/errors.rs",
           "            if self.order.record.state.why_held.is_some() {\n                self.note(code, text);\n            }\n", ""),
    belief("dollars and yen are added up", PROGRESS,
           "            [] | [_, _, ..] => None,\n",
           "            [] => None,\n            [first, rest @ ..] => Some(Amount::new(rest.iter().map(|one| one.amount.value()).sum::<Decimal>() + first.amount.value())),\n"),
    belief("a fill that was taken back leaves its average price", LIFECYCLE,
           "        if executed == state.filled.value() {\n", "        if executed == state.filled.value() && executed > rust_decimal::Decimal::ZERO {\n"),
    belief("a staged order that works stays unreleased", LIFECYCLE,
           "                if !record.state.transmit {\n", "                if !record.state.transmit && !record.worked {\n"),
    belief("an order of days ago is unconfirmed for ever", "src/engine/step/judge.rs",
           "(expired && lifecycle::absent_after_its_time(", "(expired && round == u64::MAX && lifecycle::absent_after_its_time("),
    belief("a row that names only a shared reference is the first one's", "src/engine/step/report.rs",
           "            (Some(only), None) => Ok(Some(only)),\n", "            (Some(only), _) => Ok(Some(only)),\n"),

    answer("a refusal with an unlisted code decides nothing", "src/domain/lifecycle/local_transitions.rs",
           "    if !may_be_refused(order) {\n", "    if may_be_refused(order) {\n"),
    answer("an answer without its end mark is asked for anew for ever", "src/engine/step/reconcile.rs",
           "Answer::Partial { times } if *times >= ENDLESS_TIMES => None,", "Answer::Partial { times } if *times == u32::MAX => None,"),
    answer("after a refused id the next order takes the next one", "src/engine/step/ids.rs",
           "            engine_state.ids_doubted = Some(self.now.monotonic);\n", ""),
    answer("an execution of ours with a side of a later TWS is no fill", "src/tws/reports.rs",
           "    let (Some(exec_id), Some(quantity), Some(price), true) = (\n        text(exec_id),\n        quantity,\n",
           "    let (Some(exec_id), Some(quantity), Some(price), true) = (\n        text(exec_id),\n        quantity.filter(|_| side.is_some()),\n",
           ["--test", "tws_adapter", "rows::"]),
    answer("a row without a client id costs its order", "src/tws/reports.rs",
           "        client_id: client_id.unwrap_or(context.client_id),\n        perm_id: perm_id(order.perm_id),\n        order_ref: text(order.order_ref),\n",
           "        client_id: client_id.unwrap_or(0),\n        perm_id: perm_id(order.perm_id),\n        order_ref: text(order.order_ref),\n",
           ["--test", "tws_adapter", "rows::"]),

    Mutation("limits before the request id",
             [("src/engine/step/place.rs",
               "        if command.request_id_given\n            && self.answered_before(",
               "        let alone = Proposal::place(&command.order, \"\", ask.caller.key());\n"
               "        if !self.within_limits_alone(ask, &alone) {\n"
               "            return Ok(());\n        }\n        if command.request_id_given\n            && self.answered_before(")],
             [LIB, ["--test", "faults", "idempotency::"]], "pressure"),
    pressure("without live trading nothing is cancelled or asked for", "src/engine/step/session.rs",
             "Some(error) if known => (None, Some(error)),", "Some(error) if known && false => (None, Some(error)),",
             LIB, ["--test", "faults", "guards::"]),
    pressure("the loss of a session is dropped when the store refuses it", "src/engine/driver/retry.rs",
             "        let refusals = refusals + u32::from(is_poisoned(error));\n",
             "        if matches!(input, Input::Tws(TwsEvent::SessionDown { .. })) {\n            return Ok(());\n        }\n"
             "        let refusals = refusals + u32::from(is_poisoned(error));\n",
             LIB, ["--test", "faults", "disk::what_the_store_refuses"]),
    pressure("a store that was deleted goes on to be written", "src/store/identity.rs",
             "let lost = self.files.iter().find_map(Known::lost);", "let lost = self.files.iter().take(0).find_map(Known::lost);",
             ["--test", "faults", "files::"]),
]


def changed(root, mutation):
    """The files that a break changes: as they are, and as it makes them."""
    before, after = {}, {}
    for path, old, new in mutation.changes:
        file = root / path
        if not file.is_file():
            raise LookupError(f"there is no {path}")
        text = after.get(file) or file.read_text()
        if text.count(old) != 1:
            raise LookupError(f"{path} has this {text.count(old)} times: {old.strip()!r}")
        before.setdefault(file, text)
        after[file] = text.replace(old, new)
    return before, after


def check(chosen):
    """Whether every break fits the sources; says which do not."""
    names = [mutation.name for mutation in MUTATIONS]
    misfits = [f"{name}: the name is there twice" for name in set(names) if names.count(name) > 1]
    for mutation in chosen:
        try:
            changed(ROOT, mutation)
        except LookupError as error:
            misfits.append(f"{mutation.name}: {error}")
    for misfit in misfits:
        print(misfit, file=sys.stderr)
    print(f"{len(chosen)} breaks, {len(misfits)} of them out of date")
    return not misfits


class NoVerdict(Exception):
    """Tests that neither passed nor named one that failed, which says nothing about the break."""


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
        raise NoVerdict("the tests did not end in time")
    if "error: could not compile" in done.stdout:
        raise SyntaxError(done.stdout[-3000:])
    if done.returncode == 0:
        return []
    names = re.findall(r"^test (\S+)(?: - should panic)? \.\.\. FAILED$", done.stdout, re.MULTILINE)
    # A test that prints while it runs has its verdict on a line of its own.
    listed = re.findall(r"^    (\w+(?:::\w+)*)$", done.stdout, re.MULTILINE)
    failed = sorted(set(names) | set(listed))
    if not failed:
        raise NoVerdict("the tests ended without the name of one that failed")
    return failed


def main():
    parser = argparse.ArgumentParser(description="Breaks the gateway on purpose and sees that tests fail.")
    parser.add_argument("words", metavar="WORD", nargs="*", help="breaks whose name or rule contains one of these")
    parser.add_argument("--list", action="store_true", help="say what there is, by rule")
    parser.add_argument("--check", action="store_true", help="only see that each break fits the sources")
    options = parser.parse_args()
    words = options.words
    chosen = [each for each in MUTATIONS if not words or any(word in each.name or word in each.rule for word in words)]
    if not chosen:
        sys.exit("no break has such a name or rule")
    if options.list:
        for mutation in chosen:
            print(f"{mutation.rule}: {mutation.name}")
        return
    if options.check:
        sys.exit(0 if check(chosen) else 1)
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
                before, after = changed(copy, mutation)
            except LookupError as error:
                print(f"{mutation.name}: {error}", file=sys.stderr, flush=True)
                unnoticed.append(mutation.name)
                continue
            for file, text in after.items():
                file.write_text(text)
            try:
                failed = next(filter(None, (asked(copy, target, tests) for tests in mutation.tests)), [])
            except SyntaxError as error:
                print(f"{mutation.name} does not compile: {error}", file=sys.stderr, flush=True)
                failed = []
            except NoVerdict as error:
                print(f"{mutation.name}: {error}", file=sys.stderr, flush=True)
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
