//! Places of an extracted text in its source.

use std::ops::Range;

/// Runs of a text that come from one place of the source, in order.
#[derive(Debug, Default)]
pub(super) struct SourceMap {
    runs: Vec<Run>,
}

/// Run of a text. With the same length in the source it is the same bytes there.
#[derive(Debug)]
struct Run {
    text: Range<usize>,
    source: Range<usize>,
}

impl Run {
    fn is_verbatim(&self) -> bool {
        self.text.len() == self.source.len()
    }
}

impl SourceMap {
    /// Adds a run, or lengthens the last one that it follows in both.
    pub(super) fn add(&mut self, text: Range<usize>, source: Range<usize>) {
        let run = Run { text, source };
        match self.runs.last_mut() {
            Some(last)
                if last.text.end == run.text.start
                    && last.source.end == run.source.start
                    && last.is_verbatim()
                    && run.is_verbatim() =>
            {
                last.text.end = run.text.end;
                last.source.end = run.source.end;
            }
            _ => self.runs.push(run),
        }
    }

    /// Removes what lies beyond the first `length` bytes of the text.
    pub(super) fn truncate(&mut self, length: usize) {
        while self.runs.pop_if(|run| run.text.start >= length).is_some() {}
        if let Some(last) = self.runs.last_mut() {
            let cut = last.text.end.saturating_sub(length);
            if last.is_verbatim() {
                last.source.end -= cut;
            }
            last.text.end -= cut;
        }
    }

    /// Returns the part of the source from which a range of the text comes.
    pub(super) fn source(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.runs.partition_point(|run| run.text.end <= range.start);
        let after = self.runs.partition_point(|run| run.text.start < range.end);
        let start = self.runs.get(first).map_or(0, |run| {
            let skipped = range.start.saturating_sub(run.text.start);
            run.source.start + if run.is_verbatim() { skipped } else { 0 }
        });
        let end = self.runs[..after].last().map_or(start, |run| {
            let left = run.text.end.saturating_sub(range.end);
            run.source.end - if run.is_verbatim() { left } else { 0 }
        });
        start..end.max(start)
    }
}
