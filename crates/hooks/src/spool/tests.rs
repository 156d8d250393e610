use std::cell::RefCell;
use std::time::Duration;

use context_manager_client::wire::BatchItem;
use serde_json::{Map, Value, json};

use super::*;

fn message(text: &str) -> NewContext {
    let metadata: Map<String, Value> = [("role".to_owned(), json!("user"))].into_iter().collect();
    NewContext {
        text: text.to_owned(),
        metadata: Some(metadata.into()),
        ..NewContext::default()
    }
}

fn answer(statuses: impl IntoIterator<Item = u16>) -> BatchAnswer {
    let item = |status| BatchItem {
        status,
        context: None,
        error: None,
    };
    BatchAnswer {
        results: statuses.into_iter().map(item).collect(),
    }
}

fn unreachable() -> Error {
    Error::Deadline {
        url: "http://127.0.0.1:1".to_owned(),
        limit: Duration::from_millis(300),
    }
}

fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path().join("spool")).unwrap();
    (folder, spool)
}

/// Drains into a list, and answers with 201.
async fn drain(spool: &Spool) -> Vec<String> {
    let sent = RefCell::new(Vec::new());
    let store = async |messages: &[NewContext]| {
        sent.borrow_mut()
            .extend(messages.iter().map(|message| message.text.clone()));
        Ok(answer(messages.iter().map(|_| 201)))
    };
    spool.drain(store).await.unwrap();
    sent.into_inner()
}

#[tokio::test]
async fn messages_are_sent_once_and_in_order_however_many_files_they_fill() {
    let (_folder, spool) = spool();
    let long = "x".repeat(10_000);
    let texts: Vec<String> = (0..20).map(|n| format!("{n} {long}")).collect();
    for text in &texts {
        spool.append(&[message(text)]).unwrap();
    }
    assert!(spool.sealed().unwrap().len() > 3);
    assert_eq!(spool.waiting_turns().unwrap(), 20);
    assert_eq!(drain(&spool).await, texts);
    assert_eq!(spool.waiting_turns().unwrap(), 0);
    assert_eq!(drain(&spool).await, [""; 0]);
}

#[tokio::test]
async fn messages_stay_until_the_server_confirms_every_one_of_a_file() {
    let (_folder, spool) = spool();
    spool.append(&[message("a"), message("b")]).unwrap();
    spool
        .drain(async |_: &[NewContext]| Err(unreachable()))
        .await
        .unwrap_err();
    spool
        .drain(async |_: &[NewContext]| Ok(answer([201, 503])))
        .await
        .unwrap_err();
    spool
        .drain(async |_: &[NewContext]| Ok(answer([201])))
        .await
        .unwrap_err();
    spool.append(&[message("c")]).unwrap();
    assert_eq!(drain(&spool).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_message_that_is_refused_for_good_is_kept_aside_and_holds_up_no_other() {
    let (_folder, spool) = spool();
    spool
        .append(&[message("bad"), message("good"), message("there already")])
        .unwrap();
    let drained = spool
        .drain(async |_: &[NewContext]| Ok(answer([400, 201, 409])))
        .await
        .unwrap();
    assert_eq!(drained, Drained { sent: 2, refused: 1 });
    let refused = fs::read_to_string(spool.folder.join(REFUSED)).unwrap();
    assert!(refused.contains("\"bad\"") && refused.lines().count() == 1, "{refused}");
    assert_eq!(drain(&spool).await, [""; 0]);
}

#[tokio::test]
async fn a_line_cut_short_by_a_crash_spoils_none_after_it() {
    let (_folder, spool) = spool();
    spool.append(&[message("before")]).unwrap();
    let open = spool.folder.join(OPEN);
    let mut text = fs::read_to_string(&open).unwrap();
    text.push_str("{\"text\":\"cut sho");
    fs::write(&open, text).unwrap();
    spool.append(&[message("after")]).unwrap();
    assert_eq!(drain(&spool).await, ["before", "after"]);
}

#[tokio::test]
async fn what_another_process_sends_is_not_sent_again() {
    let (_folder, spool) = spool();
    spool.append(&[message("a")]).unwrap();
    let other = file::lock_file(&spool.folder.join("drain.lock")).unwrap();
    other.lock().unwrap();
    assert_eq!(drain(&spool).await, [""; 0]);
    drop(other);
    assert_eq!(drain(&spool).await, ["a"]);
}
