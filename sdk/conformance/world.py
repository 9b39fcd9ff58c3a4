"""The world of the conformance list (README.md): starts it on free ports and runs a command in it.

    python sdk/conformance/world.py [--seconds MAX] -- COMMAND...

Needs the distribution ibkr-orders-client; IBKR_ORDERS_BIN names the program."""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from ibkr_orders.testing import SimulatedGateway

from proxy import LosingProxy


class World:
    """A gateway, its exchange, a proxy before it, and a port where they are told what to do."""

    def __init__(self):
        self.gateway = SimulatedGateway()
        host, port = self.gateway.address.removeprefix("http://").rsplit(":", 1)
        self.proxy = LosingProxy((host, int(port)))
        exchange = self.gateway.exchange
        self.commands = {
            "/explicit": exchange.explicit,
            "/automatic": exchange.automatic,
            "/fill": lambda order_id, **rest: exchange.fill(int(order_id), **rest),
            "/halt": exchange.halt,
            "/resume": exchange.resume,
            "/orders": lambda: [dataclasses.asdict(order) for order in exchange.orders()],
            "/lose": lambda answers: self.proxy.lose(int(answers)),
            "/lost": lambda: self.proxy.lost,
            "/kill": self.gateway.kill,
            "/start": self.gateway.start,
        }
        commands = self.commands

        class Handler(BaseHTTPRequestHandler):
            # Connections stay open between commands: one that is closed behind its answer may be taken for a lost answer.
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                url = urlsplit(self.path)
                try:
                    answer, status = commands[url.path](**dict(parse_qsl(url.query))), 200
                except Exception as error:  # whatever it was, the test that asked should say it
                    answer, status = f"{type(error).__name__}: {error}", 500
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def environment(self):
        return {
            "ORDERS_SERVER": self.gateway.address,
            "ORDERS_PROXY": f"http://127.0.0.1:{self.proxy.port}",
            "WORLD": f"http://127.0.0.1:{self.server.server_port}",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.proxy.close()
        self.gateway.close()


def main():
    parser = argparse.ArgumentParser(description="Runs a command in a fresh world of the conformance list.")
    parser.add_argument("--seconds", type=int, default=120, help="the longest the command may take")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    with World() as world:
        try:
            return subprocess.run(arguments.command, env=os.environ | world.environment(), timeout=arguments.seconds).returncode
        except subprocess.TimeoutExpired as late:
            print(late, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
