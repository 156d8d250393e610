//! The format of the log of deletions.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use context_manager_core::ports::{Clock, SystemClock};
use uuid::Uuid;

/// Magic bytes of the current format.
pub(super) const MAGIC: &[u8] = b"CMERASE2";
/// Magic bytes of the first format, in which the number since which the log is complete came next, without a checksum.
pub(super) const FIRST_MAGIC: &[u8] = b"CMERASE1";
/// Size of an entry: a number, a point's id or a mark, and the CRC-32 of both.
pub(super) const ENTRY_BYTES: usize = 28;

/// Mark that the log is complete after this number. The first entry is one.
pub(super) const BEGINNING: Uuid = Uuid::nil();
/// Mark that entries up to this number may be lost.
pub(super) const DAMAGE: Uuid = Uuid::max();
/// Mark of a snapshot: later deletions have larger numbers, even if the clock is set back.
pub(super) const SNAPSHOT: Uuid = Uuid::from_u128(1);

/// First byte of the mark that a filter follows, whose length is in the last eight bytes. The id of a point, which is a hash of
/// version 5, never has zeros behind the first byte.
const FILTER: u8 = b'F';
/// Bytes of a filter per entry, the last ones padded with zeros. A filter is text, so no chunk is a mark.
pub(super) const CHUNK: usize = 16;

/// A number, and a deleted point, a mark, or a part of a filter. The id of a point is a hash and so never a mark.
pub(super) type Entry = (u64, Uuid);

/// The content of a log.
#[derive(Debug)]
pub(super) struct Content {
    /// In the order of their numbers, including marks.
    pub(super) entries: Vec<Entry>,
    /// Set if the file is in the current format and has nothing else, apart from a part of an entry at its end.
    pub(super) whole: bool,
}

impl Content {
    /// Returns the content of a log that begins now.
    pub(super) fn beginning() -> Self {
        Self {
            entries: vec![(micros_now(), BEGINNING)],
            whole: false,
        }
    }

    /// Reads the log at `path`.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Self::parse(&fs::read(path)?).ok_or_else(|| {
        let reason = format!(
            "`{}` is not a log of deletions; without it the store opens, and restores a snapshot only when it is accepted \
             that deleted contexts may come back",
            path.display()
        );
        io::Error::new(ErrorKind::InvalidData, reason)
    })
    }

    /// Parses entry by entry, and byte by byte where there is none; `None` when this is no log.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut content = Self {
            entries: Vec::new(),
            whole: true,
        };
        let mut rest = bytes;
        if let Some(entries) = bytes.strip_prefix(MAGIC) {
            rest = entries;
        } else if let Some((since, entries)) = bytes.strip_prefix(FIRST_MAGIC).and_then(<[u8]>::split_first_chunk::<8>)
        {
            content.entries.push((u64::from_le_bytes(*since), BEGINNING));
            content.whole = false;
            rest = entries;
        }
        let mut unread = 0;
        while let Some(bytes) = rest.first_chunk() {
            if let Some(entry) = decode_entry(bytes) {
                // A part of an entry counts too: earlier versions appended behind a failed write.
                if unread > 0 || content.entries.is_empty() && ![BEGINNING, DAMAGE].contains(&entry.1) {
                    content.lost_until(entry.0);
                }
                content.entries.push(entry);
                (rest, unread) = (&rest[ENTRY_BYTES..], 0);
            } else {
                (rest, unread) = (&rest[1..], unread + 1);
            }
        }
        let is_log = !content.entries.is_empty() || bytes.starts_with(MAGIC);
        if content.entries.is_empty() || unread + rest.len() >= ENTRY_BYTES {
            let last = content.entries.last().map_or(0, |(number, _)| *number);
            content.lost_until(micros_now().max(last + 1));
        }
        is_log.then_some(content)
    }

    fn lost_until(&mut self, number: u64) {
        self.entries.push((number, DAMAGE));
        self.whole = false;
    }
}

/// Encodes a log with these entries.
pub(super) fn encode(entries: impl Iterator<Item = Entry>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(entries.flat_map(encode_entry));
    bytes
}

pub(super) fn encode_entry((number, point): Entry) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..24].copy_from_slice(point.as_bytes());
    let sum = crc32fast::hash(&bytes[..24]);
    bytes[24..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode_entry(bytes: &[u8; ENTRY_BYTES]) -> Option<Entry> {
    let (content, sum) = bytes.split_last_chunk()?;
    let (number, point) = content.split_first_chunk()?;
    let entry = (u64::from_le_bytes(*number), Uuid::from_slice(point).ok()?);
    (crc32fast::hash(content).to_le_bytes() == *sum).then_some(entry)
}

/// Encodes a filter as the contents of entries.
pub(super) fn encode_filter(filter: &[u8]) -> impl Iterator<Item = Uuid> {
    let mut mark = [0; CHUNK];
    mark[0] = FILTER;
    mark[8..].copy_from_slice(&(filter.len() as u64).to_be_bytes());
    let chunks = filter.chunks(CHUNK).map(|bytes| {
        let mut chunk = [0; CHUNK];
        chunk[..bytes.len()].copy_from_slice(bytes);
        chunk
    });
    std::iter::once(mark).chain(chunks).map(Uuid::from_bytes)
}

/// Returns the length of the filter that follows this mark; `None` when it is none.
pub(super) fn filter_bytes(content: Uuid) -> Option<usize> {
    let (mark, length) = content.as_bytes().split_last_chunk()?;
    let is_mark = *mark == [FILTER, 0, 0, 0, 0, 0, 0, 0];
    is_mark.then(|| usize::try_from(u64::from_be_bytes(*length)).ok())?
}

/// Microseconds since the epoch.
pub(super) fn micros_now() -> u64 {
    u64::try_from(SystemClock.now().as_microsecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_detected_and_other_entries_still_count() {
        let points = (10..15).map(|number| (number, Uuid::from_u128(number.into())));
        let whole = encode(std::iter::once((9, BEGINNING)).chain(points));
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut entries = Content::parse(&bytes).unwrap().entries;
            let damaged = entries.iter().position(|(_, point)| *point == DAMAGE);
            let (until, _) = entries.remove(damaged.unwrap_or_else(|| panic!("bit {bit}")));
            let mut expected: Vec<u64> = (9..15).collect();
            // Behind the magic bytes, of which none is an entry's.
            if let Some(byte) = (bit / 8).checked_sub(MAGIC.len()) {
                let lost = expected.remove(byte / ENTRY_BYTES);
                assert!(until > lost, "bit {bit}: {lost} may be lost, and {until} is said");
            }
            let read: Vec<u64> = entries.into_iter().map(|(number, _)| number).collect();
            assert_eq!(read, expected, "bit {bit}");
        }
    }
}
