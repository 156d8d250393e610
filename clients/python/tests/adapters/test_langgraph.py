from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from context_manager_client import AsyncClient, Client

pytest.importorskip("langgraph", reason="install the extra `langgraph`")

from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import GetOp, PutOp, SearchOp

from context_manager_client.langgraph import AsyncContextManagerStore, ContextManagerStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(client: Client) -> ContextManagerStore:
    return ContextManagerStore(client, scope=f"langgraph-{uuid4()}")


@pytest.fixture
def async_store(async_client: AsyncClient) -> AsyncContextManagerStore:
    return AsyncContextManagerStore(async_client, scope=f"langgraph-{uuid4()}")


def keys(items: list[Any]) -> list[str]:
    return [item.key for item in items]


def test_a_graph_recalls_in_one_thread_what_it_stored_in_another(store: ContextManagerStore) -> None:
    model = FakeMessagesListChatModel(responses=[AIMessage("Noted."), AIMessage("A vegan restaurant.")])
    prompts = []

    def answer(state: MessagesState, runtime: Runtime) -> dict[str, Any]:
        said = state["messages"][-1].content
        notes = runtime.store.search(("users", "ann"), query=said, limit=3)
        prompts.append([note.value["memory"] for note in notes])
        runtime.store.put(("users", "ann"), str(uuid4()), {"memory": said})
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").add_edge("answer", END)
    graph = graph.compile(store=store)
    graph.invoke({"messages": [HumanMessage("I am vegan and live in Lisbon")]})
    graph.invoke({"messages": [HumanMessage("Which vegan restaurant do you suggest?")]})

    assert prompts == [[], ["I am vegan and live in Lisbon"]]


async def test_an_asynchronous_graph_uses_either_store(
    store: ContextManagerStore, async_store: AsyncContextManagerStore
) -> None:
    async def remember(state: MessagesState, runtime: Runtime) -> dict[str, Any]:
        await runtime.store.aput(("users",), "ann", {"memory": state["messages"][-1].content})
        found = await runtime.store.asearch(("users",), query="tea")
        return {"messages": [AIMessage(found[0].value["memory"])]}

    for either in (store, async_store):
        graph = StateGraph(MessagesState).add_node(remember).add_edge(START, "remember").compile(store=either)
        answer = await graph.ainvoke({"messages": [HumanMessage("Ann drinks green tea")]})
        assert answer["messages"][-1].content == "Ann drinks green tea"


def test_an_item_comes_back_as_it_was_put(store: ContextManagerStore) -> None:
    value = {"größe": 1.5, "nested": {"list": [1, None, {"deep": "✓"}]}, "a.b": True, "$x": "\u2028"}
    store.put(("users", "Ann Lee/ü:~%"), "the key / ✓", value)
    item = store.get(("users", "Ann Lee/ü:~%"), "the key / ✓")
    assert (item.value, item.key, item.namespace) == (value, "the key / ✓", ("users", "Ann Lee/ü:~%"))
    assert store.list_namespaces() == [("users", "Ann Lee/ü:~%")]

    store.put(("users", "Ann Lee/ü:~%"), "the key / ✓", {"now": 1})
    changed = store.get(("users", "Ann Lee/ü:~%"), "the key / ✓")
    assert changed.value == {"now": 1}
    assert changed.created_at == item.created_at
    assert changed.updated_at > item.updated_at

    store.delete(("users", "Ann Lee/ü:~%"), "the key / ✓")
    assert store.get(("users", "Ann Lee/ü:~%"), "the key / ✓") is None


def test_a_namespace_is_no_prefix_of_its_neighbour(store: ContextManagerStore) -> None:
    for user in ("ann", "anna"):
        store.put(("users", user), "k", {"name": user})
    assert [item.value for item in store.search(("users", "ann"))] == [{"name": "ann"}]
    assert [item.value for item in store.search(("users", "ann"), query="ann or anna")] == [{"name": "ann"}]


def test_filters_compare_values(store: ContextManagerStore) -> None:
    store.put(("docs",), "a", {"text": "alpha report", "score": 4.5, "tags": ["x", "y"], "kind": {"name": "pdf"}})
    store.put(("docs",), "b", {"text": "beta report", "score": 5, "tags": ["x"], "kind": {"name": "html"}})
    store.put(("docs",), "c", {"text": "gamma report"})
    for condition, found in [
        ({"score": 5}, "b"),
        ({"score": {"$gt": 4.49, "$lt": 5}}, "a"),
        ({"score": {"$gte": 4.5}, "tags": ["x"]}, "b"),
        ({"score": {"$lte": 9}}, "ab"),
        ({"score": {"$ne": 5}}, "ac"),
        ({"tags": {"$eq": ["x", "y"]}}, "a"),
        ({"tags": "x"}, ""),
        ({"kind": {"name": "html"}}, "b"),
        ({"score": None}, "c"),
    ]:
        assert sorted(keys(store.search(("docs",), filter=condition))) == sorted(found), condition
        assert sorted(keys(store.search(("docs",), filter=condition, query="report"))) == sorted(found), condition
    with pytest.raises(ValueError, match=r"unsupported operator \$in"):
        store.search(("docs",), filter={"score": {"$in": [1]}})


