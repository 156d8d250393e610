//! The store in memory keeps the contract.

use context_manager_vector_store::{MemoryStore, contract};

#[expect(clippy::unused_async, reason = "the contract makes its stores asynchronously")]
async fn new_store() -> Box<MemoryStore> {
    Box::new(MemoryStore::new(contract::DIMENSIONS))
}

contract!(new_store);
