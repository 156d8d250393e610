//! Lines of an export: a header, a record for each context, and a trailer.
//!
//! ```text
//! {"header":{"format":1,"model":{…},"vectors":false}}
//! {"context":{…},"sha256":"…"}
//! {"trailer":{"contexts":1,"sha256":"…"}}
//! ```
//!
//! The checksum of a record is the hash of its JSON as written in the line. The trailer's is the hash of the concatenated
//! hashes of all lines before it, without line ends. Lines hold neither time nor origin of the export, so that the same
//! contexts give the same bytes.

mod place;
mod versions;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use context_manager_client::wire::{EmbeddingStatus, Level, Metadata, Origin, Similar, Time};
use context_manager_core::context::{Revision, SessionTrack, Superseded, TextLanguage};
use context_manager_core::ports::ModelFingerprint;
use context_manager_core::{Context, ContextId, ExportRecord, Moment};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::http::{Code, Problem, read_text};
use place::{MessageLine, PartLine};
use versions::{RevisionLine, VersionLine};

/// Format that this version writes, and the newest it reads.
const FORMAT: u32 = 1;

/// Maximum offset in a session that is read, which leaves room for further contexts.
const MAX_POSITION: u32 = u32::MAX / 2;

/// A parsed line of an export.
#[derive(Debug)]
pub(crate) enum Line {
    /// The header, in a format that this version reads.
    Header,
    /// The record of a context.
    Context(Box<ExportRecord>),
    /// The trailer.
    Trailer(Trailer),
}

/// Header of an export.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    /// Model in use when the export began.
    model: ModelFingerprint,
    /// True if contexts have their vectors.
    vectors: bool,
}

/// Trailer of an export, which proves it complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trailer {
    pub(crate) contexts: u64,
    pub(crate) sha256: String,
}

/// Checksum of all lines so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinesHash(Sha256);

impl LinesHash {
    /// Adds a line without its end.
    pub(crate) fn add(&mut self, line: &[u8]) {
        self.0.update(Sha256::digest(line));
    }

