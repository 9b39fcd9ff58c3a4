"""A gateway and a simulated TWS as processes of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Dict, List, Optional, Type

from ._exchange import Exchange

if TYPE_CHECKING:
    from .._client import Client

# Longest waits, in seconds.
_START_MAX = 30.0
_STOP_MAX = 15.0


def program() -> str:
    """Where the program is: IBKR_ORDERS_BIN, else beside this interpreter, else on PATH."""
    named = os.environ.get("IBKR_ORDERS_BIN")
    if named:
        return str(Path(named).resolve())
    beside = Path(sysconfig.get_path("scripts")) / "ibkr-orders"
    found = str(beside) if beside.exists() else shutil.which("ibkr-orders")
    if found is None:
        raise FileNotFoundError("the program ibkr-orders is not there: pip install ibkr-orders, or name it with IBKR_ORDERS_BIN")
    return found


class _Process:
    """A program in a session of its own, logging to a file, stopped by its process id."""

    def __init__(self, name: str, command: List[str], directory: Path, settings: Dict[str, str]) -> None:
        self.name, self.log = name, directory / f"{name}.log"
        kept = {n: os.environ[n] for n in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "RUST_LOG") if n in os.environ}
        self._from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**kept, **settings}, cwd=directory,
                start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self._from)
            return file.read().decode(errors="replace")

    def address(self, after: str) -> str:
        """The address in the line that begins with these words."""
        deadline = time.monotonic() + _START_MAX
        while True:
            found = re.search(rf"^{re.escape(after)} (\S+:\d+)$", self.said(), re.MULTILINE)
            if found:
                return found.group(1)
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start:\n{self.said()[-2000:]}")
            time.sleep(0.01)

    def end(self, with_signal: "signal.Signals") -> int:
        if self._child.poll() is None:
            self._child.send_signal(with_signal)
        try:
            return self._child.wait(_STOP_MAX)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(_STOP_MAX)
            raise TimeoutError(f"{self.name} did not end within {_STOP_MAX:.0f} s") from None


class SimulatedGateway:
    """A gateway on a simulated TWS, both on free ports of loopback. The TWS outlives a gateway that is killed.

    `settings` are environment variables of the gateway, for example MAX_ORDER_QUANTITY. Use it in a `with` statement.
    """

    def __init__(self, directory: Optional[Path] = None, **settings: str) -> None:
        self._scratch = None if directory else tempfile.TemporaryDirectory(prefix="ibkr-orders-")
        self.directory = Path(directory or (self._scratch.name if self._scratch else "."))
        self.directory.mkdir(parents=True, exist_ok=True)
        self._program, self._settings = program(), settings
        self._clients: List[Client] = []
        self._gateway: Optional[_Process] = None
        self._listen = "127.0.0.1:0"
        command = [self._program, "simulate", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]
        self._tws = _Process("simulator", command, self.directory, {})
        try:
            tws = self._tws.address("listening on")
            self._settings = {**settings, "IB_PORT": tws.rpartition(":")[2], "ORDER_DB_PATH": str(self.directory / "orders.db")}
            self.exchange = Exchange(self._tws.address("control of the simulator on"))
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        """Where the gateway listens, for example http://127.0.0.1:41231; the same after a restart."""
        return f"http://{self._listen}"

    def client(self) -> "Client":
        """A client of this gateway, closed with it."""
        from .._client import Client

        client = Client(self.address)
        self._clients.append(client)
        return client

    def start(self) -> None:
        """Starts the gateway, again after `stop` or `kill`, and waits until it can place orders."""
        command = [self._program, "serve", "--grpc-listen", self._listen]
        self._gateway = _Process("gateway", command, self.directory, self._settings)
        self._listen = self._gateway.address("listening on")
        from .._client import Client

        deadline = time.monotonic() + _START_MAX
        with Client(self.address) as client:
            while not client.health(deadline=_START_MAX).connected:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the gateway did not connect to its TWS:\n{self._gateway.said()[-2000:]}")
                time.sleep(0.02)

    def stop(self) -> None:
        """Ends the gateway as an operator does (SIGTERM). Its store stays."""
        if self._gateway is not None:
            self._gateway.end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the gateway without a word (SIGKILL). Its store stays."""
        if self._gateway is not None:
            self._gateway.end(signal.SIGKILL)

    def close(self) -> None:
        """Ends everything."""
        for client in self._clients:
            client.close()
        if hasattr(self, "exchange"):
            self.exchange.close()
        try:
            self.stop()
        finally:
            self._tws.end(signal.SIGTERM)
            if self._scratch is not None:
                self._scratch.cleanup()

    def __enter__(self) -> "SimulatedGateway":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
