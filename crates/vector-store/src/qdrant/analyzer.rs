//! The analyzer that made the terms of all contexts, for all processes that share a server.

use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Filter, Value};
use uuid::Uuid;

use super::agreements::Agreements;
use super::failure::Failure;
use super::points::Payload;

/// Key of the fingerprint.
const FINGERPRINT: &str = "fingerprint";

/// Returns the fingerprint, if one was written.
pub(super) async fn read(agreements: &Agreements) -> Result<Option<String>, Failure> {
    let said = agreements.read(id()).await?;
    match said.and_then(|mut said| said.remove(FINGERPRINT)?.kind) {
        Some(Kind::StringValue(fingerprint)) => Ok(Some(fingerprint)),
        Some(_) | None => Ok(None),
    }
}

/// Writes the fingerprint, whatever it was.
pub(super) async fn write(agreements: &Agreements, fingerprint: &str) -> Result<(), Failure> {
    let payload = Payload::from([(FINGERPRINT.to_owned(), Value::from(fingerprint.to_owned()))]);
    agreements.write(id(), payload, Filter::default()).await
}

fn id() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, b"analyzer")
}
