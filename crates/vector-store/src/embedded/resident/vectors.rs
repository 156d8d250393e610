//! The vectors of many contexts in half of their size, compared without an index.
//!
//! Each vector is kept as a whole number per dimension with a scale, from which its cosine is known to 0.0001, and as the signs
//! of its dimensions. The number of signs that differ from those of a question costs a few instructions, and the nearest by
//! signs are compared by their numbers. Of 100,000 contexts, the ten nearest to a question are among the 1,600 nearest by signs
//! in 99.8 % of the cases (docs/reference/benchmarks.md).

use pulp::Arch;

/// Number of vectors up to which all are compared by their numbers.
const COMPARED: usize = 2048;

/// Number of vectors that are compared by their numbers, for each hit asked for, and as a share of all.
const PER_HIT: usize = 40;
const ONE_IN: usize = 64;

/// Bound of the product of two vectors in whole numbers: just within 32 bits.
const PRODUCT: f32 = 2_147_000_000.0;

/// Vectors of one size, in rows.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    dimensions: usize,
    /// Signs of each row, one bit per dimension.
    signs: Vec<u64>,
    numbers: Vec<i16>,
    /// Value of one step of a row's numbers, with which the row has length 1.
    steps: Vec<f32>,
    /// Owner of each row.
    owners: Vec<u32>,
}

impl Vectors {
    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    /// Returns the approximate size in memory.
    pub(super) fn size(&self) -> usize {
        self.signs.capacity() * size_of::<u64>()
            + self.numbers.capacity() * size_of::<i16>()
            + self.steps.capacity() * (size_of::<f32>() + size_of::<u32>())
    }

    /// Adds a row and returns its number; `None` for a vector of another size.
    pub(super) fn push(&mut self, owner: u32, vector: &[f32]) -> Option<u32> {
        if self.owners.is_empty() {
            self.dimensions = vector.len();
        }
        if vector.len() != self.dimensions {
            return None;
        }
        let row = u32::try_from(self.len()).ok()?;
        let words = self.words();
        make_room(&mut self.signs, words);
        make_room(&mut self.numbers, vector.len());
        make_room(&mut self.steps, 1);
        make_room(&mut self.owners, 1);
        self.signs.extend(signs(vector));
        self.numbers.extend(quantize(vector));
        let own = &self.numbers[self.numbers.len() - vector.len()..];
        let length = own.iter().map(|number| f32::from(*number).powi(2)).sum::<f32>().sqrt();
        self.steps.push(if length > 0.0 { 1.0 / length } else { 0.0 });
        self.owners.push(owner);
        Some(row)
    }

    /// Removes a row. The last row takes its number; returns the owner of that.
    pub(super) fn swap_remove(&mut self, row: u32) -> Option<u32> {
        let (row, last) = (row as usize, self.len() - 1);
        let words = self.words();
        self.signs.copy_within(last * words.., row * words);
        self.signs.truncate(last * words);
        self.numbers
            .copy_within(last * self.dimensions.., row * self.dimensions);
        self.numbers.truncate(last * self.dimensions);
        self.steps.swap_remove(row);
        self.owners.swap_remove(row);
        self.owners.get(row).copied()
    }

    /// Returns the vector of a row, of length 1.
    pub(super) fn get(&self, row: u32) -> Vec<f32> {
        let step = self.steps[row as usize];
        let numbers = self.row(row as usize).iter();
        numbers.map(|number| f32::from(*number) * step).collect()
    }

    /// Returns up to `limit` owners, of those `allowed` where that says so, whose vectors are nearest to `query`, with their
    /// cosines.
    pub(super) fn nearest(&self, query: &[f32], limit: usize, allowed: Option<&[bool]>) -> Vec<(f32, u32)> {
        let length = query.iter().map(|value| value * value).sum::<f32>().sqrt();
        if query.len() != self.dimensions || length == 0.0 {
            return Vec::new();
        }
        let query: Vec<f32> = query.iter().map(|value| value / length).collect();
        let rows = self.nearest_by_signs(&query, limit, allowed);
        let numbers: Vec<i16> = quantize(&query).collect();
        let mut found: Vec<(f32, usize)> = Vec::with_capacity(rows.len());
        Arch::new().dispatch(|| {
            for row in rows {
                found.push((product(&numbers, self.row(row)) * self.steps[row], row));
            }
        });
        best(&mut found, limit);
        let exact = found
            .into_iter()
            .map(|(_, row)| (dot(&query, self.row(row)) * self.steps[row], self.owners[row]));
        exact.collect()
    }

