//! The format of a file of the engine's log.
//!
//! ```text
//! header  "wal" 0, seed (u32)
//! entry   length (u64), data, padding, CRC-32C of all that (u32), which continues the CRC or seed before it
//! ```

use std::ops::Range;

const MAGIC: [u8; 4] = *b"wal\0";
pub(super) const HEADER: usize = 8;
/// Bytes of an entry's length, before its data, and of its checksum, after its padding.
pub(super) const LENGTH: usize = 8;
pub(super) const CHECKSUM: usize = 4;
/// Entries begin at multiples of this.
const ALIGNMENT: usize = 8;
/// Bytes of a page: the system writes and loses whole pages.
pub(super) const PAGE: usize = 4096;

/// Contents of a file of the log.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    /// Range of each operation's data; `None` where it is damaged.
    pub(super) operations: Vec<Option<Range<usize>>>,
    /// Offsets of the damage.
    pub(super) damage: Vec<usize>,
    pub(super) end: End,
}

/// State of the end of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum End {
    #[default]
    Sound,
    /// In an operation that was not written out: it was never acknowledged, or the machine lost power.
    Torn {
        /// Later operations were written out.
        before_others: bool,
    },
    /// In damage of unknown extent.
    Unknown,
}

/// Encodes a file with these operations.
pub(super) fn write(operations: &[&[u8]]) -> Vec<u8> {
    let seed: u32 = 0x5eed;
    let mut content = [MAGIC, seed.to_le_bytes()].concat();
    for operation in operations {
        let start = content.len();
        let seed = number(&content, start - CHECKSUM).unwrap_or(seed);
        content.extend((operation.len() as u64).to_le_bytes());
        content.extend(*operation);
        content.resize(start + LENGTH + padded(operation.len()), 0);
        content.extend(continued(seed, &content[start..]).to_le_bytes());
    }
    content
}

/// Reads a file of the log.
///
/// Each checksum continues the one before. The entry behind a damaged one is found by continuing the checksum that is stored
/// before it or, if that is damaged, the computed one.
pub(super) fn read(file: &[u8]) -> Read {
    let mut read = Read::default();
    if !file.starts_with(&MAGIC) {
        read.damage.push(0);
    }
    let zeros = file.iter().rev().take_while(|byte| **byte == 0).count();
    let written = (file.len() - zeros).next_multiple_of(ALIGNMENT).min(file.len());
    let (mut at, mut seed) = (HEADER, number(file, HEADER - CHECKSUM).unwrap_or_default());
    while at < written {
        if let Some(end) = sound(file, at, seed) {
            read.operations.push(Some(place(at, length(file, at))));
            (at, seed) = (end, number(file, end - CHECKSUM).unwrap_or_default());
            continue;
        }
        let own_end = end(file, at, length(file, at));
        let own_seed = own_end.map(|end| continued(seed, &file[at..end - CHECKSUM]));
        let by_own_seed =
            |next| own_end == Some(next) && own_seed.is_some_and(|seed| sound(file, next, seed).is_some());
        let by_stored_seed = |next| number(file, next - CHECKSUM).is_some_and(|seed| sound(file, next, seed).is_some());
        let mut candidates = (at + HEADER..written).step_by(ALIGNMENT).skip(1);
        let next = candidates.find(|next| by_stored_seed(*next) || by_own_seed(*next));
        let gap = at..next.unwrap_or(written);
        // The seed of the first entry is as likely to be what is damaged as its length, unless that cannot be right.
        let length_may_be_damaged = at > HEADER || own_end != Some(gap.end);
        let place_by_checksum = lengths(&gap)
            .find(|length| length_may_be_damaged && with_length(file, &gap, *length, seed))
            .map(|length| place(at, length));
        if next.is_some_and(by_own_seed) {
            read.operations.push(Some(place(at, length(file, at))));
        } else if place_by_checksum.is_some() {
            read.operations.push(place_by_checksum);
        } else if was_not_written(file, &gap, next.is_none()) {
            read.end = End::Torn {
                before_others: next.is_some(),
            };
            return read;
        } else if let Some(count) = entries_in(file, &gap) {
            read.operations.resize(read.operations.len() + count, None);
        } else {
            read.damage.push(at);
            read.operations.push(None);
            read.end = End::Unknown;
            return read;
        }
        read.damage.push(at);
        let stored = number(file, gap.end - CHECKSUM).unwrap_or_default();
        seed = match own_seed {
            Some(own) if next.is_some_and(by_own_seed) => own,
            Some(_) | None => stored,
        };
        at = gap.end;
    }
    read
}

