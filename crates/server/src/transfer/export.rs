//! Writing all contexts of a tenant as lines.

use std::io::{self, Write};
use std::sync::Arc;

use context_manager_core::{ContextEngine, Cursor, Error, ExportRequest, Scope};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::record::{LinesHash, context_line, header_line, trailer_line};

/// Contexts read at once: some hundred kilobytes, and 6 MiB at most.
const PAGE: usize = 100;

/// An export in progress.
#[derive(Debug)]
pub(crate) struct Export {
    engine: Arc<ContextEngine>,
    scope: Scope,
    with_vectors: bool,
    next: Next,
    lines: LinesHash,
    written: u64,
}

/// Next part of the export.
#[derive(Debug, Clone, Copy)]
enum Next {
    Header,
    Page { after: Option<Cursor>, end: Cursor },
    Trailer,
    Nothing,
}

impl Export {
    /// Begins an export of everything that is stored now.
    pub(crate) fn new(engine: Arc<ContextEngine>, scope: Scope, with_vectors: bool) -> Self {
        Self {
            engine,
            scope,
            with_vectors,
            next: Next::Header,
            lines: LinesHash::default(),
            written: 0,
        }
    }

    /// Returns the number of contexts written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Returns the next lines; `None` when all were written.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut chunk = Vec::new();
        match self.next {
            Next::Header => {
                let header = header_line(self.engine.model().await, self.with_vectors);
                self.push(&mut chunk, &header);
                let end = self.engine.export_end(&self.scope).await?;
                self.next = Next::Page { after: None, end };
            }
            Next::Page { after, end } => {
                let request = ExportRequest {
                    after,
                    end,
                    limit: PAGE,
                    with_vectors: self.with_vectors,
                };
                let page = self.engine.export(&self.scope, request).await?;
                for record in page.items {
                    self.push(&mut chunk, &context_line(record));
                    self.written += 1;
                }
                self.next = page
                    .next
                    .map_or(Next::Trailer, |next| Next::Page { after: Some(next), end });
            }
            Next::Trailer => {
                let trailer = trailer_line(self.written, &self.lines);
                self.push(&mut chunk, &trailer);
                self.next = Next::Nothing;
            }
            Next::Nothing => return Ok(None),
        }
        Ok(Some(chunk))
    }

    fn push(&mut self, chunk: &mut Vec<u8>, line: &[u8]) {
        self.lines.add(line);
        chunk.extend_from_slice(line);
        chunk.push(b'\n');
    }
}

/// Compresses chunk by chunk.
#[derive(Debug)]
pub(crate) struct Gzip(GzEncoder<Vec<u8>>);

impl Gzip {
    pub(crate) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }

    /// Compresses a chunk, and returns the bytes that are ready, possibly none.
    pub(crate) fn add(&mut self, chunk: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(chunk)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// Returns the rest.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        self.0.finish()
    }
}
