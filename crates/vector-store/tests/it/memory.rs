//! The store in memory keeps the contract.

use context_manager_vector_store::{MemoryStore, contract};

async fn new_store() -> Box<MemoryStore> {
    Box::new(MemoryStore::new(contract::DIMENSIONS))
}

contract!(new_store);
