"""Addresses, their protection, and the methods of the service."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import grpc

from ._pb import orders_pb2 as pb

PACKAGE = "ibkr.orders.v1"
DEFAULT_ADDRESS = "http://127.0.0.1:50051"
# Pings on a quiet connection, so that one whose peer vanished ends.
_OPTIONS: List[Tuple[str, Any]] = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A channel has a connection of its own: streams that are read slowly hold up nobody else.
    ("grpc.use_local_subchannel_pool", 1),
    # Attempts are ours: the library must not add some.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", 8 << 20),
]


@dataclass(frozen=True)
class Settings:
    """How gateways are reached. Token and certificates are never shown."""

    addresses: Tuple[str, ...]
    token: Optional[str] = field(default=None, repr=False)
    ca: Optional[bytes] = field(default=None, repr=False)
    client_cert: Optional[bytes] = field(default=None, repr=False)
    client_key: Optional[bytes] = field(default=None, repr=False)
    server_name: Optional[str] = None

    @classmethod
    def of(
        cls,
        addresses: Sequence[str],
        token: Optional[str],
        token_file: Optional[str],
        ca_file: Optional[str],
        client_cert_file: Optional[str],
        client_key_file: Optional[str],
        server_name: Optional[str],
    ) -> "Settings":
        def contents(path: Optional[str]) -> Optional[bytes]:
            return None if path is None else Path(path).read_bytes()

        if token is not None and token_file is not None:
            raise ValueError("give token or token_file")
        if (client_cert_file is None) != (client_key_file is None):
            raise ValueError("client_cert_file and client_key_file go together")
        if token_file is not None:
            token = first_token(Path(token_file).read_text())
        settings = cls(
            tuple(addresses) or (DEFAULT_ADDRESS,), token, contents(ca_file), contents(client_cert_file), contents(client_key_file), server_name
        )
        for address in settings.addresses:
            target(address)
        if token is not None and not all(a.startswith("https://") or is_loopback(a) for a in settings.addresses):
            raise ValueError("a token goes out over https:// or to loopback only: anybody on the way could read it")
        return settings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The variables that the command line reads too; ORDERS_SERVER may name several addresses, with commas."""
        get = environment.get
        servers = [part.strip() for part in get("ORDERS_SERVER", "").split(",") if part.strip()]
        return cls.of(
            servers,
            get("ORDERS_TOKEN"),
            get("ORDERS_TOKEN_FILE") if "ORDERS_TOKEN" not in environment else None,
            get("ORDERS_SERVER_CA"),
            get("ORDERS_CLIENT_CERT"),
            get("ORDERS_CLIENT_KEY"),
            get("ORDERS_SERVER_NAME"),
        )

    def metadata(self) -> List[Tuple[str, str]]:
        return [] if self.token is None else [("authorization", f"Bearer {self.token}")]

    def credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.ca, self.client_key, self.client_cert)

    def options(self) -> List[Tuple[str, Any]]:
        named = [] if self.server_name is None else [("grpc.ssl_target_name_override", self.server_name)]
        return _OPTIONS + named


def first_token(text: str) -> str:
    """The first token of a token file; what follows it on its line says what it may do."""
    for line in text.splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            return words[0]
    raise ValueError("the token file has no token")


def target(address: str) -> Tuple[bool, str]:
    """Whether an address asks for TLS, and its host and port."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in ("http", "https") or not rest.strip("/") or "/" in rest.rstrip("/"):
        raise ValueError(f"{address!r} is not an address: write http://HOST:PORT or https://HOST:PORT")
    return scheme == "https", rest.rstrip("/")


def is_loopback(address: str) -> bool:
    host = target(address)[1].rsplit(":", 1)[0].strip("[]")
    return host == "localhost" or host == "::1" or host.startswith("127.")


@dataclass(frozen=True)
class Method:
    path: str
    serialize: Callable[[Any], bytes]
    parse: Callable[[bytes], Any]
    streams: bool = False


def _methods(*services: Any) -> Dict[str, Method]:
    """Every method of the services by its name, which no two of them share."""
    found = {}
    for service in services:
        for method in service.methods:
            # What makes messages: the stubs have them under the names that the schema has.
            request, response = getattr(pb, method.input_type.name), getattr(pb, method.output_type.name)
            path = f"/{PACKAGE}.{service.name}/{method.name}"
            found[method.name] = Method(path, request.SerializeToString, response.FromString, method.name in STREAMS)
    return found


# Methods that answer with a stream. The descriptors of the oldest protobuf do not say.
STREAMS = ("Watch", "WatchAccount")
METHODS = _methods(*(pb.DESCRIPTOR.services_by_name[name] for name in ("OrderService", "AccountService", "RiskService")))


class Rotation:
    """Which of several addresses is asked."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = list(addresses)
        self._at = 0

    @property
    def current(self) -> str:
        return self._addresses[self._at]

    def move(self, leader: Optional[str]) -> None:
        """To the leader that a standby named, where it is one of ours; else to the next."""
        for at, address in enumerate(self._addresses):
            if leader is not None and leader in (address, target(address)[1]):
                self._at = at
                return
        self._at = (self._at + 1) % len(self._addresses)
