//! Redis that is killed or cannot be reached, and processes that die in the middle of a write.

use std::sync::Arc;
use std::time::Duration;

use context_manager_core::TenantId;
use context_manager_core::context::{Context, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Affected, Announced, Cached, Change, Record, SessionCache, SessionKey};
use context_manager_vector_store::MemoryStore;
use tokio::time::Instant;

use context_manager_redis::testing::Server;

use crate::server::process;

fn session() -> SessionKey {
    SessionKey {
        tenant: TenantId::try_new("t").unwrap(),
        session: Some("s".to_owned()),
    }
}

fn record(text: &str) -> Record {
    let mut context = Context::new(text);
    context.level = Level::Immediate;
    context.session_id = session().session;
    Record {
        context,
        dense: None,
        terms: SparseVector::default(),
    }
}

async fn fill(cache: &dyn SessionCache, records: &[Record]) {
    let Cached::Miss(ticket) = cache.get(&session()).await else {
        panic!("not a miss")
    };
    let records: Vec<Arc<Record>> = records.iter().cloned().map(Arc::new).collect();
    assert!(cache.fill(&session(), ticket, &records).await);
}

async fn begin(cache: &dyn SessionCache) -> Announced {
    let affected = Affected::Sessions(vec![session().session]);
    cache.begin(&session().tenant, affected).await.unwrap()
}

/// Asks until Redis is used again.
async fn recovered(cache: &dyn SessionCache) -> Cached {
    for _ in 0..200 {
        match cache.get(&session()).await {
            Cached::Unavailable | Cached::Busy => tokio::time::sleep(Duration::from_millis(100)).await,
            answer @ (Cached::Hit(_) | Cached::Miss(_)) => return answer,
        }
    }
    panic!("Redis is back, but is not used again")
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask integration"]
async fn nobody_is_answered_from_redis_while_one_writes_without_it() {
    let server = Server::start().await;
    let documents = Arc::new(MemoryStore::new(3));
    // A server that cannot reach Redis, beside two that can.
    let cut_off = process("redis://127.0.0.1:1", "test", &documents).await;
    let (one, other) = (
        process(&server.url(), "test", &documents).await,
        process(&server.url(), "test", &documents).await,
    );
    fill(&*one, &[record("a")]).await;
    assert_eq!(cut_off.get(&session()).await, Cached::Unavailable);
    let start = Instant::now();
    let without = begin(&*cut_off).await;
    assert!(
        start.elapsed() > Duration::from_secs(1),
        "the others need that long to notice"
    );
    for cache in [&one, &other] {
        assert_eq!(cache.get(&session()).await, Cached::Busy);
    }
    cut_off.commit(without, vec![Change::Unknown]).await;
    let start = Instant::now();
    let next = begin(&*cut_off).await;
    assert!(start.elapsed() < Duration::from_millis(500), "they know by now");
    cut_off.commit(next, vec![Change::Unknown]).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask integration"]
async fn after_an_outage_redis_is_used_again_and_nothing_from_before() {
    let mut server = Server::start().await;
    let documents = Arc::new(MemoryStore::new(3));
    let (one, other) = (
        process(&server.url(), "test", &documents).await,
        process(&server.url(), "test", &documents).await,
    );
    fill(&*one, &[record("a")]).await;
    server.kill();
    assert_eq!(one.get(&session()).await, Cached::Unavailable);
    let without = begin(&*one).await;
    one.commit(without, vec![Change::Unknown]).await;
    server.run().await;
    for cache in [&one, &other] {
        assert!(
            matches!(recovered(&**cache).await, Cached::Miss(_)),
            "entries from before are out of use"
        );
    }
    let announced = begin(&*other).await;
    other.commit(announced, vec![Change::Added(record("a"))]).await;
    fill(&*one, &[record("a")]).await;
    assert!(matches!(other.get(&session()).await, Cached::Hit(_)));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask integration"]
async fn nobody_is_answered_while_a_write_is_under_way_and_an_abandoned_one_is_read_again() {
    let server = Server::start().await;
    let documents = Arc::new(MemoryStore::new(3));
    let (dying, other) = (
        process(&server.url(), "test", &documents).await,
        process(&server.url(), "test", &documents).await,
    );
    fill(&*dying, &[record("a")]).await;
    let _never_committed = begin(&*dying).await;
    assert_eq!(other.get(&session()).await, Cached::Busy);
    abandon_writes(&server).await;
    assert!(matches!(other.get(&session()).await, Cached::Miss(_)));
    fill(&*other, &[record("a"), record("b")]).await;
    assert!(matches!(other.get(&session()).await, Cached::Hit(_)));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask integration"]
async fn a_commit_after_a_restart_of_redis_leaves_no_entries() {
    let mut server = Server::start().await;
    let documents = Arc::new(MemoryStore::new(3));
    let (writer, reader) = (
        process(&server.url(), "test", &documents).await,
        process(&server.url(), "test", &documents).await,
    );
    fill(&*writer, &[record("a")]).await;
    let announced = begin(&*writer).await;
    server.kill();
    server.run().await;
    assert!(matches!(recovered(&*reader).await, Cached::Miss(_)));
    fill(&*reader, &[record("as before the write")]).await;
    writer.commit(announced, vec![Change::Added(record("b"))]).await;
    let answer = reader.get(&session()).await;
    assert!(
        !matches!(answer, Cached::Hit(_)),
        "entries without the write are out of use"
    );
    assert!(matches!(recovered(&*reader).await, Cached::Miss(_)));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask integration"]
async fn a_read_that_overtook_a_write_is_refused_also_if_redis_lost_its_announcement() {
    let server = Server::start().await;
    let documents = Arc::new(MemoryStore::new(3));
    let (writer, reader) = (
        process(&server.url(), "test", &documents).await,
        process(&server.url(), "test", &documents).await,
    );
    fill(&*writer, &[record("a")]).await;
    for affected in [Affected::Sessions(vec![session().session]), Affected::Tenant] {
        let announced = writer.begin(&session().tenant, affected).await.unwrap();
        // As after an eviction.
        forget_writes(&server).await;
        let Cached::Miss(ticket) = reader.get(&session()).await else {
            panic!("not a miss")
        };
        writer.commit(announced, vec![Change::Unknown]).await;
        let read_before = [Arc::new(record("as before the write"))];
        assert!(!reader.fill(&session(), ticket, &read_before).await);
    }
}

/// Removes what Redis knows of writes under way.
async fn forget_writes(server: &Server) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys = redis::cmd("KEYS").arg("*-writes*").query_async(&mut connection).await;
    let keys: Vec<String> = keys.unwrap();
    let () = redis::cmd("DEL").arg(keys).query_async(&mut connection).await.unwrap();
}

/// Makes all writes under way count as abandoned, as a minute without a commit does.
async fn abandon_writes(server: &Server) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys = redis::cmd("KEYS").arg("*-writes*").query_async(&mut connection).await;
    let keys: Vec<String> = keys.unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let mut members = redis::cmd("ZRANGE");
    members.arg(&keys[0]).arg(0).arg(-1);
    let members: Vec<String> = members.query_async(&mut connection).await.unwrap();
    let mut command = redis::cmd("ZADD");
    command.arg(&keys[0]).arg(1).arg(&members[0]);
    let () = command.query_async(&mut connection).await.unwrap();
}
