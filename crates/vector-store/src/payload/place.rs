//! Stored form of the message or the part of a document from which a context was made.

use context_manager_core::context::{Document, DocumentPart, Message};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredMessage {
    role: String,
    json: String,
}

impl From<Message> for StoredMessage {
    fn from(Message { role, json }: Message) -> Self {
        Self { role, json }
    }
}

impl From<StoredMessage> for Message {
    fn from(StoredMessage { role, json }: StoredMessage) -> Self {
        Self { role, json }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredPart {
    document: String,
    digest: String,
    index: u32,
    offset: u64,
    length: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<StoredDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    format: String,
    bytes: u64,
    parts: u32,
}

impl From<DocumentPart> for StoredPart {
    fn from(part: DocumentPart) -> Self {
        Self {
            document: part.document_id,
            digest: part.digest,
            index: part.index,
            offset: part.offset,
            length: part.length,
            headings: part.headings,
            first: part.document.map(|document| StoredDocument {
                title: document.title,
                format: document.format,
                bytes: document.bytes,
                parts: document.parts,
            }),
        }
    }
}

impl From<StoredPart> for DocumentPart {
    fn from(part: StoredPart) -> Self {
        Self {
            document_id: part.document,
            digest: part.digest,
            index: part.index,
            offset: part.offset,
            length: part.length,
            headings: part.headings,
            document: part.first.map(|document| Document {
                title: document.title,
                format: document.format,
                bytes: document.bytes,
                parts: document.parts,
            }),
        }
    }
}
