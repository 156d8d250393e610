//! HTTP parts that every request passes, and extractors that every route may use.

mod body;
mod client_address;
mod cors;
mod deadline;
mod head;
mod lines;
mod observe;
mod problem;
mod protect;
mod query;
mod receive;
mod request_id;
mod sites;
mod strict;

pub(crate) use body::{Json, JsonParts, OptionalJson, read_text, without_mark};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use body::{parse, parse_parts};
pub use client_address::PeerAddress;
pub(crate) use client_address::{Forwarding, network};
pub(crate) use cors::cors;
pub(crate) use deadline::TimeLimit;
pub(crate) use head::{HeadLimits, limit_head};
pub(crate) use lines::{BodyLine, Lines};
pub(crate) use observe::{OwnErrors, describe_metrics, observe};
pub(crate) use problem::{Code, FieldError, Problem, whole_secs};
pub(crate) use query::{Params, PathId, check_query};
pub(crate) use receive::Bodies;
pub(crate) use request_id::RequestId;
pub(crate) use sites::{Audience, Sites};
