//! Validation before writes: an engine stops in the middle of a batch at a bad vector, and would store a bad number as null.

use context_manager_core::context::{Context, ContextId, MAX_CONTENT_BYTES};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{BoxError, MAX_DOCUMENT_BYTES, Record, StoreError, StoreErrorKind, StoreQuery};

/// Exclusive maximum of sequence numbers, as engines compare numbers as floats.
const MAX_SEQUENCE: u64 = 1 << 53;

/// Error for a context whose text, tags and metadata together exceed the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("context {id} has {actual} bytes of text, tags and metadata; the maximum is {maximum}")]
pub struct PayloadTooLarge {
    /// Id of the context.
    pub id: ContextId,
    /// Serialized size in bytes.
    pub actual: usize,
    /// Maximum size in bytes.
    pub maximum: usize,
}

/// Checks records to store.
pub(crate) fn records(operation: &'static str, dimensions: usize, records: &[Record]) -> Result<(), StoreError> {
    for record in records {
        dense(operation, dimensions, record.dense.as_deref())?;
        terms(operation, Some(&record.terms))?;
        context(operation, &record.context)?;
    }
    Ok(())
}

/// Checks contexts that replace stored ones.
pub(crate) fn contexts(operation: &'static str, contexts: &[Context]) -> Result<(), StoreError> {
    contexts.iter().try_for_each(|one| context(operation, one))
}

/// Checks a vector.
pub(crate) fn vector(operation: &'static str, dimensions: usize, vector: &[f32]) -> Result<(), StoreError> {
    dense(operation, dimensions, Some(vector))
}

/// Checks a query.
pub(crate) fn query(operation: &'static str, dimensions: usize, query: &StoreQuery) -> Result<(), StoreError> {
    dense(operation, dimensions, query.dense.as_deref())?;
    terms(operation, query.terms.as_ref())
}

/// Checks the text of a shared document.
pub(crate) fn document(operation: &'static str, text: &str) -> Result<(), StoreError> {
    if text.len() <= MAX_DOCUMENT_BYTES {
        return Ok(());
    }
    let problem = format!(
        "a document has {} bytes; the maximum is {MAX_DOCUMENT_BYTES}",
        text.len()
    );
    Err(StoreError {
        operation,
        kind: StoreErrorKind::Internal,
        source: Some(problem.into()),
    })
}

fn context(operation: &'static str, context: &Context) -> Result<(), StoreError> {
    let refused = |source: BoxError| {
        Err(StoreError {
            operation,
            kind: StoreErrorKind::Internal,
            source: Some(source),
        })
    };
    if !context.importance.is_finite() || context.sequence >= MAX_SEQUENCE {
        let id = context.id;
        return refused(format!("context {id} has an importance or a sequence number that cannot be stored").into());
    }
    let actual = content_bytes(context);
    if actual > MAX_CONTENT_BYTES {
        return refused(Box::new(PayloadTooLarge {
            id: context.id,
            actual,
            maximum: MAX_CONTENT_BYTES,
        }));
    }
    Ok(())
}

/// Returns the serialized size of text, tags and metadata.
fn content_bytes(context: &Context) -> usize {
    let parts = (&context.text, &context.tags, &context.metadata);
    // The brackets and commas of the list take four bytes.
    serde_json::to_vec(&parts).map_or(usize::MAX, |bytes| bytes.len() - 4)
}

fn dense(operation: &'static str, expected: usize, vector: Option<&[f32]>) -> Result<(), StoreError> {
    match vector {
        Some(vector) if vector.len() != expected || !finite(vector) => Err(mismatch(operation, expected, vector.len())),
        Some(_) | None => Ok(()),
    }
}

fn terms(operation: &'static str, terms: Option<&SparseVector>) -> Result<(), StoreError> {
    let Some(SparseVector { indices, values }) = terms else {
        return Ok(());
    };
    let ascending = indices.is_sorted_by(|a, b| a < b);
    if indices.len() == values.len() && ascending && finite(values) {
        Ok(())
    } else {
        Err(mismatch(operation, indices.len(), values.len()))
    }
}

fn finite(numbers: &[f32]) -> bool {
    numbers.iter().all(|number| number.is_finite())
}

fn mismatch(operation: &'static str, expected: usize, actual: usize) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::DimensionMismatch { expected, actual },
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_and_finite_vectors_pass() {
        for (vector, good) in [
            (Some(vec![1.0, 2.0]), true),
            (None, true),
            (Some(vec![1.0]), false),
            (Some(vec![1.0, f32::NAN]), false),
            (Some(vec![1.0, f32::INFINITY]), false),
        ] {
            assert_eq!(dense("test", 2, vector.as_deref()).is_ok(), good, "{vector:?}");
        }
    }

    #[test]
    fn sparse_vectors_are_ascending_and_finite() {
        let sparse = |indices: &[u32], values: &[f32]| SparseVector {
            indices: indices.into(),
            values: values.into(),
        };
        for (vector, good) in [
            (sparse(&[], &[]), true),
            (sparse(&[1, 5], &[1.0, 2.0]), true),
            (sparse(&[5, 1], &[1.0, 2.0]), false),
            (sparse(&[1, 1], &[1.0, 2.0]), false),
            (sparse(&[1], &[1.0, 2.0]), false),
            (sparse(&[1], &[f32::NAN]), false),
        ] {
            assert_eq!(terms("test", Some(&vector)).is_ok(), good, "{vector:?}");
        }
    }
}
