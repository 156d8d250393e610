"""Memory tool of the Claude API (`memory_20250818`): files that the server keeps, with their history."""

from __future__ import annotations

import logging

from anthropic.lib.tools import BetaAbstractMemoryTool, BetaAsyncAbstractMemoryTool, ToolError
from anthropic.types.beta import BetaCacheControlEphemeralParam, BetaMemoryTool20250818Command

from . import AsyncClient, Client, ContextManagerError
from .models import FileResult

__all__ = ["AsyncContextManagerMemoryTool", "ContextManagerMemoryTool"]

logger = logging.getLogger(__name__)


class ContextManagerMemoryTool(BetaAbstractMemoryTool):
    """Memory tool over a `Client`. Each `user_id` and each `scope` has files of its own.

    A command that is refused, and a server that is away, are errors that the model reads.
    """

    def __init__(
        self,
        client: Client,
        *,
        user_id: str | None = None,
        scope: str | None = None,
        cache_control: BetaCacheControlEphemeralParam | None = None,
    ) -> None:
        super().__init__(cache_control=cache_control)
        self._client = client
        self._user_id = user_id
        self._scope = scope

    def _run(self, command: BetaMemoryTool20250818Command) -> str:
        try:
            result = self._client.run_file_command(
                **command.model_dump(exclude_none=True), user_id=self._user_id, scope=self._scope
            )
        except ContextManagerError as error:
            raise _unavailable(error) from error
        return _text(result)

    view = create = str_replace = insert = delete = rename = _run

    def clear_all_memory(self) -> str:
        files = self._client.list_contexts(tag="file", user_id=self._user_id, scope_prefix=self._scope)
        ids = [file.id for file in files if (file.user_id, file.scope) == (self._user_id, self._scope)]
        if ids:
            self._client.delete_contexts(ids=ids)
        return "All memory cleared"


class AsyncContextManagerMemoryTool(BetaAsyncAbstractMemoryTool):
    """Memory tool over an `AsyncClient`. See `ContextManagerMemoryTool`."""

    def __init__(
        self,
        client: AsyncClient,
        *,
        user_id: str | None = None,
        scope: str | None = None,
        cache_control: BetaCacheControlEphemeralParam | None = None,
    ) -> None:
        super().__init__(cache_control=cache_control)
        self._client = client
        self._user_id = user_id
        self._scope = scope

    async def _run(self, command: BetaMemoryTool20250818Command) -> str:
        try:
            result = await self._client.run_file_command(
                **command.model_dump(exclude_none=True), user_id=self._user_id, scope=self._scope
            )
        except ContextManagerError as error:
            raise _unavailable(error) from error
        return _text(result)

    view = create = str_replace = insert = delete = rename = _run

    async def clear_all_memory(self) -> str:
        files = self._client.list_contexts(tag="file", user_id=self._user_id, scope_prefix=self._scope)
        ids = [file.id async for file in files if (file.user_id, file.scope) == (self._user_id, self._scope)]
        if ids:
            await self._client.delete_contexts(ids=ids)
        return "All memory cleared"


def _text(result: FileResult) -> str:
    if result.is_error:
        raise ToolError(result.result)
    return result.result


def _unavailable(error: ContextManagerError) -> ToolError:
    logger.warning("the memory tool failed: %s", error)
    return ToolError(f"The memory is not available: {error}")
