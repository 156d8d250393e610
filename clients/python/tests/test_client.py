"""Every call against a real server, by both clients."""

from __future__ import annotations

import inspect
import json
from datetime import datetime, timezone
from uuid import uuid4

import anyio
import pytest

from context_manager_client import AsyncClient, Client, Conflict, InvalidRequest, NotFound

from .conftest import ROOT, MakeClient, StartServer

pytestmark = pytest.mark.anyio


def unique(text: str) -> str:
    return f"{text}-{uuid4()}"


def test_both_clients_have_every_operation_of_the_document() -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    for kind in (Client, AsyncClient):
        assert not operations - set(dir(kind))
    for name in operations:
        names = [list(inspect.signature(getattr(kind, name)).parameters) for kind in (Client, AsyncClient)]
        assert names[0] == names[1]


async def test_a_context_is_stored_found_assembled_changed_and_deleted(client: AsyncClient) -> None:
    user = unique("ann")
    when = datetime(2026, 5, 14, 8, 30, tzinfo=timezone.utc)
    stored = await client.store_context(
        "Ann is allergic to peanuts", user_id=user, tags=["health"], metadata={"n": 1}, occurred_at=when
    )
    assert (stored.level, stored.tags, stored.metadata, stored.occurred_at) == ("long_term", ["health"], {"n": 1}, when)

    found = await client.search_contexts("What is Ann allergic to?", user_id=user, explain=True)
    assert found.contexts[0].id == stored.id
    assert found.contexts[0].scores is not None
    assert found.degraded == []

    prompt = await client.assemble_contexts(
        [{"role": "user", "content": "What is Ann allergic to?"}], 200, user_id=user, format="xml"
    )
    assert "peanuts" in prompt.prompt
    quoted = prompt.prompt.encode()[prompt.citations[0].start : prompt.citations[0].end].decode()
    assert quoted == "Ann is allergic to peanuts"

    changed = await client.update_context(stored.id, text="Ann is allergic to cashews", metadata={"n": None})
    assert (changed.version, changed.metadata) == (2, {})
    history = await client.get_context_history(stored.id)
    assert [version.text for version in history.versions] == [
        "Ann is allergic to cashews",
        "Ann is allergic to peanuts",
    ]
    assert (await client.undo_context(stored.id)).text == "Ann is allergic to peanuts"
    with pytest.raises(Conflict):
        await client.undo_context(stored.id)

    assert (await client.get_context(stored.id)).text == "Ann is allergic to peanuts"
    await client.delete_context(stored.id)
    await client.delete_context(stored.id)
    with pytest.raises(NotFound, match="404 not_found") as error:
        await client.get_context(stored.id)
    assert error.value.code == "not_found"
    assert error.value.request_id


async def test_the_same_id_and_the_same_text_store_once(client: AsyncClient) -> None:
    user, id = unique("bo"), str(uuid4())
    first = await client.store_context("Bo plays the cello", id=id, user_id=user)
    again = await client.store_context("Bo plays the cello", id=id, user_id=user)
    other_id = await client.store_context("Bo plays the cello", user_id=user)
    assert first.id == again.id == other_id.id == id
    assert (first.deduplicated, again.deduplicated, other_id.deduplicated) == (None, True, True)
    with pytest.raises(Conflict):
        await client.store_context("Bo plays the viola", id=id, user_id=user)


async def test_a_batch_names_the_item_that_is_refused(client: AsyncClient) -> None:
    answer = await client.store_contexts([{"text": unique("one")}, {"text": " "}, {"text": unique("three")}])
    assert [item.status for item in answer.results] == [201, 400, 201]
    refused = answer.results[1].error
    assert refused is not None
    assert refused.code == "invalid_request"


async def test_an_invalid_field_is_named(client: AsyncClient) -> None:
    with pytest.raises(InvalidRequest, match="did you mean `limit`") as error:
        await client.search_contexts("tea", limits=3)  # type: ignore[call-arg]
    assert error.value.errors[0].pointer == "/limits"


async def test_a_key_holds_one_context_of_a_scope(client: AsyncClient) -> None:
    scope = unique("org/acme")
    first = await client.store_context_by_key("theme", "dark", scope=scope)
    same = await client.store_context_by_key("theme", "dark", scope=scope)
    second = await client.store_context_by_key("theme", "light", scope=scope)
    by_fields = await client.store_context("lighter", key="theme", scope=scope)
    assert [first.version, same.version, second.version, by_fields.version] == [1, 1, 2, 3]
    assert (await client.get_context_by_key("theme", scope=scope)).text == "lighter"

    assert [summary.scope async for summary in client.list_scopes(prefix=scope)] == [scope]
    await client.delete_context_by_key("theme", scope=scope)
    with pytest.raises(NotFound):
        await client.get_context_by_key("theme", scope=scope)
    await client.store_context_by_key("theme", "dark", scope=scope)
    assert (await client.forget_scope(scope)).deleted == 1


async def test_a_list_goes_over_all_pages(client: AsyncClient) -> None:
    user = unique("cy")
    await client.store_contexts([{"text": f"note {n}", "user_id": user} for n in range(5)])
    listed = client.list_contexts(user_id=user, limit=2)
    assert sorted([context.text async for context in listed]) == [f"note {n}" for n in range(5)]
    pages = [page async for page in listed.pages()]
    assert [len(page.contexts) for page in pages] == [2, 2, 1]
    rest = client.list_contexts(user_id=user, limit=2, cursor=pages[0].next_cursor)
    assert [context.id async for context in rest] == [context.id for page in pages[1:] for context in page.contexts]

    assert (await client.delete_contexts(filter={"user_id": user, "tags_any": ["none"]})).deleted == 0
    assert (await client.delete_contexts(ids=[pages[0].contexts[0].id])).deleted == 1
    assert (await client.forget_user(user)).deleted == 4


