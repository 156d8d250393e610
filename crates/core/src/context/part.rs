//! Parts of documents.

/// Place of a context in the document from which it was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPart {
    /// Id of the document.
    pub document_id: String,
    /// SHA-256 of everything that storing the document depends on, its first half in hexadecimal: parts of another digest are
    /// left over from another version.
    pub digest: String,
    /// Number of the part, from 0.
    pub index: u32,
    /// Offset of its first byte in the document.
    pub offset: u64,
    /// Length in bytes, in the document.
    pub length: u32,
    /// Titles of the sections around it, the outermost first.
    pub headings: Vec<String>,
    /// The document; only in its first part.
    pub document: Option<Document>,
}

/// Document that was cut into parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Title, if it was given.
    pub title: Option<String>,
    /// Name of its format.
    pub format: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Number of its parts.
    pub parts: u32,
}
