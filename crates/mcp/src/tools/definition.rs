//! The form of a tool, and of a call of it.

use std::pin::Pin;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};

use crate::budget::Budget;
use crate::memory::{Fault, Memory};
use crate::owner::Owner;
use crate::reply::Reply;
use crate::schema::{Field, object};
use crate::settings::Settings;

/// A tool.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(super) title: &'static str,
    /// Situations to call it in and not to, with the words that a user says then; the decisive part first, as hosts cut.
    pub(super) description: &'static str,
    pub(super) effect: Effect,
    pub(super) input: &'static [Field],
    pub(super) output: &'static [Field],
    pub(crate) run: Run,
}

/// Function behind a tool.
type Run = for<'a> fn(Request<'a>) -> Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send + 'a>>;

/// A call of a tool.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) memory: &'a dyn Memory,
    pub(crate) owner: &'a Owner,
    pub(crate) budget: &'a Budget,
    pub(crate) settings: &'a Settings,
    pub(crate) arguments: &'a JsonObject,
}

/// Effect of a tool on what is stored, for hosts that ask the user before some calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Adds,
    Changes,
}

impl Definition {
    /// Returns the tool as hosts see it.
    pub(crate) fn advertised(&self) -> Tool {
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(self.effect == Effect::Reads)
            .destructive(self.effect == Effect::Changes)
            .idempotent(true)
            .open_world(false);
        Tool::new(self.name, self.description, object(self.input))
            .with_title(self.title)
            .with_raw_output_schema(object(self.output).into())
            .with_annotations(annotations)
    }
}
