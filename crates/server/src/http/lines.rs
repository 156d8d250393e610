//! Splits a body into lines as it arrives, compressed or not: neither a long body nor a small one that expands to a long one
//! takes more memory than a few lines.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

/// Compressed bytes that are expanded at once, to at most a thousand times as many.
const COMPRESSED_PIECE: usize = 1024;

/// A line of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyLine {
    /// Without its end.
    Whole(Vec<u8>),
    /// It was longer than allowed and is not kept.
    TooLong,
}

/// The body is not what its encoding says.
#[derive(Debug, thiserror::Error)]
#[error("the body is not gzip, or ends in its middle")]
pub(crate) struct BadStream(#[from] io::Error);

/// Splits a body into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    gzip: Option<MultiGzDecoder<Vec<u8>>>,
    /// The beginning of the line that is not whole yet.
    begun: Vec<u8>,
    /// True if that line is too long already.
    too_long: bool,
    max_bytes: usize,
}

impl Lines {
    /// Creates a reader of lines of at most `max_bytes`, compressed by gzip or not at all.
    pub(crate) fn new(gzip: bool, max_bytes: usize) -> Self {
        Self {
            gzip: gzip.then(|| MultiGzDecoder::new(Vec::new())),
            begun: Vec::new(),
            too_long: false,
            max_bytes,
        }
    }

    /// Takes the beginning of the next piece of the body, and returns the rest of the piece and the lines completed so far.
    /// Skips empty lines.
    pub(crate) fn take<'a>(&mut self, piece: &'a [u8]) -> Result<(&'a [u8], Vec<BodyLine>), BadStream> {
        let Some(decoder) = &mut self.gzip else {
            return Ok((&[], self.split(piece)));
        };
        let (now, later) = piece.split_at(piece.len().min(COMPRESSED_PIECE));
        decoder.write_all(now)?;
        // Hands over the bytes expanded so far.
        decoder.flush()?;
        let expanded = std::mem::take(decoder.get_mut());
        Ok((later, self.split(&expanded)))
    }

    /// Returns the last line when the body has ended, if the line has no end.
    pub(crate) fn finish(mut self) -> Result<Vec<BodyLine>, BadStream> {
        let mut lines = Vec::new();
        if let Some(mut decoder) = self.gzip.take() {
            decoder.try_finish()?;
            let expanded = std::mem::take(decoder.get_mut());
            lines.extend(self.split(&expanded));
        }
        lines.extend(self.end_line());
        Ok(lines)
    }

    fn split(&mut self, bytes: &[u8]) -> Vec<BodyLine> {
        let mut lines = Vec::new();
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            if self.begun.len() + part.len() > self.max_bytes {
                self.too_long = true;
                self.begun = Vec::new();
            } else if !self.too_long {
                self.begun.extend_from_slice(part);
            }
            if parts.peek().is_some() {
                lines.extend(self.end_line());
            }
        }
        lines
    }

    fn end_line(&mut self) -> Option<BodyLine> {
        let mut line = std::mem::take(&mut self.begun);
        if std::mem::take(&mut self.too_long) {
            return Some(BodyLine::TooLong);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        (!line.is_empty()).then_some(BodyLine::Whole(line))
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn lines(gzip: bool, max_bytes: usize, pieces: &[&[u8]]) -> Result<Vec<String>, BadStream> {
        let mut reader = Lines::new(gzip, max_bytes);
        let mut found = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let (later, some) = reader.take(rest)?;
                found.extend(some);
                rest = later;
            }
        }
        found.extend(reader.finish()?);
        let text = |line| match line {
            BodyLine::Whole(line) => String::from_utf8(line).unwrap(),
            BodyLine::TooLong => "too long".to_owned(),
        };
        Ok(found.into_iter().map(text).collect())
    }

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn lines_are_put_together_wherever_the_body_is_cut() {
        let body = b"first\r\n\nsecond line\nthird";
        for at in 0..body.len() {
            let (a, b) = body.split_at(at);
            assert_eq!(
                lines(false, 100, &[a, b]).unwrap(),
                ["first", "second line", "third"],
                "{at}"
            );
        }
    }

    #[test]
    fn a_line_that_is_too_long_loses_no_other() {
        let body = b"12345\n123456\n1234567890123\n12\n";
        for at in 0..body.len() {
            let (a, b) = body.split_at(at);
            assert_eq!(
                lines(false, 5, &[a, b]).unwrap(),
                ["12345", "too long", "too long", "12"],
                "{at}"
            );
        }
    }

    #[test]
    fn compressed_bodies_are_expanded_piece_by_piece() {
        let many = (0..20_000).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
        let two_members = [compressed(many.as_bytes()), compressed(b"last")].concat();
        let found = lines(true, 100, &[&two_members[..7], &two_members[7..]]).unwrap();
        assert_eq!(found.len(), 20_001);
        assert_eq!((found[19_999].as_str(), found[20_000].as_str()), ("line 19999", "last"));
    }

    #[test]
    fn what_expands_without_end_is_not_kept() {
        let bomb = compressed(&vec![b'x'; 64 << 20]);
        let mut reader = Lines::new(true, 1000);
        let mut rest = bomb.as_slice();
        while !rest.is_empty() {
            let (later, lines) = reader.take(rest).unwrap();
            assert!(lines.is_empty() && reader.begun.len() <= 1000);
            rest = later;
        }
        assert_eq!(reader.finish().unwrap(), [BodyLine::TooLong]);
    }

    #[test]
    fn a_cut_or_foreign_stream_is_told() {
        let whole = compressed(b"some lines\nof text\n");
        assert!(lines(true, 100, &[&whole[..whole.len() - 4]]).is_err());
        assert!(lines(true, 100, &[b"not compressed at all, whatever the header says"]).is_err());
    }
}
