//! A question whose answer is one text, and that text.

use std::borrow::Cow;

use context_manager_core::assemble::{Citation, Format, Order};
use context_manager_core::{AssembleRequest, AssembleResponse, MAX_TOKENS, Violations};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::search::{DroppedBody, WireDegraded};
use super::{SearchBody, WireLevel};
use crate::http::SecondPart;

/// What to search for and how to write it down, for the OpenAPI document; it is read as its two parts.
#[derive(Debug)]
pub(in crate::api) struct AssembleBody;

impl PartialSchema for AssembleBody {
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut body)) = SearchBody::schema() else {
            unreachable!("a struct is an object")
        };
        if let RefOr::T(Schema::Object(layout)) = LayoutBody::schema() {
            body.properties.extend(layout.properties);
        }
        let max_tokens = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(MAX_TOKENS))
            .description(Some("Tokens that the whole text may have."));
        body.properties.insert("max_tokens".to_owned(), max_tokens.into());
        body.required.push("max_tokens".to_owned());
        body.description = Some("What to search for and how to write it down.".to_owned());
        body.into()
    }
}

impl ToSchema for AssembleBody {
    fn name() -> Cow<'static, str> {
        "AssembleRequest".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        SearchBody::schemas(schemas);
        LayoutBody::schemas(schemas);
    }
}

/// How to write it down.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct LayoutBody {
    #[serde(default)]
    format: WireFormat,
    #[serde(default)]
    order: WireOrder,
}

/// The form of the text.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Format)]
enum WireFormat {
    /// Headings, and each context as a block quote.
    #[default]
    Markdown,
    /// Elements, with markup in texts escaped.
    Xml,
    /// A list, with every further line of a text indented.
    Plain,
    /// An object with a list.
    Json,
}

/// In which order contexts stand within their section.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Order)]
enum WireOrder {
    /// Best first.
    #[default]
    Relevance,
    /// Oldest first.
    Chronological,
}

impl SecondPart for LayoutBody {
    const FIELDS: &'static [&'static str] = &["format", "order"];
}

impl LayoutBody {
    /// The domain's request; problems that only the wire can have are added to `found`.
    pub(in crate::api) fn into_request(self, search: SearchBody, found: &mut Violations) -> AssembleRequest {
        AssembleRequest {
            search: search.into_request(found),
            format: match self.format {
                WireFormat::Markdown => Format::Markdown,
                WireFormat::Xml => Format::Xml,
                WireFormat::Plain => Format::Plain,
                WireFormat::Json => Format::Json,
            },
            order: match self.order {
                WireOrder::Relevance => Order::Relevance,
                WireOrder::Chronological => Order::Chronological,
            },
        }
    }
}

/// Where a context stands in the text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Citation)]
struct CitationBody {
    id: Uuid,
    level: WireLevel,
    /// The first byte of its text, as it is quoted, in `prompt`.
    start: usize,
    /// The byte after its last.
    end: usize,
    /// How well it answers, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
}

impl From<Citation> for CitationBody {
    fn from(citation: Citation) -> Self {
        Self {
            id: citation.id.0,
            level: citation.level.into(),
            start: citation.start,
            end: citation.end,
            score: citation.score,
        }
    }
}

/// A text to put into a prompt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AssembleResponse)]
pub(in crate::api) struct AssembleAnswer {
    /// Empty when nothing was found or nothing fits.
    prompt: String,
    /// Tokens of the whole text, never above `max_tokens`.
    tokens: usize,
    /// In the order of the text.
    citations: Vec<CitationBody>,
    /// How many candidates were passed over because they repeat something that is in the text.
    near_duplicates: usize,
    /// What was left out and why, best first, at most 100. Only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<Vec<DroppedBody>>,
    degraded: Vec<WireDegraded>,
}

impl AssembleAnswer {
    /// The answer as it goes out.
    pub(in crate::api) fn new(response: AssembleResponse, explain: bool) -> Self {
        Self {
            prompt: response.assembled.prompt,
            tokens: response.assembled.tokens,
            citations: response.assembled.citations.into_iter().map(Into::into).collect(),
            near_duplicates: response.near_duplicates,
            dropped: explain.then(|| response.dropped.into_iter().map(Into::into).collect()),
            degraded: response.degraded.into_iter().map(Into::into).collect(),
        }
    }
}