    fn words(&self) -> usize {
        self.dimensions.div_ceil(64)
    }

    fn row(&self, row: usize) -> &[i16] {
        &self.numbers[row * self.dimensions..(row + 1) * self.dimensions]
    }

    /// Returns the rows to compare by their numbers.
    fn nearest_by_signs(&self, query: &[f32], limit: usize, allowed: Option<&[bool]>) -> Vec<usize> {
        let is_allowed = |row: &usize| allowed.is_none_or(|allowed| allowed[self.owners[*row] as usize]);
        let rows = allowed.map_or(self.len(), |_| (0..self.len()).filter(is_allowed).count());
        let wanted = (limit * PER_HIT).max(rows / ONE_IN);
        if rows <= wanted.max(COMPARED) {
            return (0..self.len()).filter(is_allowed).collect();
        }
        let query: Vec<u64> = signs(query).collect();
        let mut distances = vec![0; self.len()];
        Arch::new().dispatch(|| differences(&query, &self.signs, &mut distances));
        let mut counts = vec![0; self.dimensions + 1];
        for (row, distance) in distances.iter().enumerate() {
            counts[usize::from(*distance)] += usize::from(is_allowed(&row));
        }
        let mut nearer = 0;
        let last = counts.iter().position(|count| {
            nearer += count;
            nearer >= wanted
        });
        let last = last.unwrap_or(self.dimensions);
        let near = (0..self.len()).filter(|row| usize::from(distances[*row]) <= last);
        near.filter(is_allowed).collect()
    }
}

/// Makes room for `more` elements, and for an eighth of all: doubling would leave a third of the memory empty.
pub(super) fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 8));
    }
}

/// Keeps the `limit` best, in no order; of equals the lower owners.
pub(super) fn best<T: Ord>(found: &mut Vec<(f32, T)>, limit: usize) {
    if found.len() > limit {
        found.select_nth_unstable_by(limit, |(a, one), (b, other)| b.total_cmp(a).then(one.cmp(other)));
        found.truncate(limit);
    }
}

/// Returns the signs of a vector, one bit per dimension.
fn signs(vector: &[f32]) -> impl Iterator<Item = u64> {
    vector.chunks(64).map(|values| {
        let bits = values.iter().zip(0..);
        bits.fold(0, |word, (value, bit)| word | (u64::from(*value > 0.0) << bit))
    })
}

/// Returns a vector in whole numbers, as large as the product of two vectors allows without an overflow.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the numbers are in the range of the type"
)]
#[expect(clippy::cast_precision_loss, reason = "vectors have fewer than 2^16 dimensions")]
fn quantize(vector: &[f32]) -> impl Iterator<Item = i16> {
    let largest = (PRODUCT / vector.len().max(1) as f32).sqrt().floor().min(32_767.0);
    let most = vector.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let per_value = if most > 0.0 { largest / most } else { 0.0 };
    vector.iter().map(move |value| (value * per_value).round() as i16)
}

/// Returns the product of a vector with numbers.
fn dot(query: &[f32], numbers: &[i16]) -> f32 {
    let pairs = query.iter().zip(numbers);
    pairs.map(|(value, number)| value * f32::from(*number)).sum()
}

/// Returns the product of numbers. Inlined into what is compiled for the instructions of this machine.
#[inline(always)]
#[expect(clippy::inline_always, reason = "else it is compiled for the oldest machine")]
#[expect(clippy::cast_precision_loss, reason = "only the order counts")]
fn product(query: &[i16], numbers: &[i16]) -> f32 {
    let pairs = query.iter().zip(numbers);
    pairs.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>() as f32
}

