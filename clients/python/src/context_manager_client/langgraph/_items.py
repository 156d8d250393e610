"""The translation between LangGraph's operations and the server's calls."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    NamespacePath,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
)

from ..models import Context, FoundContext

MAX_AT_ONCE = 1_000
_MAX_TEXT_BYTES = 32_768
# The server takes 65,536 bytes of text, tags and metadata together.
_MAX_BYTES = 65_000
_ITEM = "langgraph"
_INDEXED = "langgraph:indexed"
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class Translation(BaseStore):
    """A store without its calls."""

    supports_ttl = True

    def __init__(self, scope: str | None, index: Sequence[str], ttl: TTLConfig | None) -> None:
        self._root = scope.split("/") if scope else []
        self._index = index
        self.ttl_config = ttl

    def _scope(self, namespace: Iterable[str]) -> str | None:
        return "/".join([*self._root, *map(_encode, namespace)]) or None

    def _namespace(self, scope: str | None) -> tuple[str, ...]:
        return tuple(map(_decode, scope.split("/")[len(self._root) :])) if scope else ()

    def _name(self, op: GetOp | PutOp) -> dict[str, Any]:
        return {"scope": self._scope(op.namespace), "key": op.key}

    def _new_context(self, op: PutOp) -> dict[str, Any]:
        name = self._name(op)
        metadata: dict[str, Any] = {"value": dict(op.value or {})}
        paths = self._index if op.index is None else op.index or ()
        text = "\n".join(text for path in paths for text in _texts(metadata["value"], path)).strip()
        context = {
            **name,
            "text": _cut(text or "/".join(filter(None, name.values())), metadata),
            "tags": [_ITEM, _INDEXED] if text else [_ITEM],
            "metadata": metadata,
            "origin": "agent",
        }
        if op.ttl is not None:
            context["ttl_secs"] = metadata["ttl_secs"] = max(1, round(op.ttl * 60))
        return context

    def _item(self, context: Context) -> Item | None:
        return Item(**self._fields(context)) if _ITEM in context.tags else None

    def _search_item(self, context: Context) -> SearchItem:
        score = context.score if isinstance(context, FoundContext) else None
        return SearchItem(**self._fields(context), score=score)

    def _fields(self, context: Context) -> dict[str, Any]:
        return {
            "value": context.metadata["value"],
            "key": context.key,
            "namespace": self._namespace(context.scope),
            "created_at": context.created_at,
            "updated_at": context.updated_at,
        }

    def _list(self, op: SearchOp) -> dict[str, Any]:
        limit = MAX_AT_ONCE if op.filter else min(max(op.offset + op.limit, 1), MAX_AT_ONCE)
        return {"scope_prefix": self._scope(op.namespace_prefix), "tag": _ITEM, "limit": limit}

    def _searches(self, op: SearchOp) -> Iterator[dict[str, Any]]:
        """Yields searches until one finds enough: the server applies only some conditions of the filter."""
        conditions = {
            "scope_prefix": self._scope(op.namespace_prefix),
            "tags_all": [_INDEXED],
            "metadata": dict(_equalities(op.filter or {})),
        }
        few = min(max(op.offset + op.limit, 1), MAX_AT_ONCE)
        for limit in sorted({few, MAX_AT_ONCE} if op.filter else {few}):
            yield {"query": op.query, "limit": limit, "filter": {k: v for k, v in conditions.items() if v}}

    def _prefix(self, op: ListNamespacesOp) -> str | None:
        path = next((match.path for match in op.match_conditions or () if match.match_type == "prefix"), ())
        return self._scope(path[: path.index("*")] if "*" in path else path)

    def _namespaces(self, op: ListNamespacesOp, scopes: Iterable[str]) -> list[tuple[str, ...]]:
        found = {
            namespace[: op.max_depth]
            for namespace in map(self._namespace, scopes)
            if namespace
            and all(
                _is_match(namespace, match.path, at_end=match.match_type == "suffix")
                for match in op.match_conditions or ()
            )
        }
        return sorted(found)[op.offset : op.offset + op.limit]


def last_writes(ops: Iterable[Op]) -> tuple[list[PutOp], list[PutOp]]:
    """Returns what to store and what to delete: of several writes of one item the last counts."""
    writes = {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}.values()
    return [op for op in writes if op.value is not None], [op for op in writes if op.value is None]


def is_selected(context: Context, op: SearchOp) -> bool:
    value = context.metadata["value"]
    return all(_holds(value.get(field), condition) for field, condition in (op.filter or {}).items())


def _encode(label: str) -> str:
    # A label of LangGraph has no dot, and a segment of a scope has no percent sign.
    return quote(label, safe="@").replace("~", "%7E").replace("%", ".")


def _decode(segment: str) -> str:
    return unquote(re.sub(r"\.(?=[0-9A-F]{2})", "%", segment))


def _texts(value: Mapping[str, Any], path: str) -> list[str]:
    if path != "$":
        return get_text_at_path(value, path)
    texts = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in value.items()}
    return list(texts.values()) if len(texts) == 1 else [f"{name}: {text}" for name, text in texts.items()]


def _cut(text: str, metadata: Mapping[str, Any]) -> str:
    """The part of a text that there is room for. The value stands whole in the metadata, or is refused."""
    room = _MAX_BYTES - len(json.dumps(metadata, ensure_ascii=False).encode())
    return text.encode()[: min(max(room, 1), _MAX_TEXT_BYTES)].decode(errors="ignore").replace("\0", " ")


def _equalities(conditions: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for field, condition in conditions.items():
        wanted = condition.get("$eq") if isinstance(condition, Mapping) else condition
        if isinstance(wanted, str | int | float) and "." not in field:
            yield f"value.{field}", wanted


def _holds(value: Any, condition: Any) -> bool:
    if isinstance(condition, Mapping) and any(name.startswith("$") for name in condition):
        return all(_compare(value, name, wanted) for name, wanted in condition.items())
    if isinstance(condition, Mapping):
        return isinstance(value, Mapping) and all(_holds(value.get(name), wanted) for name, wanted in condition.items())
    if isinstance(condition, list | tuple):
        return isinstance(value, list) and len(value) == len(condition) and all(map(_holds, value, condition))
    return bool(value == condition)


def _compare(value: Any, name: str, wanted: Any) -> bool:
    if name == "$eq":
        return bool(value == wanted)
    if name == "$ne":
        return bool(value != wanted)
    if name in _ORDERS:
        try:
            return _ORDERS[name](float(value), float(wanted))
        except (TypeError, ValueError):
            return False
    raise ValueError(f"unsupported operator {name}: use $eq, $ne, $gt, $gte, $lt or $lte")


def _is_match(namespace: tuple[str, ...], path: NamespacePath, *, at_end: bool) -> bool:
    start = len(namespace) - len(path) if at_end else 0
    own = namespace[start : start + len(path)] if start >= 0 else ()
    return len(own) == len(path) and all(wanted in ("*", label) for label, wanted in zip(own, path, strict=True))
