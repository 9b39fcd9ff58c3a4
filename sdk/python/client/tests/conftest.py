"""The world of the conformance list, which is told what to do over HTTP so that every language has the same."""

import json
import os
from typing import Any, Dict, Iterator, List
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from ibkr_orders import Client


class World:
    server = os.environ.get("ORDERS_SERVER", "")
    proxy = os.environ.get("ORDERS_PROXY", "")

    def tell(self, command: str, **arguments: object) -> Any:
        url = f"{os.environ['WORLD']}/{command}?{urlencode(arguments)}"
        with urlopen(Request(url, method="POST"), timeout=60) as answer:
            return json.load(answer)

    def orders_of(self, request_id: str) -> List[Dict[str, Any]]:
        """The orders that reached the exchange under a request id."""
        return [order for order in self.tell("orders") if order["order_ref"] == request_id]


@pytest.fixture
def world() -> Iterator[World]:
    if "WORLD" not in os.environ:
        pytest.skip("run by sdk/conformance/world.py")
    world = World()
    world.tell("lose", answers=0)
    world.tell("resume")
    world.tell("explicit")
    yield world
    world.tell("lose", answers=0)


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(world.server) as client:
        yield client