    pub(crate) fn hex(&self) -> String {
        hex(&self.0.clone().finalize())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyLine<'a> {
    #[serde(borrow)]
    header: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    sha256: Option<String>,
    #[serde(borrow)]
    trailer: Option<&'a RawValue>,
}

/// Record of a context.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextLine {
    id: Uuid,
    text: String,
    level: Level,
    user_id: Option<String>,
    agent_id: Option<String>,
    session_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Absent in exports of servers without origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<MessageLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<PartLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<RevisionLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<VersionLine>,
    /// As it was given; a detected one is detected again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    tags: Vec<String>,
    metadata: Metadata,
    importance: f32,
    pinned: bool,
    access_count: u64,
    occurred_at: Time<Moment>,
    created_at: Time,
    updated_at: Time,
    last_accessed_at: Option<Time>,
    expires_at: Option<Time>,
    ttl_secs: Option<u64>,
    embedding_status: EmbeddingStatus,
    derived_from: Vec<Uuid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    similar_to: Vec<Similar>,
    superseded_by: Option<SupersededLine>,
    /// Sequence number among all contexts.
    sequence: u64,
    /// Offset in its session.
    position: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vector: Option<VectorLine>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SupersededLine {
    by: Uuid,
    at: Time,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorLine {
    model: ModelFingerprint,
    /// Little-endian 32-bit floats, in base64.
    values: String,
}

/// The first line of an export.
pub(crate) fn header_line(model: ModelFingerprint, vectors: bool) -> Vec<u8> {
    let header = Header {
        format: FORMAT,
        model,
        vectors,
    };
    json(&serde_json::json!({ "header": header }))
}

/// A context's line.
pub(crate) fn context_line(record: ExportRecord) -> Vec<u8> {
    let context = json(&ContextLine::from(record));
    let sum = hex(&Sha256::digest(&context));
    let mut line = Vec::with_capacity(context.len() + 100);
    line.extend_from_slice(b"{\"context\":");
    line.extend_from_slice(&context);
    line.extend_from_slice(b",\"sha256\":\"");
    line.extend_from_slice(sum.as_bytes());
    line.extend_from_slice(b"\"}");
    line
}

/// The last line of an export.
pub(crate) fn trailer_line(contexts: u64, lines: &LinesHash) -> Vec<u8> {
    let trailer = Trailer {
        contexts,
        sha256: lines.hex(),
    };
    json(&serde_json::json!({ "trailer": trailer }))
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// The problem with it, with pointers to fields.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(line)
            .map_err(|_| Problem::new(Code::InvalidJson).with_detail("the line is not UTF-8"))?;
        let any: AnyLine<'_> = read_text("", text)?;
        match (any.header, any.context, any.sha256, any.trailer) {
            (Some(header), None, None, None) => check_header(header).map(|()| Self::Header),
            (None, None, None, Some(trailer)) => read_text("/trailer", trailer.get()).map(Self::Trailer),
            (None, Some(context), Some(sum), None) => {
                if !sum.eq_ignore_ascii_case(&hex(&Sha256::digest(context.get()))) {
                    return Err(Problem::invalid_field(
                        "/sha256",
                        "is not the checksum of the context: the line was changed or damaged",
                    ));
                }
                let context: ContextLine = read_text("/context", context.get())?;
                Ok(Self::Context(Box::new(context.into_carried()?)))
            }
            _ => Err(Problem::new(Code::InvalidRequest).with_detail(
                "the line is not one of an export, which are a header, contexts with their checksums, and a trailer",
            )),
        }
    }
}

fn check_header(header: &RawValue) -> Result<(), Problem> {
    let header: Header = read_text("/header", header.get())?;
    if header.format > FORMAT {
        let detail = format!("is {}, and this version reads formats up to {FORMAT}", header.format);
        return Err(Problem::invalid_field("/header/format", detail));
    }
    Ok(())
}

impl From<ExportRecord> for ContextLine {
    fn from(ExportRecord { context, vector }: ExportRecord) -> Self {
        let track = context.session_id.as_deref().map(SessionTrack::new);
        Self {
            id: context.id.0,
            level: context.level.into(),
            importance: context.importance,
            pinned: context.pinned,
            access_count: context.access_count,
            occurred_at: Time(context.occurred_at),
            created_at: Time(context.created_at),
            updated_at: Time(context.updated_at),
            last_accessed_at: context.last_accessed_at.map(Time),
            expires_at: context.expires_at.map(Time),
            ttl_secs: context.ttl_secs,
            embedding_status: if context.embedded {
                EmbeddingStatus::Ready
            } else {
                EmbeddingStatus::Pending
            },
            derived_from: context.derived_from.into_iter().map(|id| id.0).collect(),
            similar_to: context.similar_to.into_iter().map(Into::into).collect(),
            superseded_by: context.superseded_by.map(|superseded| SupersededLine {
                by: superseded.by.0,
                at: Time(superseded.at),
            }),
            sequence: context.sequence,
            position: track.zip(context.slot).map(|(track, slot)| track.position(slot)),
            vector: vector.map(|(model, values)| VectorLine {
                model,
                values: STANDARD.encode(values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>()),
            }),
            language: context
                .language
                .filter(|language| !language.detected)
                .map(|language| language.tag),
            scope: context.scope,
            key: context.key,
            origin: Some(context.origin.into()),
            message: context.message.map(Into::into),
            part: context.part.map(Into::into),
            revision: Some(context.revision.into()),
            history: context.history.into_iter().map(Into::into).collect(),
            text: context.text,
            user_id: context.user_id,
            agent_id: context.agent_id,
            session_id: context.session_id,
            tags: context.tags,
            metadata: Metadata(context.metadata),
        }
    }
}

impl ContextLine {
    fn into_carried(self) -> Result<ExportRecord, Problem> {
        let track = self.session_id.as_deref().map(SessionTrack::new);
        let vector = self.vector.map(VectorLine::read).transpose()?;
        if self.position.is_some_and(|position| position > MAX_POSITION) {
            let detail = format!("must be a whole number from 0 to {MAX_POSITION}");
            return Err(Problem::invalid_field("/context/position", detail));
        }
        let context = Context {
            id: ContextId(self.id),
            level: self.level.into(),
            importance: self.importance,
            pinned: self.pinned,
            // Counted when it is stored.
            token_count: 0,
            access_count: self.access_count,
            occurred_at: self.occurred_at.0,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            last_accessed_at: self.last_accessed_at.map(|time| time.0),
            expires_at: self.expires_at.map(|time| time.0),
            ttl_secs: self.ttl_secs,
            embedded: matches!(self.embedding_status, EmbeddingStatus::Ready),
            derived_from: self.derived_from.into_iter().map(ContextId).collect(),
            similar_to: self.similar_to.into_iter().map(Into::into).collect(),
            superseded_by: self.superseded_by.map(|superseded| Superseded {
                by: ContextId(superseded.by),
                at: superseded.at.0,
            }),
            sequence: self.sequence,
            slot: track.zip(self.position).map(|(track, position)| track.slot(position)),
            language: self.language.map(|tag| TextLanguage { tag, detected: false }),
            scope: self.scope,
            key: self.key,
            origin: self.origin.unwrap_or(Origin::Import).into(),
            message: self.message.map(Into::into),
            part: self.part.map(Into::into),
            revision: match self.revision {
                Some(revision) => revision.into(),
                None => Revision::first(self.created_at.0, None),
            },
            history: self.history.into_iter().map(Into::into).collect(),
            text: self.text,
            user_id: self.user_id,
            agent_id: self.agent_id,
            session_id: self.session_id,
            tags: self.tags,
            metadata: self.metadata.0,
        };
        Ok(ExportRecord { context, vector })
    }
}

impl VectorLine {
    fn read(self) -> Result<(ModelFingerprint, Vec<f32>), Problem> {
        let wrong = || Problem::invalid_field("/context/vector/values", "expected 32-bit floats in base64");
        let bytes = STANDARD.decode(self.values).map_err(|_| wrong())?;
        let (floats, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            return Err(wrong());
        }
        let values = floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok((self.model, values))
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings, numbers and maps of strings always serialise")
}

fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    bytes.iter().flat_map(digits).collect()
}

#[cfg(test)]
mod tests;
