//! The typed client against the real server: every type it reads fits what the server writes.

use std::time::Duration;

use context_manager_client::wire::{
    AssembleRequest, ClearBody, Code, ContextPatch, DeleteBody, FileAction, FileCommand, GcRequest, Layout, Level,
    LogFilter, NewContext, Restore, SearchRequest,
};
use context_manager_client::{Client, Config, ListContexts, Page, Retry};
use futures::{TryStreamExt, stream};

use crate::server::Server;

fn context(text: &str) -> NewContext {
    NewContext {
        text: text.to_owned(),
        user_id: Some("ann".to_owned()),
        session_id: Some("s".to_owned()),
        metadata: Some(serde_json::Map::from_iter([("n".to_owned(), 1.5.into())]).into()),
        ..NewContext::default()
    }
}

fn search() -> SearchRequest {
    SearchRequest {
        query: "Which theme does the user like?".into(),
        max_tokens: Some(1_000),
        explain: true,
        ..SearchRequest::default()
    }
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "every method in one go, as a server starts for each test"
)]
async fn every_method_reads_the_answers_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let config = Config {
        timeout: Duration::from_secs(30),
        retry: Retry {
            max_retries: 0,
            ..Retry::default()
        },
        ..Config::default()
    };
    let client = Client::new(&server.url, config).unwrap();

    let stored = client.store_context(&context("User prefers dark mode")).await.unwrap();
    let many: Vec<_> = (0..3)
        .map(|n| context(&format!("Note number {n} about the harbour")))
        .collect();
    let results = client.store_contexts(&many).await.unwrap().results;
    assert!(results.iter().all(|item| item.status == 201), "{results:?}");
    let read = client.get_context(stored.id()).await.unwrap();
    assert_eq!(
        (read.text.as_str(), &read.metadata["n"]),
        ("User prefers dark mode", &1.5.into())
    );
    let found = client.search_contexts(&search()).await.unwrap();
    assert_eq!(found.contexts[0].context.id, stored.id());
    let request = AssembleRequest {
        search: search(),
        layout: Layout::default(),
    };
    let assembled = client.assemble_contexts(&request).await.unwrap();
    assert!(assembled.prompt.contains("dark mode"));

    let patch = ContextPatch {
        importance: Some(0.9),
        ..ContextPatch::default()
    };
    assert_eq!(
        client.update_context(stored.id(), &patch).await.unwrap().id(),
        stored.id()
    );
    let list = ListContexts {
        page: Page {
            limit: Some(3),
            cursor: None,
        },
        ..ListContexts::default()
    };
    let listed: Vec<_> = client.contexts(list).try_collect().await.unwrap();
    let sessions: Vec<_> = client.sessions(Page::default()).try_collect().await.unwrap();
    assert_eq!((listed.len(), sessions[0].total), (4, 4));

    let lines: Vec<Vec<u8>> = client
        .export_contexts(true, true)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let import = client
        .import_contexts(stream::iter(lines.into_iter().map(Ok)), true)
        .await
        .unwrap();
    assert_eq!((import.skipped, import.failed_total, import.complete), (4, 0, true));

    let snapshot = client.create_snapshot().await.unwrap();
    assert_eq!(client.list_snapshots().await.unwrap().snapshots[0].name, snapshot.name);
    assert_eq!(
        client.verify_snapshot(&snapshot.name).await.unwrap().snapshot.contexts,
        4
    );
    client.delete_context(stored.id()).await.unwrap();
    let restored = client
        .restore_snapshot(&snapshot.name, &Restore::default())
        .await
        .unwrap();
    assert_eq!(restored.erased_again, 1);
    let missing = client.verify_snapshot("a/b").await.unwrap_err();
    assert_eq!((missing.status(), missing.code()), (Some(404), Some(Code::NotFound)));

    client.collect_garbage(&GcRequest { dry_run: true }).await.unwrap();
    assert_eq!(client.get_stats().await.unwrap().total, 3);
    assert_eq!(client.get_reembedding().await.unwrap().state, "idle");
    assert_eq!(
        client.start_reembedding().await.unwrap_err().code(),
        Some(Code::Conflict)
    );
    client.discard_reembedding().await.unwrap();
    let filter = LogFilter {
        filter: "warn".to_owned(),
    };
    client.set_log_filter(&filter).await.unwrap();
    assert_eq!(client.get_log_filter().await.unwrap().filter, "warn");
    assert!(client.get_health(true).await.unwrap().components.len() > 1);
    assert_eq!(client.get_liveness().await.unwrap().status, "up");
    assert_eq!(client.get_readiness().await.unwrap().status, "ready");
    assert!(
        client
            .get_metrics()
            .await
            .unwrap()
            .contains("context_manager_build_info")
    );

    let one = DeleteBody {
        ids: Some(vec![results[0].context.as_ref().unwrap().id()]),
        ..DeleteBody::default()
    };
    assert_eq!(client.delete_contexts(&one).await.unwrap().deleted, 1);
    let clear = ClearBody {
        level: Level::LongTerm,
        session_id: None,
        user_id: Some("ann".to_owned()),
        agent_id: None,
    };
    assert_eq!(client.clear_contexts(&clear).await.unwrap().deleted, 2);
    assert_eq!(client.delete_session("s").await.unwrap().deleted, 0);
    assert_eq!(client.forget_user("ann").await.unwrap().deleted, 0);
    let create = FileCommand {
        command: FileAction::Create,
        path: Some("/memories/notes.md".to_owned()),
        file_text: Some("# Notes".to_owned()),
        ..FileCommand::default()
    };
    assert!(!client.run_file_command(&create).await.unwrap().is_error);
    assert!(client.run_file_command(&create).await.unwrap().is_error);
}
