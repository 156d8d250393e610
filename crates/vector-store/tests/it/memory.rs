//! The store in memory keeps the contract.

use context_manager_vector_store::{MemoryStore, contract};

use crate::leases;

#[expect(clippy::unused_async, reason = "the contract makes its stores asynchronously")]
async fn new_store() -> Box<MemoryStore> {
    Box::new(MemoryStore::new(contract::DIMENSIONS))
}

contract!(new_store);

#[tokio::test]
async fn a_turn_is_one_processes_until_it_ends() {
    let store = new_store().await;
    leases::a_turn_is_one_processes_until_it_ends(&*store, &*store).await;
}
