//! Documents: cut into parts, stored, replaced and deleted as wholes.

use std::collections::HashSet;

use futures::stream::TryStreamExt;
use sha2::{Digest, Sha256};

use super::contexts::Contexts;
use super::listing::{contexts, pages};
use super::locks::{Key, KeyedLocks};
use super::store::{Changer, Storing};
use crate::context::{Context, ContextId, Document, DocumentPart, MAX_ID_BYTES, NewContext, Violations};
use crate::document::{Format, MAX_DOCUMENT_BYTES, Size, cut};
use crate::ports::{ListRequest, Order, StoreError};
use crate::{Cursor, Error, Filter, Page, Scope, Visibility};

/// Maximum length of a title in bytes.
const MAX_TITLE_BYTES: usize = 1024;
/// Number of contexts that are read or deleted at once.
const PAGE: usize = 500;

/// Document to store.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// Id, chosen by the client or made for it; storing under it replaces the whole document.
    pub id: String,
    /// Text of at most [`MAX_DOCUMENT_BYTES`].
    pub text: String,
    /// Syntax of the text.
    pub format: Format,
    /// Title.
    pub title: Option<String>,
    /// Fields that all of its parts have, apart from their text.
    pub each: NewContext,
}

/// Document as contexts to store.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Id of the document.
    pub id: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Parts in order, the first with the document.
    pub contexts: Vec<NewContext>,
    digest: String,
}

/// Outcome of storing a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentStored {
    /// It is stored, in the place of the one with its id.
    Stored,
    /// It was stored before, with nothing different.
    Unchanged,
}

impl NewDocument {
    /// Returns everything that is wrong.
    fn validate(&self) -> Violations {
        let mut found = Violations::default();
        found.word("/id", &self.id, MAX_ID_BYTES);
        if let Some(title) = &self.title {
            found.word("/title", title, MAX_TITLE_BYTES);
        }
        if self.text.trim().is_empty() {
            found.invalid("/text", "must not be empty or blank");
        } else if self.text.contains('\0') {
            found.invalid("/text", "must not contain NUL (U+0000)");
        }
        found.limit_bytes("/text", "the document", self.text.len(), MAX_DOCUMENT_BYTES);
        let of_each = NewContext {
            text: "text".to_owned(),
            ..self.each.clone()
        };
        found.extend(of_each.validate(""));
        found
    }

    /// Cuts the document into the contexts to store. Takes a second for ten megabytes.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parts(self) -> Result<Parts, Error> {
        self.validate().into_result()?;
        let pieces = cut(&self.text, self.format, Size::default());
        if pieces.is_empty() {
            let mut found = Violations::default();
            found.invalid("/text", "must have a text beside its markup");
            return Err(found.into());
        }
        let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let digest = self.digest();
        let document = Document {
            title: self.title,
            format: self.format.as_str().to_owned(),
            bytes: self.text.len() as u64,
            parts: count,
        };
        let part = |(index, piece): (u32, crate::document::Piece)| NewContext {
            text: piece.text,
            part: Some(DocumentPart {
                document_id: self.id.clone(),
                digest: digest.clone(),
                index,
                offset: piece.offset as u64,
                length: u32::try_from(piece.length).unwrap_or(u32::MAX),
                headings: piece.headings,
                document: (index == 0).then(|| document.clone()),
            }),
            ..self.each.clone()
        };
        let contexts = (0..).zip(pieces).map(part).collect();
        Ok(Parts {
            bytes: document.bytes,
            contexts,
            id: self.id,
            digest,
        })
    }

    fn digest(&self) -> String {
        let each = NewContext {
            by: None,
            ..self.each.clone()
        };
        // The debug form names every field, also those that come later.
        let fields = format!("{:?} {:?} {:?}", self.format, self.title, each);
        let mut hash = Sha256::new();
        hash.update(fields);
        hash.update([0xff]);
        hash.update(&self.text);
        format!("{:x}", hash.finalize()).chars().take(32).collect()
    }
}

/// The documents of all tenants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Documents<'a> {
    pub(super) contexts: Contexts<'a>,
    pub(super) storing: Storing<'a>,
    pub(super) changer: Changer<'a>,
    /// Acquired before the locks of contexts.
    pub(super) locks: &'a KeyedLocks,
}

