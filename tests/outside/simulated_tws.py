"""What the lists that other people's clients go through have in common: checks, and a simulator of their own."""

import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

WAIT_SECONDS_MAX = 10
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
    """Runs `BINARY simulate` on a free port and gives the port once it listens; ends it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [binary, "simulate", "--listen", f"127.0.0.1:{port}", "--seed", "7", *options]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{binary} simulate does not listen")
            time.sleep(0.02)
        yield port
    finally:
        child.terminate()
        child.wait(WAIT_SECONDS_MAX)
