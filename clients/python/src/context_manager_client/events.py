"""Events of a tenant."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

import httpx2
import msgspec

from .models import ContextEvent

EventType: TypeAlias = Literal["stored", "changed", "deleted", "expired", "gap"]


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """A write that was seen."""

    id: str
    """Place in the stream, to resume from as `after`."""
    type: EventType
    """`gap`: events were lost; list the contexts again."""
    context: ContextEvent | None
    """The context it is about; `None` for a `gap`."""


GAP = Event(id="", type="gap", context=None)


def event(sent: httpx2.ServerSentEvent) -> Event | None:
    """The event that was sent; `None` for a kind that this version does not know."""
    if sent.event == "gap":
        return Event(id=sent.id, type="gap", context=None)
    if sent.event in {"stored", "changed", "deleted", "expired"}:
        return Event(
            id=sent.id, type=cast("EventType", sent.event), context=msgspec.json.decode(sent.data, type=ContextEvent)
        )
    return None