impl Documents<'_> {
    /// Stores a document in the place of the one with its id of the same user.
    ///
    /// The first part comes last: as long as it is missing or of another digest, the document is incomplete, and storing it
    /// again completes it. Of a failure nothing new stays.
    pub(super) async fn store(&self, scope: &Scope, parts: Parts) -> Result<DocumentStored, Error> {
        let _lock = self.locks.lock(scope.tenant(), [Key::Document(&parts.id)]).await;
        let user = parts.contexts.first().and_then(|first| first.user_id.clone());
        let stored = self.parts_of(scope, &parts.id, user.as_deref()).await?;
        let now = self.contexts.now();
        let is_current = |context: &&Context| {
            context.is_live(now) && context.part.as_ref().is_some_and(|part| part.digest == parts.digest)
        };
        if stored.iter().filter(is_current).count() == parts.contexts.len() && stored.len() == parts.contexts.len() {
            return Ok(DocumentStored::Unchanged);
        }
        let mut contexts = parts.contexts;
        let rest = contexts.split_off(1);
        let mut written = Vec::with_capacity(rest.len() + 1);
        for contexts in [rest, contexts] {
            let results = self.storing.store_many(scope, contexts, |_| "/text".to_owned()).await;
            let mut failed = None;
            for result in results {
                match result {
                    Ok(stored) => written.push((stored.context.id, stored.deduplicated)),
                    Err(error) => failed = Some(error),
                }
            }
            if let Some(error) = failed {
                let new = written
                    .into_iter()
                    .filter(|(_, was_there)| !was_there)
                    .map(|(id, _)| id);
                self.delete(scope, new.collect()).await?;
                return Err(error);
            }
        }
        let kept: HashSet<ContextId> = written.into_iter().map(|(id, _)| id).collect();
        let old = stored
            .into_iter()
            .map(|context| context.id)
            .filter(|id| !kept.contains(id));
        self.delete(scope, old.collect()).await?;
        Ok(DocumentStored::Stored)
    }

    /// Returns everything that is stored of a user's document.
    async fn parts_of(&self, scope: &Scope, id: &str, user: Option<&str>) -> Result<Vec<Context>, StoreError> {
        let request = ListRequest {
            filter: Filter {
                document_id: Some(id.to_owned()),
                user_id: user.map(str::to_owned),
                ..Filter::default()
            },
            limit: PAGE,
            ..ListRequest::default()
        };
        let records = pages(self.contexts.store, scope, request).try_concat().await?;
        let mut parts = contexts(records);
        parts.retain(|context| context.user_id.as_deref() == user);
        Ok(parts)
    }

    async fn delete(&self, scope: &Scope, ids: Vec<ContextId>) -> Result<(), StoreError> {
        for ids in ids.chunks(PAGE) {
            self.changer.delete(scope, &Filter::by_ids(ids.to_vec())).await?;
        }
        Ok(())
    }
}

/// Returns the parts before and behind a part of a document, in order, at most `count` on each side.
pub(super) async fn neighbours(
    at: Contexts<'_>,
    scope: &Scope,
    context: &Context,
    count: usize,
) -> Result<[Vec<Context>; 2], StoreError> {
    let Some(part) = context.part.as_ref().filter(|_| count > 0) else {
        return Ok([Vec::new(), Vec::new()]);
    };
    let of_document = Filter {
        document_id: Some(part.document_id.clone()),
        user_id: context.user_id.clone(),
        visibility: Visibility::Current(at.now()),
        ..Filter::default()
    };
    let read = async |order: Order, after: Option<Cursor>, documents: bool| {
        let request = ListRequest {
            filter: Filter {
                documents,
                ..of_document.clone()
            },
            order,
            after,
            limit: count,
            ..ListRequest::default()
        };
        Ok::<_, StoreError>(contexts(at.store.list(scope, request).await?.items))
    };
    let here = Some(Cursor(context.sequence));
    let index = |context: &Context| context.part.as_ref().map_or(0, |part| part.index);
    // The first part is stored last.
    let mut found = read(Order::OldestFirst, here.filter(|_| part.index > 0), false).await?;
    if part.index > 0 {
        found.extend(read(Order::NewestFirst, here, false).await?);
    }
    if (1..=count).contains(&(part.index as usize)) {
        found.extend(read(Order::NewestFirst, None, true).await?);
    }
    found.retain(|other| {
        let is_near = index(other).abs_diff(part.index) as usize <= count && index(other) != part.index;
        is_near && other.part.as_ref().is_some_and(|other| other.digest == part.digest)
    });
    found.sort_by_key(index);
    found.dedup_by_key(|other| index(other));
    let behind = found.split_off(found.partition_point(|other| index(other) < part.index));
    Ok([found, behind])
}

/// Returns one page of the first parts of matching documents, newest first.
pub(super) async fn list(
    at: Contexts<'_>,
    scope: &Scope,
    filter: Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<Context>, StoreError> {
    let filter = Filter {
        documents: true,
        ..filter
    };
    super::reader::list(at, scope, filter, false, after, limit).await
}