/// Returns the offset at which the entry at `at` ends, if its checksum fits.
fn sound(file: &[u8], at: usize, seed: u32) -> Option<usize> {
    let end = end(file, at, length(file, at))?;
    let body = &file[at..end - CHECKSUM];
    // No operation is empty: zeros were not written.
    (body[..LENGTH] != [0; LENGTH] && number(file, end - CHECKSUM) == Some(continued(seed, body))).then_some(end)
}

/// Returns whether the entry in `gap` would be sound with this length.
fn with_length(file: &[u8], gap: &Range<usize>, length: usize, seed: u32) -> bool {
    let body = [
        &(length as u64).to_le_bytes(),
        &file[gap.start + LENGTH..gap.end - CHECKSUM],
    ]
    .concat();
    number(file, gap.end - CHECKSUM) == Some(continued(seed, &body))
}

/// Returns the possible lengths of the data of an entry that fills `gap`.
fn lengths(gap: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    let most = gap.len().saturating_sub(LENGTH + CHECKSUM);
    (most.saturating_sub(ALIGNMENT - 1)..=most).filter(move |length| padded(*length) == most)
}

/// Returns whether an entry was not written out, rather than damaged: bytes that never reached the disk are zeros.
fn was_not_written(file: &[u8], gap: &Range<usize>, is_last: bool) -> bool {
    let is_blank = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let end = end(file, gap.start, length(file, gap.start));
    let checksum_is_missing = end.is_some_and(|end| number(file, end - CHECKSUM) == Some(0));
    let mut pages = (gap.start.next_multiple_of(PAGE)..gap.end).step_by(PAGE);
    is_blank(&file[gap.start..gap.start + LENGTH])
        || (is_last && checksum_is_missing)
        || pages.any(|page| file.get(page..page + PAGE).is_some_and(is_blank))
}

/// Returns the number of entries in `gap`, by their own lengths.
fn entries_in(file: &[u8], gap: &Range<usize>) -> Option<usize> {
    let (mut at, mut count) = (gap.start, 0);
    while at < gap.end {
        at = end(file, at, length(file, at))?;
        count += 1;
    }
    (at == gap.end).then_some(count)
}

/// Returns the offset at which an entry at `at` with data of this length ends, if that is in the file.
fn end(file: &[u8], at: usize, length: usize) -> Option<usize> {
    let fits = length <= file.len();
    let end = fits.then(|| at + LENGTH + padded(length) + CHECKSUM);
    end.filter(|end| *end <= file.len())
}

/// Returns the range of an entry's data.
fn place(at: usize, length: usize) -> Range<usize> {
    at + LENGTH..at + LENGTH + length
}

fn length(file: &[u8], at: usize) -> usize {
    let bytes = file.get(at..at + LENGTH).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(usize::MAX, |bytes| {
        usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX)
    })
}

/// Returns the length with padding: entries end at multiples of eight.
fn padded(length: usize) -> usize {
    (length + CHECKSUM).next_multiple_of(ALIGNMENT) - CHECKSUM
}

fn number(file: &[u8], at: usize) -> Option<u32> {
    file.get(at..at + CHECKSUM)?.try_into().ok().map(u32::from_le_bytes)
}

/// Returns the checksum of `bytes` that continues `seed`, as the engine computes it.
fn continued(seed: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(!seed.reverse_bits(), bytes)
}