def test_a_filter_finds_items_behind_many_others(store: ContextManagerStore) -> None:
    puts = [PutOp(("many",), str(n), {"text": f"report number {n}", "n": n}) for n in range(120)]
    store.batch(puts)
    assert keys(store.search(("many",), filter={"n": {"$lt": 1}}, limit=1)) == ["0"]
    assert keys(store.search(("many",), query="report", filter={"n": {"$lt": 1}}, limit=1)) == ["0"]
    pages = [keys(store.search(("many",), limit=50, offset=offset)) for offset in (0, 50, 100)]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert len({key for page in pages for key in page}) == 120


def test_only_indexed_fields_are_searched(client: Client) -> None:
    store = ContextManagerStore(client, scope=f"langgraph-{uuid4()}", index=["title", "parts[*].text"])
    value = {"title": "Tea", "secret": "zebra", "parts": [{"text": "green leaves"}, {"text": "hot water"}]}
    store.put(("n",), "default", value)
    store.put(("n",), "named", value, index=["secret"])
    store.put(("n",), "none", value, index=False)
    assert keys(store.search(("n",), query="zebra"))[0] == "named"
    assert keys(store.search(("n",), query="water"))[0] == "default"
    assert "none" not in keys(store.search(("n",), query="tea"))
    assert store.get(("n",), "none").value == value


def test_a_value_longer_than_a_text_is_kept_whole(store: ContextManagerStore) -> None:
    value = {"text": "größer " * 5_000}
    store.put(("n",), "long", value)
    assert store.get(("n",), "long").value == value


def test_items_expire_and_reading_or_storing_keeps_them(store: ContextManagerStore) -> None:
    store.put(("n",), "read", {"x": 1}, ttl=2 / 60)
    store.put(("n",), "stored", {"x": 1}, ttl=2 / 60)
    store.put(("n",), "left", {"x": 1}, ttl=2 / 60)
    made = store.get(("n",), "stored", refresh_ttl=False)
    for _ in range(3):
        time.sleep(1)
        assert store.get(("n",), "read")
        store.put(("n",), "stored", {"x": 1}, ttl=2 / 60)
        store.get(("n",), "left", refresh_ttl=False)
    assert store.get(("n",), "stored").created_at == made.created_at
    assert store.get(("n",), "left") is None
    assert sorted(keys(store.search(("n",)))) == ["read", "stored"]


def test_of_several_writes_in_a_batch_the_last_counts_and_reads_come_before(store: ContextManagerStore) -> None:
    store.put(("n",), "a", {"x": 0})
    results = store.batch(
        [PutOp(("n",), "a", {"x": 1}), GetOp(("n",), "a"), PutOp(("n",), "b", {"x": 1}), PutOp(("n",), "b", None)]
    )
    assert [result and result.value for result in results] == [None, {"x": 0}, None, None]
    assert store.get(("n",), "a").value == {"x": 1}
    assert store.get(("n",), "b") is None


def test_contexts_of_others_are_no_items(client: Client, store: ContextManagerStore) -> None:
    store.put(("n",), "mine", {"text": "green tea"})
    scope = client.get_context_by_key(scope=store._scope(("n",)), key="mine").scope
    client.store_context_by_key(scope=scope, key="theirs", text="green tea of others")
    assert store.get(("n",), "theirs") is None
    assert keys(store.search(("n",))) == ["mine"]
    assert keys(store.search(("n",), query="green tea")) == ["mine"]


async def test_the_asynchronous_store_names_its_twin(async_store: AsyncContextManagerStore) -> None:
    with pytest.raises(NotImplementedError, match="ContextManagerStore"):
        async_store.get(("n",), "a")


async def test_the_asynchronous_store_does_the_same(async_store: AsyncContextManagerStore) -> None:
    await async_store.aput(("n", "a"), "k", {"text": "green tea"}, ttl=1)
    results = await async_store.abatch(
        [GetOp(("n", "a"), "k"), SearchOp(("n",), query="tea"), SearchOp(("n",), filter={"text": {"$eq": "green tea"}})]
    )
    assert [results[0].key, keys(results[1]), keys(results[2])] == ["k", ["k"], ["k"]]
    assert await async_store.alist_namespaces(suffix=("*", "a"), max_depth=1) == [("n",)]
    await async_store.adelete(("n", "a"), "k")
    assert await async_store.aget(("n", "a"), "k") is None
