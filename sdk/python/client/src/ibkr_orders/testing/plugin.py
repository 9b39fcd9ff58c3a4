"""pytest fixtures. Loaded by pytest for whoever installed this package; imports nothing heavy before a test asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Iterator

import pytest

if TYPE_CHECKING:
    from .. import Client
    from . import Exchange, SimulatedGateway


@pytest.fixture
def ibkr_gateway(tmp_path: Path) -> "Iterator[SimulatedGateway]":
    """A fresh gateway on a fresh simulated TWS, both ended after the test."""
    from . import SimulatedGateway

    with SimulatedGateway(tmp_path / "ibkr-orders") as gateway:
        yield gateway


@pytest.fixture
def ibkr_exchange(ibkr_gateway: "SimulatedGateway") -> "Exchange":
    """What the exchange behind `ibkr_gateway` does."""
    return ibkr_gateway.exchange


@pytest.fixture
def ibkr_client(ibkr_gateway: "SimulatedGateway") -> "Client":
    """A client of `ibkr_gateway`."""
    return ibkr_gateway.client()
