//! Processes that share a store collect one at a time.

use std::sync::Arc;
use std::time::Duration;

use context_manager::service::garbage_collector::GarbageCollector;
use context_manager_core::L2OnExpiry;
use tokio::time::sleep;
use uuid::Uuid;

use super::{Bench, HOUR, new};

const LONG: Duration = Duration::from_hours(1);

/// Sixty expired contexts that take six seconds to collect, of a clock that stands still.
async fn slow() -> Bench {
    let bench = Bench::with(|config, lifecycle| {
        config.gc_batch_size = 10;
        config.l2_on_expiry = L2OnExpiry::Forget;
        lifecycle.gc.batch_pause_ms = 1000;
    });
    for n in 0..60 {
        bench.store(new(&format!("remark number {n}"))).await;
    }
    bench.clock.advance_secs(2 * HOUR);
    tokio::time::pause();
    bench
}

#[tokio::test]
async fn a_process_waits_for_the_lease_of_another_one() {
    let bench = slow().await;
    let another = Uuid::now_v7();
    assert!(bench.engine.acquire_gc_lease(another, LONG).await.unwrap());
    let collector = Arc::new(GarbageCollector::new(Arc::clone(&bench.engine)));
    let run = {
        let (collector, scope) = (Arc::clone(&collector), bench.scope.clone());
        tokio::spawn(async move { collector.run(&scope, collector.permit().await).await.unwrap().unwrap() })
    };
    sleep(Duration::from_mins(1)).await;
    assert_eq!(bench.stored().await, 60, "another process holds the lease");
    let foreseen = collector.preview(&bench.scope).await.unwrap();
    assert_eq!(foreseen.deleted(), 60, "what would be done can be told at any time");
    bench.engine.acquire_gc_lease(another, Duration::ZERO).await.unwrap();
    assert_eq!(run.await.unwrap().deleted(), 60);
    assert!(
        bench.engine.acquire_gc_lease(another, LONG).await.unwrap(),
        "it gave its lease back"
    );
}

#[tokio::test]
async fn a_process_that_lost_its_lease_stops_and_goes_on_with_a_new_one() {
    let bench = slow().await;
    let collector = GarbageCollector::new(Arc::clone(&bench.engine));
    let (another, scope) = (Uuid::now_v7(), bench.scope.clone());
    let run = tokio::spawn(async move { collector.run(&scope, collector.permit().await).await.unwrap().unwrap() });
    sleep(Duration::from_millis(1500)).await;
    let begun = bench.stored().await;
    assert!((1..60).contains(&begun), "{begun}");
    // As if it had been stopped for longer than its lease lasts.
    bench.clock.advance_secs(11);
    assert!(bench.engine.acquire_gc_lease(another, LONG).await.unwrap());
    sleep(Duration::from_mins(1)).await;
    let left = bench.stored().await;
    assert!(
        (1..begun).contains(&left),
        "it stopped when it asked next: {left} of {begun}"
    );
    sleep(Duration::from_mins(1)).await;
    assert_eq!(bench.stored().await, left);
    bench.engine.acquire_gc_lease(another, Duration::ZERO).await.unwrap();
    assert_eq!(run.await.unwrap().deleted(), left);
    assert_eq!(bench.stored().await, 0);
}
