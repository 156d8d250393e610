"""The synchronous client."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
from typing_extensions import Self, Unpack

from .. import _config, models, params
from .._calls import RECONNECT_PAUSE, Repeat, is_uuid, logger, with_id, without_none
from .._errors import Interrupted
from ..events import GAP, Event, event
from ..literals import DocumentFormat, FileAction, Level, Permission
from ._io import sleep
from ._paging import Page, Pages
from ._transport import Transport

P = TypeVar("P", bound=Page)
T = TypeVar("T")

Message = Mapping[str, Any]


class Client:
    """A client of one server; its calls share connections. Close it, or use it in a `with` block.

    `timeout` is the longest time of a call in seconds, retries included. `on_degraded` is called with the name of a
    call and the parts of the server that were down where an answer is right but not complete. `http_client` brings
    proxies, certificates, limits and hooks of your own; it is not closed with the client.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = _config.DEFAULT_TIMEOUT,
        max_retries: int = _config.DEFAULT_RETRIES,
        on_degraded: Callable[[str, list[str]], None] | None = None,
        http_client: httpx2.Client | None = None,
    ) -> None:
        url = _config.server_url(url)
        self._owns_http = http_client is None
        self._transport = Transport(
            # A key must not travel to a proxy without encryption.
            http=http_client or httpx2.Client(trust_env=url.startswith("https:")),
            url=url,
            headers=_config.headers(api_key),
            timeout=timeout,
            max_retries=max_retries,
            on_degraded=on_degraded,
        )
        self._call = self._transport.call

    @property
    def url(self) -> str:
        return self._transport.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            self._transport.http.close()

    def with_options(
        self, *, timeout: float | None = None, max_retries: int | None = None, request_id: str | None = None
    ) -> Self:
        """The same client with other settings, on the same connections. The server's log has the request id."""
        client = type(self).__new__(type(self))
        client._owns_http = False
        transport = replace(self._transport, **without_none({"timeout": timeout, "max_retries": max_retries}))
        if request_id is not None:
            transport = replace(transport, headers=httpx2.Headers({**transport.headers, "x-request-id": request_id}))
        client._transport = transport
        client._call = transport.call
        return client

    # Contexts

    def store_context(
        self, text: str, *, timeout: float | None = None, **fields: Unpack[params.StoreContextFields]
    ) -> models.Written:
        """Stores a text. Without an `id` it gets one, so that a repetition stores nothing twice."""
        body = with_id({"text": text, **fields})
        return self._call("POST", "/api/v1/contexts", models.Written, body=body, timeout=timeout)

    def store_contexts(
        self, contexts: Sequence[params.NewContext], *, timeout: float | None = None
    ) -> models.BatchAnswer:
        """Stores up to 1,000 contexts. Each has its outcome: one that is refused does not affect the others."""
        body = {"contexts": [with_id(context) for context in contexts]}
        return self._call("POST", "/api/v1/contexts/batch", models.BatchAnswer, body=body, timeout=timeout)

    def list_contexts(
        self,
        *,
        level: Level | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
        scope_prefix: str | None = None,
        tag: str | None = None,
        include_superseded: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.ContextPage, models.Context]:
        """All contexts, newest first. `limit` is the size of a page, `timeout` the time for one."""
        query = {
            "level": level,
            "user_id": user_id,
            "agent_id": agent_id,
            "session_id": session_id,
            "scope_prefix": scope_prefix,
            "tag": tag,
            "include_superseded": include_superseded,
            "limit": limit,
        }
        return self._pages("/api/v1/contexts", models.ContextPage, lambda page: page.contexts, query, cursor, timeout)

    def get_context(self, id: str, *, timeout: float | None = None) -> models.Context:
        return self._call("GET", "/api/v1/contexts/{}", models.Context, id, timeout=timeout)

    def update_context(
        self, id: str, *, timeout: float | None = None, **fields: Unpack[params.UpdateContextFields]
    ) -> models.Written:
        """Changes the given fields. The version before stays in the history."""
        # The same change twice makes one version.
        return self._call("PATCH", "/api/v1/contexts/{}", models.Written, id, body=fields, timeout=timeout)

    def delete_context(self, id: str, *, timeout: float | None = None) -> None:
        self._call("DELETE", "/api/v1/contexts/{}", type(None), id, timeout=timeout)

    def store_context_by_key(
        self, key: str, text: str, *, timeout: float | None = None, **fields: Unpack[params.StoreContextByKeyFields]
    ) -> models.Written:
        """Stores a text under a key of its `scope`, or replaces what is there."""
        # The key identifies it: the same text twice makes one version.
        body = {"key": key, "text": text, **fields}
        return self._call("PUT", "/api/v1/contexts/by-key", models.Written, body=body, timeout=timeout)

    def get_context_by_key(self, key: str, *, scope: str | None = None, timeout: float | None = None) -> models.Context:
        query = {"key": key, "scope": scope}
        return self._call("GET", "/api/v1/contexts/by-key", models.Context, query=query, timeout=timeout)

    def delete_context_by_key(self, key: str, *, scope: str | None = None, timeout: float | None = None) -> None:
        query = {"key": key, "scope": scope}
        self._call("DELETE", "/api/v1/contexts/by-key", type(None), query=query, timeout=timeout)

    def get_context_history(self, id: str, *, timeout: float | None = None) -> models.History:
        """The versions of a context, newest first."""
        return self._call("GET", "/api/v1/contexts/{}/history", models.History, id, timeout=timeout)

    def undo_context(self, id: str, *, timeout: float | None = None) -> models.Written:
        """Takes the last change back."""
        # Twice takes two changes back.
        return self._call(
            "POST", "/api/v1/contexts/{}/undo", models.Written, id, repeat=Repeat.IF_NOT_BEGUN, timeout=timeout
        )

    def search_contexts(
        self,
        query: str | Sequence[Message],
        *,
        timeout: float | None = None,
        **fields: Unpack[params.SearchContextsFields],
    ) -> models.SearchResponse:
        """The contexts that answer a question, or the last message of a conversation."""
        body = {"query": query, **fields}
        return self._call("POST", "/api/v1/contexts/search", models.SearchResponse, body=body, timeout=timeout)

    def assemble_contexts(
        self,
        query: str | Sequence[Message],
        max_tokens: int,
        *,
        timeout: float | None = None,
        **fields: Unpack[params.AssembleContextsFields],
    ) -> models.AssembleResponse:
        """The same as one text for a prompt, of at most `max_tokens`."""
        body = {"query": query, "max_tokens": max_tokens, **fields}
        return self._call("POST", "/api/v1/contexts/assemble", models.AssembleResponse, body=body, timeout=timeout)

    def count_contexts(
        self,
        *,
        filter: params.Filter | None = None,
        include_superseded: bool = False,
        timeout: float | None = None,
    ) -> models.Counted:
        body = without_none({"filter": filter, "include_superseded": include_superseded})
        return self._call("POST", "/api/v1/contexts/count", models.Counted, body=body, timeout=timeout)

    def get_map(
        self,
        *,
        level: Level | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
        scope_prefix: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
        timeout: float = _config.LONG_TIMEOUT,
    ) -> models.ContextMap:
        """The newest contexts on a plane, near to each other if their vectors are alike."""
        query = {
            "level": level,
            "user_id": user_id,
            "agent_id": agent_id,
            "session_id": session_id,
            "scope_prefix": scope_prefix,
            "tag": tag,
            "limit": limit,
        }
        return self._call("GET", "/api/v1/map", models.ContextMap, query=query, timeout=timeout)

    def delete_contexts(
        self,
        *,
        ids: Sequence[str] | None = None,
        filter: params.Filter | None = None,
        timeout: float | None = None,
    ) -> models.Deleted:
        """Deletes contexts by either ids or a filter."""
        body = without_none({"ids": ids, "filter": filter})
        return self._call("POST", "/api/v1/contexts/delete", models.Deleted, body=body, timeout=timeout)

    def clear_contexts(
        self,
        level: Level,
        *,
        session_id: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        timeout: float | None = None,
    ) -> models.Deleted:
        body = {"level": level, "session_id": session_id, "user_id": user_id, "agent_id": agent_id}
        return self._call("POST", "/api/v1/contexts/clear", models.Deleted, body=body, timeout=timeout)

    # Sessions and their messages

    def list_sessions(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.SessionPage, models.Session]:
        return self._pages(
            "/api/v1/sessions", models.SessionPage, lambda page: page.sessions, {"limit": limit}, cursor, timeout
        )

    def delete_session(self, session_id: str, *, timeout: float | None = None) -> models.Deleted:
        return self._call("DELETE", "/api/v1/sessions/{}", models.Deleted, session_id, timeout=timeout)

    def store_messages(
        self,
        session_id: str,
        messages: Sequence[Message],
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        scope: str | None = None,
        timeout: float | None = None,
    ) -> models.BatchAnswer:
        """Adds messages to a conversation. Those without an `id` get one, which comes back with them."""
        sent = [with_id(message) for message in messages]
        body = {"messages": sent, "user_id": user_id, "agent_id": agent_id, "scope": scope}
        # Only a UUID makes a message that is stored once; ids of model providers do not.
        repeat = Repeat.ALWAYS if all(is_uuid(message["id"]) for message in sent) else Repeat.IF_NOT_BEGUN
        return self._call(
            "POST",
            "/api/v1/sessions/{}/messages",
            models.BatchAnswer,
            session_id,
            body=body,
            repeat=repeat,
            timeout=timeout,
        )

    def list_messages(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        max_tokens: int | None = None,
        timeout: float | None = None,
    ) -> models.MessageList:
        """The newest messages, oldest first."""
        query = {"limit": limit, "max_tokens": max_tokens}
        return self._call(
            "GET", "/api/v1/sessions/{}/messages", models.MessageList, session_id, query=query, timeout=timeout
        )

    def pop_message(self, session_id: str, *, timeout: float | None = None) -> models.PoppedMessage:
        """Takes the newest message away."""
        # Twice takes two away.
        return self._call(
            "POST",
            "/api/v1/sessions/{}/messages/pop",
            models.PoppedMessage,
            session_id,
            repeat=Repeat.IF_NOT_BEGUN,
            timeout=timeout,
        )

    def clear_messages(self, session_id: str, *, timeout: float | None = None) -> models.Deleted:
        return self._call("DELETE", "/api/v1/sessions/{}/messages", models.Deleted, session_id, timeout=timeout)

    # Documents and files

    def store_document(
        self,
        text: str,
        format: DocumentFormat,
        *,
        timeout: float = _config.LONG_TIMEOUT,
        **fields: Unpack[params.StoreDocumentFields],
    ) -> models.StoredDocument:
        """Stores a text cut by its structure. The same `id` replaces the whole document."""
        body = {"id": str(uuid4()), **without_none(fields), "text": text, "format": format}
        return self._call("POST", "/api/v1/documents", models.StoredDocument, body=body, timeout=timeout)

    def list_documents(
        self,
        *,
        user_id: str | None = None,
        scope_prefix: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.DocumentPage, models.DocumentSummary]:
        query = {"user_id": user_id, "scope_prefix": scope_prefix, "limit": limit}
        return self._pages(
            "/api/v1/documents", models.DocumentPage, lambda page: page.documents, query, cursor, timeout
        )

    def get_document(self, id: str, *, timeout: float | None = None) -> models.DocumentSummary:
        return self._call("GET", "/api/v1/documents/{}", models.DocumentSummary, id, timeout=timeout)

    def delete_document(self, id: str, *, timeout: float | None = None) -> models.Deleted:
        return self._call("DELETE", "/api/v1/documents/{}", models.Deleted, id, timeout=timeout)

    def run_file_command(
        self, command: FileAction, *, timeout: float | None = None, **fields: Unpack[params.RunFileCommandFields]
    ) -> models.FileResult:
        """Runs a command of the memory tool. One that is refused has `is_error`: pass both on to the model."""
        # A file that the first attempt made would be refused to the second.
        repeat = Repeat.ALWAYS if command == "view" else Repeat.IF_NOT_BEGUN
        body = {"command": command, **fields}
        return self._call("POST", "/api/v1/files", models.FileResult, body=body, repeat=repeat, timeout=timeout)

    # Scopes and people

    def list_scopes(
        self,
        *,
        prefix: str | None = None,
        depth: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.ScopePage, models.ScopeSummary]:
        query = {"prefix": prefix, "depth": depth, "limit": limit}
        return self._pages("/api/v1/scopes", models.ScopePage, lambda page: page.scopes, query, cursor, timeout)

    def forget_scope(self, prefix: str, *, timeout: float = _config.LONG_TIMEOUT) -> models.ForgottenUser:
        """Forgets everything at a scope and below."""
        query = {"prefix": prefix}
        return self._call("DELETE", "/api/v1/scopes", models.ForgottenUser, query=query, timeout=timeout)

    def forget_user(self, user_id: str, *, timeout: float = _config.LONG_TIMEOUT) -> models.ForgottenUser:
        """Forgets a person: their contexts and what was derived from them."""
        return self._call("DELETE", "/api/v1/users/{}", models.ForgottenUser, user_id, timeout=timeout)

    def get_caller(self, *, timeout: float | None = None) -> models.Caller:
        """The tenant, user and permissions of this client's key."""
        return self._call("GET", "/api/v1/whoami", models.Caller, timeout=timeout)

    def get_stats(self, *, timeout: float | None = None) -> models.Stats:
        return self._call("GET", "/api/v1/stats", models.Stats, timeout=timeout)

    def stream_events(self, after: str | None = None, *, timeout: float | None = None) -> Iterator[Event]:
        """Writes as they happen, from now on or after an event.

        A stream that ends is resumed where it ended, if the server comes back within `timeout`.
        """
        transport = self._transport
        while True:
            try:
                with transport.stream(
                    "/api/v1/events", {"after": after}, media="text/event-stream", timeout=timeout
                ) as response:
                    transport = replace(transport, max_retries=sys.maxsize)
                    for sent in httpx2.EventSource(response):
                        after = sent.id or after
                        if (seen := event(sent)) is not None:
                            yield seen
            except Interrupted as error:
                logger.info("the stream of events ended: %s", error)
            sleep(RECONNECT_PAUSE)
            if after is None:
                # Without a place to resume from, events in between are lost.
                yield GAP

    # Operation

    def export_contexts(self, *, vectors: bool = False, timeout: float | None = None) -> Iterator[bytes]:
        """The JSON lines of an export, in pieces. One whose last line is no trailer is not complete."""
        with self._transport.stream(
            "/api/v1/admin/export", {"vectors": vectors}, media="application/x-ndjson", timeout=timeout
        ) as response:
            for piece in response.iter_bytes():
                yield piece

    def import_contexts(
        self, lines: bytes | Iterable[bytes], *, timeout: float = _config.LONG_TIMEOUT
    ) -> models.ImportReport:
        """Stores the contexts of an export. Importing it again changes nothing."""
        # An iterator can be read once.
        client = self if isinstance(lines, bytes) else self.with_options(max_retries=0)
        return client._call("POST", "/api/v1/admin/import", models.ImportReport, content=lines, timeout=timeout)

    def collect_garbage(self, *, dry_run: bool = False, timeout: float = _config.LONG_TIMEOUT) -> models.GcReport:
        # A report of a second run lacks what the first one did.
        return self._call(
            "POST",
            "/api/v1/admin/gc",
            models.GcReport,
            body={"dry_run": dry_run},
            repeat=Repeat.ALWAYS if dry_run else Repeat.IF_NOT_BEGUN,
            timeout=timeout,
        )

    def create_snapshot(self, *, timeout: float = _config.LONG_TIMEOUT) -> models.Snapshot:
        # Twice makes two.
        return self._call(
            "POST", "/api/v1/admin/snapshots", models.Snapshot, repeat=Repeat.IF_NOT_BEGUN, timeout=timeout
        )

    def list_snapshots(self, *, timeout: float | None = None) -> models.SnapshotList:
        return self._call("GET", "/api/v1/admin/snapshots", models.SnapshotList, timeout=timeout)

    def verify_snapshot(self, name: str, *, timeout: float = _config.LONG_TIMEOUT) -> models.VerifiedSnapshot:
        return self._call("POST", "/api/v1/admin/snapshots/{}/verify", models.VerifiedSnapshot, name, timeout=timeout)

    def restore_snapshot(
        self, name: str, *, accept_erased: bool = False, timeout: float = _config.LONG_TIMEOUT
    ) -> models.Restored:
        # A second restore would undo what was written after the first.
        return self._call(
            "POST",
            "/api/v1/admin/snapshots/{}/restore",
            models.Restored,
            name,
            body={"accept_erased": accept_erased},
            repeat=Repeat.IF_NOT_BEGUN,
            timeout=timeout,
        )

    def start_reembedding(self, *, timeout: float | None = None) -> models.Reembedding:
        # A second start after the end of the first would change the models back.
        return self._call(
            "POST", "/api/v1/admin/reembed", models.Reembedding, repeat=Repeat.IF_NOT_BEGUN, timeout=timeout
        )

    def get_reembedding(self, *, timeout: float | None = None) -> models.Reembedding:
        return self._call("GET", "/api/v1/admin/reembed", models.Reembedding, timeout=timeout)

    def discard_reembedding(self, *, timeout: float | None = None) -> None:
        self._call("DELETE", "/api/v1/admin/reembed", type(None), timeout=timeout)

    def get_log_filter(self, *, timeout: float | None = None) -> models.LogFilter:
        return self._call("GET", "/api/v1/admin/log-filter", models.LogFilter, timeout=timeout)

    def set_log_filter(self, filter: str, *, timeout: float | None = None) -> models.LogFilter:
        body = {"filter": filter}
        return self._call("PUT", "/api/v1/admin/log-filter", models.LogFilter, body=body, timeout=timeout)

    def list_keys(self, *, timeout: float | None = None) -> models.KeyList:
        return self._call("GET", "/api/v1/admin/keys", models.KeyList, timeout=timeout)

    def create_key(
        self,
        tenant: str,
        permissions: Sequence[Permission],
        *,
        user_id: str | None = None,
        name: str | None = None,
        expires_at: datetime | str | None = None,
        timeout: float | None = None,
    ) -> models.CreatedKey:
        # Twice makes two, and the first one's secret is lost.
        body = without_none(
            {
                "tenant": tenant,
                "permissions": permissions,
                "user_id": user_id,
                "name": name,
                "expires_at": expires_at,
            }
        )
        return self._call(
            "POST", "/api/v1/admin/keys", models.CreatedKey, body=body, repeat=Repeat.IF_NOT_BEGUN, timeout=timeout
        )

    def rotate_key(
        self,
        id: str,
        *,
        grace_secs: int | None = None,
        expires_at: datetime | str | None = None,
        timeout: float | None = None,
    ) -> models.CreatedKey:
        # As a second key would be made.
        body = without_none({"grace_secs": grace_secs, "expires_at": expires_at})
        return self._call(
            "POST",
            "/api/v1/admin/keys/{}/rotate",
            models.CreatedKey,
            id,
            body=body,
            repeat=Repeat.IF_NOT_BEGUN,
            timeout=timeout,
        )

    def revoke_key(self, id: str, *, timeout: float | None = None) -> models.Key:
        return self._call("DELETE", "/api/v1/admin/keys/{}", models.Key, id, timeout=timeout)

    def list_audit(self, *, limit: int | None = None, timeout: float | None = None) -> models.AuditList:
        return self._call("GET", "/api/v1/admin/audit", models.AuditList, query={"limit": limit}, timeout=timeout)

    def get_health(self, *, fresh: bool | None = None, timeout: float | None = None) -> models.Health:
        return self._call("GET", "/health", models.Health, query={"fresh": fresh}, timeout=timeout)

    def get_liveness(self, *, timeout: float | None = None) -> models.HealthAnswer:
        return self._call("GET", "/health/live", models.HealthAnswer, timeout=timeout)

    def get_readiness(self, *, timeout: float | None = None) -> models.HealthAnswer:
        return self._call("GET", "/health/ready", models.HealthAnswer, timeout=timeout)

    def get_metrics(self, *, timeout: float | None = None) -> str:
        return (self._call("GET", "/metrics", bytes, media="text/plain", timeout=timeout)).decode()

    def _pages(
        self,
        path: str,
        kind: type[P],
        items: Callable[[P], list[T]],
        query: Mapping[str, Any],
        cursor: str | None,
        timeout: float | None,
    ) -> Pages[P, T]:
        def fetch(cursor: str | None) -> P:
            return self._call("GET", path, kind, query={**query, "cursor": cursor}, timeout=timeout)

        return Pages(fetch, items, cursor)
