"""The schema's Python stubs, generated on first use, and a channel to them."""

import sys
from contextlib import contextmanager
from pathlib import Path

import grpc
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "target/ci/stubs"
SCHEMA = ROOT / "proto/orders.proto"

GENERATED.mkdir(parents=True, exist_ok=True)
if not (GENERATED / "orders_pb2.py").exists() or (GENERATED / "orders_pb2.py").stat().st_mtime < SCHEMA.stat().st_mtime:
    well_known = Path(protoc.__file__).parent / "_proto"
    out = [f"--python_out={GENERATED}", f"--grpc_python_out={GENERATED}"]
    if protoc.main(["protoc", f"-I{SCHEMA.parent}", f"-I{well_known}", *out, SCHEMA.name]):
        raise RuntimeError("the stubs could not be generated")
sys.path.insert(0, str(GENERATED))

import orders_pb2 as pb  # noqa: E402
from orders_pb2_grpc import OrderServiceStub  # noqa: E402


@contextmanager
def connect(address, **options):
    """A stub over a connection of its own. Options are gRPC channel arguments, with _ for the dot after `grpc`."""
    arguments = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 500)]
    arguments += [(name.replace("_", ".", 1), value) for name, value in options.items()]
    with grpc.insecure_channel(address, arguments) as channel:
        yield OrderServiceStub(channel)
