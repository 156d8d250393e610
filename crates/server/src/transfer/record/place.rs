//! The message or the part of a document from which a context was made, as an export has it.

use context_manager_core::context::{Document, DocumentPart, Message};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageLine {
    role: String,
    /// The message as it was sent, as a string: all its bytes come back.
    json: String,
}

impl From<Message> for MessageLine {
    fn from(Message { role, json }: Message) -> Self {
        Self { role, json }
    }
}

impl From<MessageLine> for Message {
    fn from(MessageLine { role, json }: MessageLine) -> Self {
        Self { role, json }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartLine {
    document_id: String,
    digest: String,
    index: u32,
    offset: u64,
    length: u32,
    headings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<DocumentLine>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentLine {
    title: Option<String>,
    format: String,
    bytes: u64,
    parts: u32,
}

impl From<DocumentPart> for PartLine {
    fn from(part: DocumentPart) -> Self {
        let document = part.document.map(|document| DocumentLine {
            title: document.title,
            format: document.format,
            bytes: document.bytes,
            parts: document.parts,
        });
        Self {
            document_id: part.document_id,
            digest: part.digest,
            index: part.index,
            offset: part.offset,
            length: part.length,
            headings: part.headings,
            document,
        }
    }
}

impl From<PartLine> for DocumentPart {
    fn from(part: PartLine) -> Self {
        let document = part.document.map(|document| Document {
            title: document.title,
            format: document.format,
            bytes: document.bytes,
            parts: document.parts,
        });
        Self {
            document_id: part.document_id,
            digest: part.digest,
            index: part.index,
            offset: part.offset,
            length: part.length,
            headings: part.headings,
            document,
        }
    }
}
