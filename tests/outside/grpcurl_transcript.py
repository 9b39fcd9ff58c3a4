"""Calls every method with grpcurl against a fresh simulated gateway and writes docs/grpcurl.md from what came back.

    python tests/outside/grpcurl_transcript.py           writes docs/grpcurl.md
    python tests/outside/grpcurl_transcript.py --check   compares with it, but for what differs from run to run
"""

import difflib
import json
import re
import subprocess
import sys
import tempfile

from gateway import ROOT, Gateway

PAGE = ROOT / "docs/grpcurl.md"
SHOWN = "localhost:50051"
SERVICE = "ibkr.orders.v1.OrderService"

# Fields that tell how far an order had come.
PROGRESS = ("status", "filled", "remaining", "avgFillPrice", "terminal", "commission", "rawState")

# Heading, what it shows, the call: method, request, exit code (grpcurl: 64 + the status code).
CALLS = [
    ("Health", "Whether orders can be placed now.", "Health", {}, 0),
    ("Validate", "A good order comes back with its defaults.", "Validate",
     {"order": {"action": "BUY", "symbol": "aapl", "order_type": "MKT", "quantity": "1"}}, 0),
    (None, "A wrong one comes back with every violation.", "Validate",
     {"order": {"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": "-1"}}, 0),
    ("Place", "With a `request_id`, so that the call may be repeated; `transmit` sends it to the market.", "Place",
     {"order": {"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": "1"}, "transmit": True,
      "request_id": "try-1"}, 0),
    ("Watch", "From what Place answered to the end of the order: every event once. Without `after_sequence` the current state comes first.",
     "Watch", {"order_id": 1, "after_sequence": "SEQUENCE"}, 0),
    ("Place again", "The same request again is the same order: `replayed`.", "Place",
     {"order": {"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": "1"}, "transmit": True,
      "request_id": "try-1"}, 0),
    (None, "Another order under a used `request_id` is refused.", "Place",
     {"order": {"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": "2"}, "transmit": True,
      "request_id": "try-1"}, 70),
    (None, "An order that TWS rejects is an answer, not an error: it exists and has an id.", "Place",
     {"order": {"action": "BUY", "symbol": "NOSUCH", "order_type": "MKT", "quantity": "1"}, "transmit": True,
      "request_id": "try-2"}, 0),
    (None, "Without `transmit` the order is staged in TWS.", "Place",
     {"order": {"action": "BUY", "symbol": "MSFT", "order_type": "LMT", "quantity": "2", "limit_price": "1.5", "tif": "GTC"},
      "request_id": "try-3"}, 0),
    ("Transmit", "Releases a staged order.", "Transmit", {"placed_as": "try-3"}, 0),
    ("Cancel", "By the order's id or by the request id it was placed under.", "Cancel", {"placed_as": "try-3"}, 0),
    ("Replace", "Other terms for an order that TWS has; `replacement` says what became of it.", "Place",
     {"order": {"action": "BUY", "symbol": "IBM", "order_type": "LMT", "quantity": "2", "limit_price": "1.5"}, "transmit": True,
      "request_id": "try-4"}, 0),
    (None, "What is not given stays.", "Replace",
     {"placed_as": "try-4", "limit_price": "1.6", "expected_revision": 1, "request_id": "try-4-higher"}, 0),
    ("PlaceBracket", "An entry with its exits, all of them or none.", "PlaceBracket",
     {"entry": {"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": "10", "limit_price": "150"},
      "take_profit": {"limit_price": "260"}, "stop_loss": {"stop_price": "145"}, "request_id": "try-5"}, 0),
    (None, "Exits on the wrong side are refused, before anything is stored.", "PlaceBracket",
     {"entry": {"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": "10", "limit_price": "150"},
      "stop_loss": {"stop_price": "155"}, "request_id": "try-6"}, 67),
    ("Preview", "What TWS would make of an order, with nothing placed.", "Preview",
     {"order": {"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": "1"}}, 0),
    ("Get", "One order and its fills; of a bracket's entry its exits too, as `legs`.", "Get", {"placed_as": "try-1"}, 0),
    (None, "An unknown one.", "Get", {"order_id": 999}, 69),
    ("List", "Newest first, in pages, filtered by status, symbol and bracket.", "List",
     {"statuses": ["FILLED", "CANCELLED"], "page_size": 1}, 0),
]  # fmt: skip


def call(address, method, request, expected):
    """The command as a reader types it, and what it printed."""
    command = ["-d", json.dumps(request)] if request else []
    done = subprocess.run(
        ["grpcurl", "-plaintext", *command, address, f"{SERVICE}/{method}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30,
    )  # fmt: skip
    if done.returncode != expected:
        raise RuntimeError(f"{method} {request}: exit code {done.returncode} instead of {expected}\n{done.stdout}")
    answered = re.sub(r'  "(contract|orderPayload)": \{\n.*?\n    \}(,?)\n', r'  "\1": {…}\2\n', done.stdout, flags=re.DOTALL)
    typed = f"-d '{command[1]}' " if command else ""
    return f"$ grpcurl -plaintext {typed}{SHOWN} {SERVICE}/{method}\n{answered.rstrip()}\n"


def page(address):
    listed = subprocess.run(
        ["grpcurl", "-plaintext", address, "list", SERVICE], stdout=subprocess.PIPE, text=True, timeout=30, check=True
    )
    lines = [
        "# Every method with grpcurl",
        "",
        "Against `ibkr-orders serve --simulate`, by reflection: no stubs and no schema file are needed. Each answer below is what",
        "the gateway said (`tests/outside/grpcurl_transcript.py` makes this page, and CI compares it). With TLS leave `-plaintext`",
        "out; with a token add `-H \"authorization: Bearer $TOKEN\"`. grpcurl leaves out fields that are empty; `-emit-defaults`",
        "shows them. A refusal's exit code is 64 plus the status code. `{…}` stands for the IB contract and order as constructed.",
        "",
        "```console",
        f"$ grpcurl -plaintext {SHOWN} list {SERVICE}",
        listed.stdout.rstrip(),
        "```",
    ]
    sequence = None
    for heading, what, method, request, expected in CALLS:
        if "after_sequence" in request:
            request = request | {"after_sequence": sequence}
        said = call(address, method, request, expected)
        sequence = sequence or next(iter(re.findall(r'"sequence": "(\d+)"', said)), None)
        lines += ["", f"## {heading}"] if heading else []
        lines += ["", what, "", "```console", said.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def fixed(text):
    """The text without what differs from run to run: ids, times, prices, and how far an order had come when it was shown."""
    text = re.sub(r"(Watch\n).*?```", r"\1```", text, flags=re.DOTALL)
    text = re.sub(rf'^ *"({"|".join(PROGRESS)})": .*\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", text)
    text = re.sub(r'"(execId|nextPageToken|exchange)": ".*"', r'"\1": "WORD"', text)
    return re.sub(r"(?<![\w-])\d+(\.\d+)*", "N", text)


def main():
    with tempfile.TemporaryDirectory() as directory:
        gateway = Gateway(directory).start()
        try:
            made = page(gateway.address)
        finally:
            gateway.stop()
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(made)
        return
    difference = list(difflib.unified_diff(fixed(PAGE.read_text()).splitlines(), fixed(made).splitlines(), "page", "now", lineterm=""))
    if difference:
        sys.exit("docs/grpcurl.md no longer says what the gateway says; write it anew.\n" + "\n".join(difference))
    print("docs/grpcurl.md says what the gateway says")


if __name__ == "__main__":
    main()
