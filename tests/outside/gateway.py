"""A gateway, and the TWS it talks to, as processes of their own: for the tests of this directory, and as a command

    python tests/outside/gateway.py [--protected] [--directory DIR] [--seconds MAX] -- COMMAND...

that runs COMMAND with ORDERS_SERVER naming a fresh simulated gateway, and exits with its code. A protected one speaks TLS and
asks for a token: COMMAND finds ORDERS_SERVER_CA and ORDERS_TOKEN too.
"""

import argparse
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
# Bounds for what hangs, not for what is slow: the machine may do much else.
START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 60


def binary():
    return str(Path(os.environ.get("IBKR_ORDERS_BIN", ROOT / "target/debug/ibkr-orders")).resolve())


# Below the ports that systems take for outgoing connections, so that none of those takes the port of a gateway that restarts.
PORTS = range(20_000, 32_000)
# A locked file for each port that is handed out, so that tests that run beside these do not take it before the program listens.
RESERVATIONS = Path(tempfile.gettempdir()) / "ibkr-orders-test-ports"
reserved = []


def reserve(port):
    """Whether the port is this process's until it ends."""
    RESERVATIONS.mkdir(exist_ok=True)
    file = open(RESERVATIONS / str(port), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    reserved.append(file)
    return True


def free_port():
    """A port that nobody listens on, and that is given to nobody else while this process runs."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0 and reserve(port):
                return port
    raise RuntimeError(f"no free port between {PORTS.start} and {PORTS.stop}")


def wait_until(condition, what, seconds_max=START_SECONDS_MAX):
    deadline = time.monotonic() + seconds_max
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds_max} s")
        time.sleep(0.02)


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program in a session of its own, logging to a file, stopped by its process id."""

    def __init__(self, name, command, log, environment=None, directory=None):
        self.name, self.log = name, Path(log)
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment, cwd=directory, start_new_session=True,
            )  # fmt: skip

    def check(self):
        """Raises when the program has ended."""
        if self.child.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended with {self.child.returncode}:\n{tail}")

    def wait_for_port(self, port):
        wait_until(lambda: self.check() or listens(port), f"{self.name} listens on {port}")

    def stop(self, with_signal=signal.SIGTERM):
        """Ends the program and answers its exit code; a program that stays is killed, which is an error."""
        if self.child.poll() is None:
            self.child.send_signal(with_signal)
        try:
            return self.child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(STOP_SECONDS_MAX)
            raise TimeoutError(f"{self.name} did not end within {STOP_SECONDS_MAX} s of signal {with_signal}") from None


def bare_environment(**settings):
    """An environment without any setting of the person who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {name: str(value) for name, value in settings.items()}


class Simulator:
    """`ibkr-orders simulate`: a TWS that outlives its gateways."""

    def __init__(self, directory, *options):
        self.port = free_port()
        command = [binary(), "simulate", "--listen", f"127.0.0.1:{self.port}", *options]
        self.process = Process("simulator", command, Path(directory) / "simulator.log", bare_environment(), directory)
        self.process.wait_for_port(self.port)

    def stop(self):
        self.process.stop()


class Gateway:
    """`ibkr-orders serve`: on a simulator of its own, or on a given TWS port. Its store stays through a restart."""

    def __init__(self, directory, tws_port=None, port=None, **settings):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.metrics_port = free_port()
        self.command = [binary(), "serve"] + ([] if tws_port else ["--simulate"])
        self.settings = settings | {
            "GRPC_LISTEN": f"127.0.0.1:{self.port}",
            "METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            "ORDER_DB_PATH": self.directory / "orders.db",
            "IB_PORT": tws_port or 7497,
        }
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        log = self.directory / "gateway.log"
        self.process = Process("gateway", self.command, log, bare_environment(**self.settings), self.directory)
        self.process.wait_for_port(self.port)
        self.process.wait_for_port(self.metrics_port)
        with grpc.insecure_channel(f"127.0.0.1:{self.metrics_port}") as channel:
            probe = health_pb2_grpc.HealthStub(channel)
            wait_until(lambda: self.process.check() or connected(probe), "gateway connected to TWS")
        return self

    def stop(self, with_signal=signal.SIGTERM):
        return self.process.stop(with_signal)


def connected(probe):
    """Whether the probe of the metrics port, which needs neither TLS nor token, says that TWS is connected."""
    try:
        answer = probe.Check(health_pb2.HealthCheckRequest(service="ibkr.orders.v1.OrderService"), timeout=START_SECONDS_MAX)
        return answer.status == health_pb2.HealthCheckResponse.SERVING
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            raise
        return False


def protection(directory):
    """Settings for a gateway with a certificate of its own and a token, and the environment that a caller needs."""
    certificate, key, tokens = (Path(directory) / name for name in ("server.pem", "server.key", "tokens"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=gateway", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    tokens.write_text("a-token-for-this-test-only\n")
    settings = {"TLS_CERT": certificate, "TLS_KEY": key, "AUTH_TOKEN_FILE": tokens}
    return settings, {"ORDERS_SERVER_CA": str(certificate), "ORDERS_TOKEN": tokens.read_text().strip()}


def main():
    parser = argparse.ArgumentParser(description="Runs a command against a fresh simulated gateway.")
    parser.add_argument("--directory", default=".", help="where the command runs")
    parser.add_argument("--seconds", type=int, default=120, help="the longest the command may take")
    parser.add_argument("--protected", action="store_true", help="with TLS and a token")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        settings, environment = protection(directory) if arguments.protected else ({}, {})
        gateway = Gateway(directory, **settings).start()
        try:
            scheme = "https" if arguments.protected else "http"
            environment = os.environ | environment | {"ORDERS_SERVER": f"{scheme}://{gateway.address}"}
            done = subprocess.run(arguments.command, cwd=arguments.directory, env=environment, timeout=arguments.seconds).returncode
        except subprocess.TimeoutExpired as late:
            print(late, file=sys.stderr)
            done = 1
        finally:
            code = gateway.stop()
        if done or code:
            print(f"{arguments.command[0]} ended with {done}, the gateway with {code}; its log:", file=sys.stderr)
            print((Path(directory) / "gateway.log").read_text()[-4000:], file=sys.stderr)
        return done or code


if __name__ == "__main__":
    sys.exit(main())
