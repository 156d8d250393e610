//! Sessions and records of the clauses.

use jiff::Timestamp;
use uuid::Uuid;

use crate::TenantId;
use crate::context::{Context, ContextId, Level};
use crate::lexical::SparseVector;
use crate::ports::{Record, SessionKey};

pub(super) fn key(tenant: &str, session: Option<&str>) -> SessionKey {
    SessionKey {
        tenant: TenantId::try_new(tenant).unwrap(),
        session: session.map(str::to_owned),
    }
}

/// Returns a record whose numbers half precision holds exactly.
pub(super) fn record(key: &SessionKey, number: u64) -> Record {
    let mut context = Context::new(format!("context {number}"));
    context.id = ContextId(Uuid::from_u128(u128::from(number)));
    context.level = Level::Immediate;
    context.session_id.clone_from(&key.session);
    context.sequence = number;
    context.embedded = true;
    // Stores keep milliseconds.
    let at = |time: Timestamp| Timestamp::from_millisecond(time.as_millisecond()).unwrap();
    (context.created_at, context.updated_at) = (at(context.created_at), at(context.updated_at));
    Record {
        context,
        dense: Some(vec![0.5, -0.25, 1.0]),
        terms: SparseVector::new([(7, 0.3), (4_000_000_000, 1.5)]),
    }
}
