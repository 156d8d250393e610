//! Queries of searches: a text, or the messages of a conversation.

use std::fmt;

use context_manager_core::Violations;
use context_manager_core::context::message_text;
use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Query {
    /// A text.
    Text(String),
    /// Messages of a conversation, oldest first. The last message of the user is the question; those before it help where it
    /// does not stand alone.
    Messages(Vec<QueryMessage>),
}

/// A message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueryMessage {
    /// Role of its author.
    pub role: String,
    /// A string, or a list of content parts.
    #[serde(default)]
    pub content: Value,
    /// Its other fields, which the search passes over.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(additional_properties))]
    pub other: Map<String, Value>,
}

impl Default for Query {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<String> for Query {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Query {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Query {
    /// Returns the question, and the texts before it. Problems are added to `found`.
    pub(super) fn into_texts(self, found: &mut Violations) -> (String, Vec<String>) {
        let mut messages = match self {
            Self::Text(text) => return (text, Vec::new()),
            Self::Messages(messages) => messages,
        };
        let question = messages.iter().rposition(|message| message.role == "user");
        let Some(question) = question.or(messages.len().checked_sub(1)) else {
            found.invalid("/query", "must have a message");
            return (String::new(), Vec::new());
        };
        messages.truncate(question + 1);
        let text = messages.pop().map(|message| message_text(&message.content));
        // Instructions and the output of tools say little of what is meant.
        messages.retain(|message| matches!(message.role.as_str(), "user" | "assistant"));
        let earlier = messages.iter().map(|message| message_text(&message.content));
        let earlier = earlier.filter(|text| !text.trim().is_empty());
        (text.unwrap_or_default(), earlier.collect())
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrMessages;

        impl<'de> Visitor<'de> for TextOrMessages {
            type Value = Query;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or a list of messages")
            }

            fn visit_str<E>(self, text: &str) -> Result<Query, E> {
                Ok(Query::from(text))
            }

            fn visit_string<E>(self, text: String) -> Result<Query, E> {
                Ok(Query::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, messages: A) -> Result<Query, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(messages)).map(Query::Messages)
            }
        }

        deserializer.deserialize_any(TextOrMessages)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Query {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};

        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(32_768))
            .examples(["Which theme does the user like?"]);
        let messages = ArrayBuilder::new().items(QueryMessage::schema()).min_items(Some(1));
        Schema::from(OneOfBuilder::new().item(text).item(messages)).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Query {}
