//! What every request goes through, whatever its route.

mod body;
mod deadline;
mod observe;
mod problem;
mod query;
mod request_id;

pub(crate) use body::{Json, JsonParts, read_part};
pub(crate) use deadline::limit_time;
pub(crate) use observe::observe;
pub(crate) use problem::{Code, FieldError, Problem};
pub(crate) use query::{Params, PathId};
