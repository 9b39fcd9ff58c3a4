"""Runs the functions of given modules whose names begin with `test_`, each in a directory of its own, and prints a tally."""

import argparse
import inspect
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path


class Bench:
    """What one test started: a directory, and processes that end with the test, last first."""

    def __init__(self, directory, stack):
        self.directory, self.stack = Path(directory), stack

    def room(self, name):
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def until_end(self, started):
        """Stops what was started when the test ends."""
        self.stack.callback(started.stop)
        return started

    def enter(self, context):
        return self.stack.enter_context(context)


def run(*modules):
    """Runs the tests whose name contains one of the words on the command line, or all, and answers an exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", help="run only tests whose name contains one of these")
    words = parser.parse_args().words
    tests = [test for module in modules for name, test in inspect.getmembers(module, inspect.isfunction) if name.startswith("test_")]
    passed = failed = 0
    for test in tests:
        name = test.__name__.removeprefix("test_")
        if words and not any(word in name for word in words):
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            try:
                with ExitStack() as stack:
                    test(Bench(directory, stack))
                passed += 1
                print(f"ok      {name} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED  {name} ({time.monotonic() - started:.1f} s)\n{traceback.format_exc()}", flush=True)
                for log in sorted(Path(directory).rglob("*.log")):
                    print(f"--- the end of {log.relative_to(directory)}\n{log.read_text(errors='replace')[-3000:]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main(*modules):
    sys.exit(run(*modules))
