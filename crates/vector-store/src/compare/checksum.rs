//! Checksum over many records, the same for every store.

use std::fmt;

use context_manager_core::Scope;
use context_manager_core::ports::{Record, StoreError, StoreErrorKind};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::payload::{self, canonical};

/// SHA-256 over records in the order in which they were stored: over their contexts and the sizes of their vectors. The
/// numbers of vectors are left out, as their last digits differ between stores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum([u8; 32]);

impl fmt::Display for Checksum {
    /// Formats the first 64 bits, which are enough for a comparison by eye.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Checksum under construction.
#[derive(Debug, Default)]
pub(super) struct Summing(Sha256);

impl Summing {
    pub(super) fn add(&mut self, scope: &Scope, record: &Record) -> Result<(), StoreError> {
        let payload = payload::encode(scope, record.context.clone()).map_err(|error| StoreError {
            operation: "checksum",
            kind: StoreErrorKind::Internal,
            source: Some(Box::new(error)),
        })?;
        canonical::write(&Value::Object(payload), &mut |bytes| self.0.update(bytes));
        let dimensions = record.dense.as_ref().map_or(0, Vec::len);
        self.0.update((dimensions as u64).to_le_bytes());
        self.0.update([canonical::END]);
        Ok(())
    }

    pub(super) fn finish(self) -> Checksum {
        Checksum(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sum(value: &Value) -> Checksum {
        let mut sum = Summing::default();
        canonical::write(value, &mut |bytes| sum.0.update(bytes));
        sum.finish()
    }

    #[test]
    fn the_checksum_ignores_only_the_order_of_keys() {
        let text = r#"{"b": [1, {"d": 1, "c": 2}], "a": "x"}"#;
        let same = json!({"a": "x", "b": [1, {"c": 2, "d": 1}]});
        assert_eq!(sum(&serde_json::from_str(text).unwrap()), sum(&same));
        for other in [
            json!({"a": "x", "b": [{"c": 2, "d": 1}, 1]}),
            json!({"a": "x", "b": [1, {"c": 1, "d": 2}]}),
            json!({"a": "x", "b": [1, {"c": "2", "d": 1}]}),
            json!({"a": "x", "b": [1]}),
        ] {
            assert_ne!(sum(&other), sum(&same), "{other}");
        }
        assert_ne!(sum(&json!([[1], 2])), sum(&json!([[1, 2]])));
        assert_ne!(sum(&json!(["ab", "c"])), sum(&json!(["a", "bc"])));
    }
}
