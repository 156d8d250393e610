"""Turns of a conversation, recalled before and stored afterwards: a memory that is away breaks none."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from typing import Any, cast
from uuid import NAMESPACE_OID, uuid5

from . import AsyncClient, ContextManagerError
from ._errors import error_class
from .models import BatchAnswer
from .params import NewContext

logger = logging.getLogger(__name__)

_MAX_BYTES = 32_768
_ORIGINS = {"user": "user", "system": "system", "tool": "tool"}


def message(role: str, text: str, *, name: str | None = None, **fields: Any) -> Iterator[NewContext]:
    """Yields the contexts of a message: several if its text is longer than that of one may be, none if it has none.

    The same `name` makes the same ids, so that a message that comes again is stored once.
    """
    metadata = {**fields.pop("metadata", {}), "role": role}
    for number, part in enumerate(_parts(text.replace("\0", " ").strip())):
        context = {"text": part, "origin": _ORIGINS.get(role, "agent"), "metadata": metadata, **fields}
        if name is not None:
            context["id"] = str(uuid5(NAMESPACE_OID, f"{name}\0{number}"))
        yield cast("NewContext", context)


def check(answer: BatchAnswer, *, ignored: Collection[int] = ()) -> None:
    """Raises the first error of a batch, but for those of the statuses `ignored`."""
    for result in answer.results:
        if (problem := result.error) and problem.status not in ignored:
            raise error_class(problem.status)(
                status=problem.status,
                code=problem.code,
                title=problem.title,
                detail=problem.detail,
                request_id=problem.request_id,
                errors=problem.errors,
            )


async def store(client: AsyncClient, contexts: Iterable[NewContext]) -> None:
    """Stores a turn. What fails is logged."""
    contexts = list(contexts)
    if not contexts:
        return
    try:
        check(await client.store_contexts(contexts))
    except ContextManagerError as error:
        logger.warning("a turn was not stored: %s", error)


async def recall(client: AsyncClient, **request: Any) -> str:
    """Returns notes for a prompt. Where they fail, that is logged, and there are none."""
    try:
        answer = await client.assemble_contexts(**request)
    except ContextManagerError as error:
        logger.warning("nothing was recalled: %s", error)
        return ""
    return answer.prompt


def _parts(text: str) -> Iterator[str]:
    while text:
        part = text.encode(errors="replace")[:_MAX_BYTES].decode(errors="ignore")
        yield part
        text = text[len(part) :].lstrip()