/// Counts the signs in which each row differs from the query.
#[inline(always)]
#[expect(clippy::inline_always, reason = "else it is compiled for the oldest machine")]
fn differences(query: &[u64], signs: &[u64], distances: &mut [u16]) {
    // With a length that the compiler knows for the usual sizes, a row is a few instructions.
    match query.len() {
        4 => differences_of::<4>(query, signs, distances),
        6 => differences_of::<6>(query, signs, distances),
        12 => differences_of::<12>(query, signs, distances),
        16 => differences_of::<16>(query, signs, distances),
        24 => differences_of::<24>(query, signs, distances),
        words => {
            for (own, distance) in signs.chunks_exact(words).zip(distances) {
                *distance = difference(query, own);
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "else it is compiled for the oldest machine")]
fn differences_of<const WORDS: usize>(query: &[u64], signs: &[u64], distances: &mut [u16]) {
    if let Some(query) = query.first_chunk::<WORDS>() {
        let (rows, _) = signs.as_chunks::<WORDS>();
        for (own, distance) in rows.iter().zip(distances) {
            *distance = difference(query, own);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "else it is compiled for the oldest machine")]
#[expect(clippy::cast_possible_truncation, reason = "vectors have fewer than 2^16 dimensions")]
fn difference(query: &[u64], own: &[u64]) -> u16 {
    let words = query.iter().zip(own);
    words.map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    fn vector(dimensions: usize) -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(-1.0_f32..1.0, dimensions)
            .prop_filter("a direction", |vector| vector.iter().any(|value| value.abs() > 0.1))
    }

    proptest! {
        #[test]
        fn cosines_are_those_of_the_vectors(vectors in prop::collection::vec(vector(70), 1..20), query in vector(70)) {
            let mut rows = Vectors::default();
            for (vector, owner) in vectors.iter().zip(0..) {
                rows.push(owner, vector).unwrap();
            }
            let found = rows.nearest(&query, vectors.len(), None);
            prop_assert_eq!(found.len(), vectors.len());
            for (found, owner) in found {
                prop_assert!((found - cosine(&query, &vectors[owner as usize])).abs() < 0.0005);
            }
        }

        #[test]
        fn rows_follow_removals(removed in prop::collection::vec(0u32..20, 0..20)) {
            let mut rows = Vectors::default();
            let own = |owner: u32| (0..8).map(|bit| if owner >> bit & 1 == 1 { 1.0 } else { -1.0 }).collect::<Vec<f32>>();
            let mut at: Vec<Option<u32>> = (0..20).map(|owner| rows.push(owner, &own(owner))).collect();
            for owner in removed {
                if let Some(row) = at[owner as usize].take()
                    && let Some(moved) = rows.swap_remove(row)
                {
                    at[moved as usize] = Some(row);
                }
            }
            for (row, owner) in at.iter().zip(0..) {
                if let Some(row) = row {
                    prop_assert!(cosine(&rows.get(*row), &own(owner)) > 0.999);
                }
            }
            prop_assert_eq!(rows.len(), at.iter().flatten().count());
        }
    }

    #[test]
    fn the_nearest_of_many_are_found_by_their_signs() {
        // A linear congruential generator: the same vectors on every machine.
        let mut state = 1u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap_or_default()) / 32768.0 - 1.0
        };
        let vectors: Vec<Vec<f32>> = (0..8000).map(|_| (0..256).map(|_| number()).collect()).collect();
        let mut rows = Vectors::default();
        for (vector, owner) in vectors.iter().zip(0..) {
            rows.push(owner, vector).unwrap();
        }
        let even: Vec<bool> = (0..8000).map(|owner| owner % 2 == 0).collect();
        // Questions as near to their answers as those of a sentence encoder.
        for answer in (0..8000).step_by(400) {
            let query: Vec<f32> = vectors[answer].iter().map(|value| value + number()).collect();
            let mut found = rows.nearest(&query, 10, Some(&even));
            assert!(found.iter().all(|(_, owner)| owner % 2 == 0));
            found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            assert_eq!(found[0].1 as usize, answer);
        }
        assert!(rows.nearest(&[1.0; 3], 10, None).is_empty(), "another size");
    }
}
