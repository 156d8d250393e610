//! The memory store keeps the contract.

use context_manager_vector_store::{MemoryStore, contract};

use crate::sharing;

#[expect(clippy::unused_async, reason = "stores may be created asynchronously")]
async fn new_store() -> Box<MemoryStore> {
    Box::new(MemoryStore::new(contract::DIMENSIONS))
}

contract!(new_store);

#[tokio::test]
async fn a_lease_has_one_holder() {
    let store = new_store().await;
    sharing::a_lease_has_one_holder(&*store, &*store).await;
}

#[tokio::test]
async fn documents_are_replaced_by_readers_of_the_last_text() {
    let store = new_store().await;
    sharing::documents_are_replaced_by_readers_of_the_last_text(&*store, &*store).await;
}
