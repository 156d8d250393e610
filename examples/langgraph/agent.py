"""A LangGraph agent whose store is the Context Manager: what one thread learned, another one recalls.

It needs a server (`context-manager serve`) and `pip install './clients/python[langgraph]'`; CONTEXT_MANAGER_URL
names another address than http://127.0.0.1:8080.
"""

from dataclasses import dataclass
from uuid import uuid4

from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, SystemMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime

from context_manager_client import Client
from context_manager_client.langgraph import ContextManagerStore

# Stands in for a language model.
MODEL = FakeMessagesListChatModel(responses=[AIMessage("Noted."), AIMessage("Then no peanuts for you.")])


@dataclass
class User:
    id: str


def talk(state: MessagesState, runtime: Runtime[User]) -> MessagesState:
    memories = ("users", runtime.context.id, "memories")
    said = str(state["messages"][-1].content)
    notes = [item.value["memory"] for item in runtime.store.search(memories, query=said, limit=3)]
    print(f"recalled: {notes}")
    runtime.store.put(memories, str(uuid4()), {"memory": said})
    return {"messages": [MODEL.invoke([SystemMessage("\n".join(notes)), *state["messages"]])]}


def main() -> None:
    with Client() as client:
        builder = StateGraph(MessagesState, context_schema=User).add_node(talk).add_edge(START, "talk")
        graph = builder.compile(store=ContextManagerStore(client))
        user = User(f"mira-{uuid4()}")
        for said in ["I am allergic to peanuts", "May I eat pad thai with peanuts?"]:
            print(f"Mira: {said}")
            state = graph.invoke({"messages": [("user", said)]}, context=user)
            print(f"agent: {state['messages'][-1].content}")


if __name__ == "__main__":
    main()
