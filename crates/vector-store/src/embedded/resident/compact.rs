//! A context as a few hundred bytes: what a search needs of it, to be decoded for the candidates alone.

use context_manager_core::Moment;
use context_manager_core::context::{
    Change, Context, ContextId, Document, DocumentPart, Level, Message, Origin, Revision, Similar, Superseded,
    TextLanguage,
};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::BoxError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Bytes of a term and its weight.
const TERM: usize = size_of::<u32>() + size_of::<f32>();

/// The fields of a context but its user, whom it shares with its neighbours in memory.
#[derive(Debug, Serialize, Deserialize)]
struct Compact<'a> {
    id: Uuid,
    text: &'a str,
    level: usize,
    agent: Option<&'a str>,
    session: Option<&'a str>,
    language: Option<(&'a str, bool)>,
    tags: Vec<&'a str>,
    /// JSON; empty for none.
    metadata: &'a [u8],
    importance: f32,
    pinned: bool,
    tokens: u32,
    accesses: u64,
    occurred: i64,
    created: i64,
    updated: i64,
    accessed: Option<i64>,
    expires: Option<i64>,
    ttl: Option<u64>,
    embedded: bool,
    derived: Vec<Uuid>,
    similar: Vec<(Uuid, f32)>,
    superseded: Option<(Uuid, i64)>,
    sequence: u64,
    slot: Option<i64>,
    scope: Option<&'a str>,
    key: Option<&'a str>,
    origin: usize,
    role: Option<&'a str>,
    part: Option<Part<'a>>,
    version: u32,
    changed: i64,
    by: Option<&'a str>,
    change: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part<'a> {
    document: &'a str,
    digest: &'a str,
    index: u32,
    offset: u64,
    length: u32,
    headings: Vec<&'a str>,
    #[serde(borrow)]
    first: Option<(Option<&'a str>, &'a str, u64, u32)>,
}

/// Encodes a context, without its earlier versions and the JSON of its message.
pub(super) fn encode(context: &Context) -> Result<Vec<u8>, BoxError> {
    let metadata = if context.metadata.is_empty() {
        Vec::new()
    } else {
        serde_json::to_vec(&context.metadata)?
    };
    let compact = Compact {
        id: context.id.0,
        text: &context.text,
        level: context.level.index(),
        agent: context.agent_id.as_deref(),
        session: context.session_id.as_deref(),
        language: context
            .language
            .as_ref()
            .map(|language| (language.tag.as_str(), language.detected)),
        tags: context.tags.iter().map(String::as_str).collect(),
        metadata: &metadata,
        importance: context.importance,
        pinned: context.pinned,
        tokens: context.token_count,
        accesses: context.access_count,
        occurred: context.occurred_at.as_millisecond(),
        created: context.created_at.as_millisecond(),
        updated: context.updated_at.as_millisecond(),
        accessed: context.last_accessed_at.map(Timestamp::as_millisecond),
        expires: context.expires_at.map(Timestamp::as_millisecond),
        ttl: context.ttl_secs,
        embedded: context.embedded,
        derived: context.derived_from.iter().map(|id| id.0).collect(),
        similar: context
            .similar_to
            .iter()
            .map(|one| (one.id.0, one.similarity))
            .collect(),
        superseded: context
            .superseded_by
            .map(|superseded| (superseded.by.0, superseded.at.as_millisecond())),
        sequence: context.sequence,
        slot: context.slot,
        scope: context.scope.as_deref(),
        key: context.key.as_deref(),
        origin: context.origin.index(),
        role: context.message.as_ref().map(|message| message.role.as_str()),
        part: context.part.as_ref().map(|part| Part {
            document: &part.document_id,
            digest: &part.digest,
            index: part.index,
            offset: part.offset,
            length: part.length,
            headings: part.headings.iter().map(String::as_str).collect(),
            first: part.document.as_ref().map(|document| {
                let Document {
                    title,
                    format,
                    bytes,
                    parts,
                } = document;
                (title.as_deref(), format.as_str(), *bytes, *parts)
            }),
        }),
        version: context.revision.version,
        changed: context.revision.at.as_millisecond(),
        by: context.revision.by.as_deref(),
        change: Change::ALL
            .iter()
            .position(|change| *change == context.revision.change)
            .unwrap_or(0),
    };
    Ok(postcard::to_allocvec(&compact)?)
}

