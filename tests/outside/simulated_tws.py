"""What the lists that other people's clients go through have in common: checks, and a simulator of their own."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

# A bound for what hangs, not for what is slow.
WAIT_SECONDS_MAX = 60
ROOT = Path(__file__).resolve().parents[2]


class Checks:
    """Prints a line per check and counts them."""

    def __init__(self):
        self.results = []

    def check(self, sentence, good, seen=None):
        self.results.append(bool(good))
        print(("ok      " if good else "FAILED  ") + sentence + ("" if good else f": {seen!r}"), flush=True)

    def report(self):
        print(f"{sum(self.results)} passed, {self.results.count(False)} failed")
        return 0 if self.results and all(self.results) else 1


@contextmanager
def simulator(binary, *options):
    """Runs `BINARY simulate` and gives the port that it chose; ends it afterwards."""
    command = [binary, "simulate", "--listen", "127.0.0.1:0", "--seed", "7", *options]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        # It says on stderr where it listens; what it says later is passed on.
        listens = next((line for line in child.stderr if line.startswith("listening on ")), None)
        if listens is None:
            raise RuntimeError(f"{binary} simulate does not listen")
        threading.Thread(target=lambda: sys.stderr.writelines(child.stderr), daemon=True).start()
        yield int(listens.rpartition(":")[2])
    finally:
        child.terminate()
        child.wait(WAIT_SECONDS_MAX)
