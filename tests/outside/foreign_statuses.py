"""A proxy that ends calls with statuses of its own, without the gateway's ErrorInfo, as proxies and gRPC libraries do.

    python tests/outside/foreign_statuses.py [--directory DIR] -- COMMAND...

runs COMMAND with ORDERS_SERVER naming such a proxy before a fresh simulated gateway. Of each program's calls it passes the first Places
on and answers them with a status of its own, and breaks the first Watches. COMMAND must come to its end all the same, and
leave no order twice.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from concurrent import futures

import stubs
from gateway import Gateway
from stubs import grpc, pb

SERVICE = "/ibkr.orders.v1.OrderService/"
# What HAProxy, Envoy, nginx and the libraries make of a broken connection, or of their own time limit.
FOREIGN = [grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE]


class Foreign(grpc.GenericRpcHandler):
    """Passes every call on as bytes."""

    def __init__(self, channel):
        self.channel = channel
        self.lock = threading.Lock()
        self.left = {"Place": list(FOREIGN), "Watch": list(FOREIGN[:2])}

    def next_status(self, method):
        with self.lock:
            left = self.left.get(method, [])
            return left.pop(0) if left else None

    def service(self, details):
        method = details.method.removeprefix(SERVICE)
        if method == "Watch":
            return grpc.unary_stream_rpc_method_handler(self.watch)
        call = self.channel.unary_unary(details.method)

        def answer(request, context):
            try:
                response = call(request, timeout=30)
            except grpc.RpcError as error:
                # A refusal of the gateway comes through as it is.
                context.set_trailing_metadata(tuple(error.trailing_metadata()))
                context.abort(error.code(), error.details())
            if status := self.next_status(method):
                context.abort(status, "a status of the proxy's own")
            return response

        return grpc.unary_unary_rpc_method_handler(answer)

    def watch(self, request, context):
        # Before any event: the order may have ended by now, and then there is none.
        if status := self.next_status("Watch"):
            context.abort(status, "a stream that the proxy lost")
        stream = self.channel.unary_stream(SERVICE + "Watch")(request, timeout=90)
        context.add_callback(stream.cancel)
        try:
            yield from stream
        except grpc.RpcError as error:
            context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
            context.abort(error.code(), error.details())


def main():
    parser = argparse.ArgumentParser(description="Runs a command against a gateway behind a proxy with statuses of its own.")
    parser.add_argument("--directory", default=".", help="where the command runs")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        gateway = Gateway(directory).start()
        server = grpc.server(futures.ThreadPoolExecutor(16))
        with grpc.insecure_channel(gateway.address) as channel:
            foreign = Foreign(channel)
            server.add_generic_rpc_handlers((foreign,))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            environment = os.environ | {"ORDERS_SERVER": f"http://127.0.0.1:{port}"}
            done = subprocess.run(arguments.command, cwd=arguments.directory, env=environment, timeout=240).returncode
            server.stop(None)
        unused = {method: [status.name for status in left] for method, left in foreign.left.items() if left}
        with stubs.connect(gateway.address) as orders:
            placed = orders.List(pb.ListRequest()).orders
        gateway.stop()
    # One order, however often it was asked for; and every status was met.
    assert done == 0 and not unused and len(placed) == 1, (done, unused, placed)


if __name__ == "__main__":
    sys.exit(main())