/// Decodes a context of this user.
pub(super) fn decode(user: Option<&str>, bytes: &[u8]) -> Result<Context, BoxError> {
    let compact: Compact<'_> = postcard::from_bytes(bytes)?;
    let metadata: Map<String, Value> = if compact.metadata.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(compact.metadata)?
    };
    let time = Timestamp::from_millisecond;
    let superseded = compact.superseded;
    Ok(Context {
        id: ContextId(compact.id),
        text: compact.text.to_owned(),
        level: *Level::ALL.get(compact.level).ok_or("a level out of range")?,
        user_id: user.map(str::to_owned),
        agent_id: compact.agent.map(str::to_owned),
        session_id: compact.session.map(str::to_owned),
        language: compact.language.map(|(tag, detected)| TextLanguage {
            tag: tag.to_owned(),
            detected,
        }),
        tags: compact.tags.into_iter().map(str::to_owned).collect(),
        metadata,
        importance: compact.importance,
        pinned: compact.pinned,
        token_count: compact.tokens,
        access_count: compact.accesses,
        occurred_at: Moment::from_millisecond(compact.occurred),
        created_at: time(compact.created)?,
        updated_at: time(compact.updated)?,
        last_accessed_at: compact.accessed.map(time).transpose()?,
        expires_at: compact.expires.map(time).transpose()?,
        ttl_secs: compact.ttl,
        embedded: compact.embedded,
        derived_from: compact.derived.into_iter().map(ContextId).collect(),
        similar_to: compact
            .similar
            .into_iter()
            .map(|(id, similarity)| Similar {
                id: ContextId(id),
                similarity,
            })
            .collect(),
        superseded_by: match superseded {
            Some((by, at)) => Some(Superseded {
                by: ContextId(by),
                at: time(at)?,
            }),
            None => None,
        },
        sequence: compact.sequence,
        slot: compact.slot,
        scope: compact.scope.map(str::to_owned),
        key: compact.key.map(str::to_owned),
        origin: *Origin::ALL.get(compact.origin).ok_or("an origin out of range")?,
        message: compact.role.map(|role| Message {
            role: role.to_owned(),
            json: String::new(),
        }),
        part: compact.part.map(|part| DocumentPart {
            document_id: part.document.to_owned(),
            digest: part.digest.to_owned(),
            index: part.index,
            offset: part.offset,
            length: part.length,
            headings: part.headings.into_iter().map(str::to_owned).collect(),
            document: part.first.map(|(title, format, bytes, parts)| Document {
                title: title.map(str::to_owned),
                format: format.to_owned(),
                bytes,
                parts,
            }),
        }),
        revision: Revision {
            version: compact.version,
            at: time(compact.changed)?,
            by: compact.by.map(str::to_owned),
            change: *Change::ALL.get(compact.change).ok_or("a change out of range")?,
        },
        history: Vec::new(),
    })
}

/// Encodes terms and their weights, each as two words of four bytes.
pub(super) fn encode_terms(terms: &SparseVector) -> Vec<u8> {
    let words = terms
        .iter()
        .flat_map(|(term, weight)| [term.to_le_bytes(), weight.to_le_bytes()]);
    words.flatten().collect()
}

/// Iterates over encoded terms.
pub(super) fn terms(bytes: &[u8]) -> impl Iterator<Item = (u32, f32)> {
    let word = |bytes: &[u8]| bytes.try_into().unwrap_or_default();
    bytes.chunks_exact(TERM).map(move |pair| {
        (
            u32::from_le_bytes(word(&pair[..4])),
            f32::from_le_bytes(word(&pair[4..])),
        )
    })
}

/// Decodes terms.
pub(super) fn decode_terms(bytes: &[u8]) -> SparseVector {
    let (indices, values) = terms(bytes).unzip();
    SparseVector { indices, values }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_comes_back() {
        let now = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let context = Context {
            level: Level::ShortTerm,
            user_id: Some("ann".to_owned()),
            agent_id: Some("bot".to_owned()),
            session_id: Some("s".to_owned()),
            language: Some(TextLanguage {
                tag: "pt-BR".to_owned(),
                detected: true,
            }),
            tags: vec!["a".to_owned(), "b".to_owned()],
            metadata: [("k".to_owned(), json!({"deep": [1, 2.5, null]}))]
                .into_iter()
                .collect(),
            importance: 0.25,
            pinned: true,
            token_count: 7,
            access_count: 3,
            occurred_at: Moment::from_millisecond(-5),
            created_at: now,
            updated_at: now,
            last_accessed_at: Some(now),
            expires_at: Some(now),
            ttl_secs: Some(60),
            embedded: true,
            derived_from: vec![ContextId::generate()],
            similar_to: vec![Similar {
                id: ContextId::generate(),
                similarity: 0.5,
            }],
            superseded_by: Some(Superseded {
                by: ContextId::generate(),
                at: now,
            }),
            sequence: u64::MAX,
            slot: Some(i64::MIN),
            scope: Some("org/acme".to_owned()),
            key: Some("theme".to_owned()),
            origin: Origin::Tool,
            message: Some(Message {
                role: "tool".to_owned(),
                json: String::new(),
            }),
            part: Some(DocumentPart {
                document_id: "d".to_owned(),
                digest: "ff".to_owned(),
                index: 1,
                offset: 5,
                length: 6,
                headings: vec!["One".to_owned()],
                document: Some(Document {
                    title: None,
                    format: "text".to_owned(),
                    bytes: 9,
                    parts: 2,
                }),
            }),
            revision: Revision {
                version: 3,
                at: now,
                by: Some("key".to_owned()),
                change: Change::Replaced,
            },
            ..Context::new("Olá, 世界")
        };
        let bytes = encode(&context).unwrap();
        assert_eq!(decode(Some("ann"), &bytes).unwrap(), context);
        let terms = SparseVector::new([(7, 1.5), (u32::MAX, -0.25)]);
        assert_eq!(decode_terms(&encode_terms(&terms)), terms);
    }
}