async def test_messages_come_back_as_they_were_sent(client: AsyncClient) -> None:
    session = unique("s")
    call = {"type": "function_call", "id": "fc_1", "name": "stock", "arguments": '{"n": 1.0}', "extra": [1, None]}
    answer = await client.store_messages(session, [{"role": "user", "content": "Which beans?"}, call], user_id="dee")
    assert [item.status for item in answer.results] == [201, 201]

    listed = await client.list_messages(session)
    assert listed.messages[0] == {"role": "user", "content": "Which beans?", "id": listed.ids[0]}
    assert listed.messages[1] == call
    assert (await client.list_messages(session, limit=1)).messages == [call]
    assert session in [summary.session_id async for summary in client.list_sessions()]

    popped = await client.pop_message(session)
    assert popped.message == call
    assert (await client.clear_messages(session)).deleted == 1
    assert (await client.pop_message(session)).message is None
    await client.store_messages(session, [{"role": "user", "content": "again"}])
    assert (await client.clear_contexts("immediate", session_id=session)).deleted == 1
    assert (await client.delete_session(session)).deleted == 0


@pytest.mark.parametrize("session", ["..", ".", "a/b", "ü?#%2F", " x"])
async def test_any_session_id_reaches_its_session(client: AsyncClient, session: str) -> None:
    session = f"{session}" if session.strip(".") == "" else unique(session)
    await client.store_messages(session, [{"role": "user", "content": "hello"}])
    assert len((await client.list_messages(session)).messages) == 1
    assert (await client.delete_session(session)).deleted == 1


async def test_a_document_is_cut_listed_and_deleted(client: AsyncClient) -> None:
    id = unique("manual")
    text = "# Machine\n\n## Descaling\n\nUse citric acid.\n"
    stored = await client.store_document(text, "markdown", id=id, title="Manual", user_id=id)
    assert (await client.store_document(text, "markdown", id=id, title="Manual", user_id=id)).id == stored.id == id
    assert (await client.get_document(id)).bytes == len(text)
    assert [document.id async for document in client.list_documents(user_id=id)] == [id]
    found = await client.search_contexts("descaling acid", user_id=id)
    assert found.contexts[0].headings == ["Machine", "Descaling"]
    assert (await client.delete_document(id)).deleted == stored.contexts


async def test_a_refused_file_command_is_an_answer(client: AsyncClient) -> None:
    user, path = unique("eve"), "/memories/eve.md"
    made = await client.run_file_command("create", path=path, file_text="tea\n", user_id=user)
    again = await client.run_file_command("create", path=path, file_text="tea\n", user_id=user)
    assert (made.is_error, again.is_error) == (False, True)
    assert "tea" in (await client.run_file_command("view", path=path, user_id=user)).result


async def test_events_follow_writes_and_resume(client: AsyncClient) -> None:
    seen = []

    async def follow(after: str | None, count: int) -> None:
        async for event in client.stream_events(after):
            seen.append(event)
            if len(seen) == count:
                break

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(follow, None, 1)
            await anyio.sleep(0.5)
            first = await client.store_context(unique("first"))
        second = await client.store_context(unique("second"))
        await client.delete_context(second.id)
        await follow(seen[0].id, 3)
    assert [(event.type, event.context and event.context.id) for event in seen] == [
        ("stored", first.id),
        ("stored", second.id),
        ("deleted", second.id),
    ]


async def test_an_export_is_imported_elsewhere(
    client: AsyncClient, make_client: MakeClient, start_server: StartServer
) -> None:
    stored = await client.store_context(unique("exported"))
    lines = b"".join([piece async for piece in client.export_contexts(vectors=True)])
    assert json.loads(lines.splitlines()[-1])["trailer"]["contexts"] >= 1

    other = make_client(start_server().url)
    report = await other.import_contexts(lines)
    assert (report.failed, report.complete) == ([], True)
    assert (await other.import_contexts(lines)).imported == 0
    assert (await other.get_context(stored.id)).text == stored.text


async def test_the_calls_of_an_operator(client: AsyncClient) -> None:
    assert (await client.get_stats()).model.dimensions > 0
    assert (await client.collect_garbage(dry_run=True)).dry_run
    snapshot = await client.create_snapshot()
    assert snapshot.name in [each.name for each in (await client.list_snapshots()).snapshots]
    assert (await client.verify_snapshot(snapshot.name)).files > 0
    assert (await client.restore_snapshot(snapshot.name)).snapshot.name == snapshot.name
    assert (await client.set_log_filter("info")).filter == (await client.get_log_filter()).filter
    assert (await client.get_reembedding()).state
    await client.discard_reembedding()
    assert (await client.get_health(fresh=True)).status == "healthy"
    assert (await client.get_liveness()).status == "up"
    assert (await client.get_readiness()).status == "ready"
    assert "context_manager_" in await client.get_metrics()


async def test_a_request_id_reaches_the_server(client: AsyncClient) -> None:
    with pytest.raises(NotFound) as error:
        await client.with_options(request_id="turn-7").get_context(str(uuid4()))
    assert error.value.request_id == "turn-7"
