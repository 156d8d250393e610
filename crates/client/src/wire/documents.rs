//! Documents.

use context_manager_core::document as domain;
use context_manager_core::{Context as Part, Moment, NewDocument};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::context::{Context, NewContext, Origin};
use super::metadata::Metadata;
use super::time::Time;

/// Syntax of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DocumentFormat {
    /// `CommonMark` with tables and front matter.
    Markdown,
    /// Paragraphs separated by blank lines.
    Text,
    /// HTML, of which only the text is kept.
    Html,
    /// Source code of any language.
    Code,
}

/// A document to store. What it has beside its text, all of its parts have.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DocumentBody {
    /// Id chosen by the client. Storing under it replaces the whole document. Default: a new one.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The document, at most 10 MiB, without NUL.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, example = "# Tea\n\nAnn likes green tea.")
    )]
    pub text: String,
    /// Syntax of the text.
    pub format: DocumentFormat,
    /// Title.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// BCP 47 tag of the language of the text. Default: detected part by part.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// User it belongs to.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Agent it belongs to.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Path in the tenant's tree of scopes.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Tags to filter by.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Any JSON object.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Map<String, serde_json::Value>>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Importance. Default 0.5.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance: Option<f32>,
    /// Seconds until it expires.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_153_600_000_u64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u64>,
    /// Time of the event. Default now.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Time>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Time<Moment>>,
    /// Source of the text. Default `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl DocumentBody {
    /// Builds a document with nothing but its text.
    pub fn new(text: impl Into<String>, format: DocumentFormat) -> Self {
        Self {
            id: None,
            text: text.into(),
            format,
            title: None,
            language: None,
            user_id: None,
            agent_id: None,
            scope: None,
            tags: None,
            metadata: None,
            importance: None,
            ttl_secs: None,
            occurred_at: None,
            origin: None,
        }
    }
}

impl From<DocumentBody> for NewDocument {
    fn from(body: DocumentBody) -> Self {
        let each = NewContext {
            user_id: body.user_id,
            agent_id: body.agent_id,
            scope: body.scope,
            origin: body.origin,
            language: body.language,
            tags: body.tags,
            metadata: body.metadata,
            importance: body.importance,
            ttl_secs: body.ttl_secs,
            occurred_at: body.occurred_at,
            ..NewContext::default()
        };
        Self {
            id: body.id.unwrap_or_else(|| Uuid::now_v7().to_string()),
            text: body.text,
            format: match body.format {
                DocumentFormat::Markdown => domain::Format::Markdown,
                DocumentFormat::Text => domain::Format::Text,
                DocumentFormat::Html => domain::Format::Html,
                DocumentFormat::Code => domain::Format::Code,
            },
            title: body.title,
            each: each.into(),
        }
    }
}

/// A document that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredDocument {
    /// Its id.
    pub id: String,
    /// Number of contexts into which it was cut.
    pub contexts: u64,
    /// Number of its bytes.
    pub bytes: u64,
}

/// A document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentSummary {
    /// Its id.
    pub id: String,
    /// Its title.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub title: Option<String>,
    /// Syntax of its text.
    pub format: String,
    /// Number of its bytes.
    pub bytes: u64,
    /// Number of contexts into which it was cut.
    pub contexts: u32,
    /// User it belongs to.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user_id: Option<String>,
    /// Agent it belongs to.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub agent_id: Option<String>,
    /// Path of its scope.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub scope: Option<String>,
    /// Tags of its parts.
    pub tags: Vec<String>,
    /// Time of storing.
    pub created_at: Time,
}

impl DocumentSummary {
    /// Builds the summary from the first part of a document; `None` for any other context.
    pub fn of(first: Part) -> Option<Self> {
        let part = first.part?;
        let document = part.document?;
        Some(Self {
            id: part.document_id,
            title: document.title,
            format: document.format,
            bytes: document.bytes,
            contexts: document.parts,
            user_id: first.user_id,
            agent_id: first.agent_id,
            scope: first.scope,
            tags: first.tags,
            created_at: Time(first.created_at),
        })
    }
}

/// One page of documents, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentPage {
    /// Documents of the page.
    pub documents: Vec<DocumentSummary>,
    /// Value of `cursor` for the next page; `null` on the last one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// Parts around one of a document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Neighbours {
    /// Parts before it, in order.
    pub before: Vec<Context>,
    /// Parts behind it, in order.
    pub after: Vec<Context>,
}
