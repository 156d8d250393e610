//! Searches whose result is one text, for a prompt.

use context_manager_core::assemble as domain;
use context_manager_core::context::Origin as DomainOrigin;
use context_manager_core::{AssembleRequest as DomainRequest, AssembleResponse as DomainResponse, Violations};
use serde::{Deserialize, Serialize};
#[cfg(feature = "openapi")]
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Degraded, Dropped, Level, Origin, SearchRequest};

/// A search and the layout of its result. `max_tokens` is required.
///
/// A server reads it as its two parts, because serde forgets the position of an error in a struct with flattened fields.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AssembleRequest {
    /// The search.
    #[serde(flatten)]
    pub search: SearchRequest,
    /// The layout.
    #[serde(flatten)]
    pub layout: Layout,
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for AssembleRequest {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::RefOr;
        use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

        let RefOr::T(Schema::Object(mut body)) = SearchRequest::schema() else {
            unreachable!("a struct is an object")
        };
        if let RefOr::T(Schema::Object(layout)) = Layout::schema() {
            body.properties.extend(layout.properties);
        }
        let max_tokens = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(context_manager_core::MAX_TOKENS))
            .description(Some("Maximum number of tokens of the whole text."));
        body.properties.insert("max_tokens".to_owned(), max_tokens.into());
        body.required.push("max_tokens".to_owned());
        body.description = Some("A search and the layout of its result.".to_owned());
        body.into()
    }
}

#[cfg(feature = "openapi")]
impl ToSchema for AssembleRequest {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        SearchRequest::schemas(schemas);
        Layout::schemas(schemas);
    }
}

/// Layout of the text.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(ToSchema))]
pub struct Layout {
    /// Format of the text.
    #[serde(default)]
    pub format: Format,
    /// Order of contexts within a section.
    #[serde(default)]
    pub order: Order,
    /// Origins of contexts. Default all but `tool`, unless `filter.origin` names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub origins: Option<Vec<Origin>>,
}

/// Format of the text.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Headings, and each context as a block quote.
    #[default]
    Markdown,
    /// Elements, with markup in texts escaped.
    Xml,
    /// A list, with every further line of a text indented.
    Plain,
    /// An object with a list, a line for each context.
    Json,
}

/// Order of contexts within a section.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Best first; in markdown and plain, with contexts of a day together.
    #[default]
    Relevance,
    /// Oldest first.
    Chronological,
}

impl Layout {
    /// Names of the fields.
    pub const FIELDS: &'static [&'static str] = &["format", "order", "origins"];

    /// Converts to the domain's request. Problems that only JSON can have are added to `found`.
    pub fn into_request(self, search: SearchRequest, found: &mut Violations) -> DomainRequest {
        let mut search = search.into_request(found);
        match self.origins {
            Some(origins) if origins.is_empty() => found.invalid("/origins", "must name an origin, or be left out"),
            Some(_) if !search.filter.origins.is_empty() => {
                found.invalid("/origins", "must be left out beside `filter.origin`");
            }
            Some(origins) => search.filter.origins = origins.into_iter().map(Into::into).collect(),
            // Anybody may have written what a tool returned, and an injected text is read as instructions.
            None if search.filter.origins.is_empty() => {
                search.filter.origins = DomainOrigin::others(&[DomainOrigin::Tool]);
            }
            None => {}
        }
        DomainRequest {
            search,
            format: match self.format {
                Format::Markdown => domain::Format::Markdown,
                Format::Xml => domain::Format::Xml,
                Format::Plain => domain::Format::Plain,
                Format::Json => domain::Format::Json,
            },
            order: match self.order {
                Order::Relevance => domain::Order::Relevance,
                Order::Chronological => domain::Order::Chronological,
            },
        }
    }
}

/// A context in the text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(ToSchema))]
pub struct Citation {
    /// Id of the context.
    pub id: Uuid,
    /// Its level.
    pub level: Level,
    /// Offset of its first byte in `prompt`.
    pub start: usize,
    /// Offset of the byte after its last.
    pub end: usize,
    /// Relevance to the query, 0 to 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub score: f32,
}

impl From<domain::Citation> for Citation {
    fn from(citation: domain::Citation) -> Self {
        Self {
            id: citation.id.0,
            level: citation.level.into(),
            start: citation.start,
            end: citation.end,
            score: citation.score,
        }
    }
}

/// A text for a prompt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(ToSchema))]
pub struct AssembleResponse {
    /// The text; empty when nothing was found or nothing fits.
    pub prompt: String,
    /// Number of tokens of the text, never above `max_tokens`.
    pub tokens: usize,
    /// Contexts in the order of the text.
    pub citations: Vec<Citation>,
    /// Score of the best candidate, in the text or not; 0 if there is none.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub best_score: f32,
    /// Minimum score of contexts in the text: `min_score`, or the configured floor.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub floor: f32,
    /// True if no candidate reaches the floor; the text is empty then.
    pub nothing_relevant: bool,
    /// Number of further candidates that reach the floor and are not in the text.
    pub more: usize,
    /// Number of candidates that were passed over as they repeat a context in the text.
    pub near_duplicates: usize,
    /// Candidates that are not in the text, best first, at most 100; only with `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Vec<Dropped>>,
    /// Components that were down or late.
    pub degraded: Vec<Degraded>,
}

impl AssembleResponse {
    /// Builds the response, with the candidates that were not returned if `explain` asks for them.
    pub fn new(response: DomainResponse, explain: bool) -> Self {
        Self {
            prompt: response.assembled.prompt,
            tokens: response.assembled.tokens,
            citations: response.assembled.citations.into_iter().map(Into::into).collect(),
            best_score: response.relevance.best_score,
            floor: response.relevance.floor,
            nothing_relevant: response.relevance.nothing_relevant,
            more: response.more,
            near_duplicates: response.near_duplicates,
            dropped: explain.then(|| response.dropped.into_iter().map(Into::into).collect()),
            degraded: response.degraded.into_iter().map(Into::into).collect(),
        }
    }
}
