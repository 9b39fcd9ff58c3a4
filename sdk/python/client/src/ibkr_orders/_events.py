"""Events of a watch, each shown once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Optional

from ._errors import OrderError
from ._pb import orders_pb2 as pb

# Execution ids remembered by a watch, the oldest forgotten first.
_EXEC_IDS_MAX = 100_000


@dataclass(frozen=True)
class HistoryChanged:
    """Another gateway took over, and what was shown after `resume_after` may not have happened in its history: the watch goes on
    from there."""

    last_seen: int
    resume_after: int


@dataclass(frozen=True)
class Event:
    """One event of a watch. `sequence` is a cursor for `after_sequence`; `kind` names the field that is set: order, fill, link,
    snapshot_end, heartbeat or history_changed. `connected` is whether the session with TWS is up, in a heartbeat."""

    sequence: int
    kind: str
    order: Optional[pb.OrderState] = None
    fill: Optional[pb.Fill] = None
    link: Optional[pb.Link] = None
    connected: Optional[bool] = None
    history_changed: Optional[HistoryChanged] = None


class Cursor:
    """Where a watch stands, across the streams it needs."""

    def __init__(self, after_sequence: int) -> None:
        self.sequence = after_sequence
        self._exec_ids: OrderedDict[str, None] = OrderedDict()

    def take(self, response: pb.WatchResponse) -> Optional[Event]:
        """The event of a message, or None for one that was shown before."""
        sequence, kind = response.sequence, response.WhichOneof("event") or "unknown"
        # Orders and fills have sequences of their own, in rising order, those of the current state included. Other events carry
        # that of the last one delivered.
        if kind in ("order", "fill") and sequence <= self.sequence:
            return None
        self.sequence = max(self.sequence, sequence)
        if kind == "fill":
            if response.fill.exec_id in self._exec_ids:
                return None
            self._exec_ids[response.fill.exec_id] = None
            if len(self._exec_ids) > _EXEC_IDS_MAX:
                self._exec_ids.popitem(last=False)
        return Event(
            sequence,
            kind,
            order=response.order if kind == "order" else None,
            fill=response.fill if kind == "fill" else None,
            link=response.link if kind == "link" else None,
            connected=response.heartbeat.connected if kind == "heartbeat" else None,
        )

    def history_changed(self, error: OrderError) -> Optional[Event]:
        """Goes on in the history of a gateway that took over; None where the cursor belongs to a store that is gone."""
        text = error.metadata.get("resumeAfter", "")
        if error.reason != "SEQUENCE" or not text.isdigit():
            return None
        changed = HistoryChanged(last_seen=self.sequence, resume_after=int(text))
        self.sequence = changed.resume_after
        return Event(changed.resume_after, "history_changed", history_changed=changed)
