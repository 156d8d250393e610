//! Similarity lent within a session: the messages just before and after an answer often belong to it, and a session about
//! the question is a better source than one that mentions it.
//!
//! The caller looks up the neighbours. Contexts without a session neither lend nor borrow.

use std::collections::{HashMap, HashSet};

use crate::config::Neighbours;

/// Offset of a context in its session, and its similarity to the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SessionEntry<'a> {
    /// Offset, see [`crate::context::SessionTrack`].
    pub(crate) slot: Option<i64>,
    pub(crate) session: Option<&'a str>,
    pub(crate) similarity: f32,
}

/// Returns the offsets around the `config.seeds` most similar contexts that are not among `entries`, ascending.
pub(crate) fn missing_offsets(entries: &[SessionEntry<'_>], config: &Neighbours) -> Vec<i64> {
    let present: HashSet<i64> = entries.iter().filter_map(|entry| entry.slot).collect();
    let mut seeds: Vec<&SessionEntry<'_>> = entries.iter().filter(|entry| entry.slot.is_some()).collect();
    seeds.sort_unstable_by(|a, b| b.similarity.total_cmp(&a.similarity).then_with(|| a.slot.cmp(&b.slot)));
    let reach = i64::from(config.reach);
    let mut wanted: Vec<i64> = seeds
        .into_iter()
        .take(config.seeds)
        .filter_map(|entry| entry.slot)
        .flat_map(|slot| (slot - reach..=slot + reach).filter(|slot| !present.contains(slot)))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Returns the similarity of each context after lending: its own, plus `decay^d` of that of its neighbours at distance `d`
/// up to `reach`, plus `session` times the best of its session.
///
/// A context without a session is a session of its own, so that it is not at a disadvantage. Sums may exceed 1, see
/// [`scale_down`].
pub(crate) fn lend(entries: &[SessionEntry<'_>], config: &Neighbours) -> Vec<f32> {
    let by_slot: HashMap<i64, f32> = entries
        .iter()
        .filter_map(|entry| entry.slot.map(|slot| (slot, entry.similarity)))
        .collect();
    let around = |slot: i64| -> f32 {
        let at = |slot: i64| by_slot.get(&slot).copied().unwrap_or(0.0);
        (1..=config.reach)
            .map(|d| config.decay.powi(i32::from(d)) * (at(slot - i64::from(d)) + at(slot + i64::from(d))))
            .sum()
    };
    let near: Vec<f32> = entries
        .iter()
        .map(|entry| entry.similarity + entry.slot.map_or(0.0, around))
        .collect();
    let mut best_of: HashMap<&str, f32> = HashMap::new();
    for (entry, near) in entries.iter().zip(&near) {
        if let Some(session) = entry.session {
            let best = best_of.entry(session).or_default();
            *best = best.max(*near);
        }
    }
    entries
        .iter()
        .zip(near)
        .map(|(entry, near)| near + config.session * entry.session.map_or(near, |session| best_of[session]))
        .collect()
}

/// Divides all values by the largest if that exceeds 1.
pub(crate) fn scale_down(values: &mut [f32]) {
    let scale = values.iter().copied().fold(1.0, f32::max);
    for value in values {
        *value /= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(slot: i64, similarity: f32) -> SessionEntry<'static> {
        SessionEntry {
            slot: Some(slot),
            session: Some("s"),
            similarity,
        }
    }

    #[test]
    fn neighbours_of_an_answer_gain_more_the_nearer_they_are() {
        let entries = [entry(10, 0.8), entry(11, 0.0), entry(13, 0.0), entry(20, 0.0)];
        let config = Neighbours {
            session: 0.0,
            ..Neighbours::default()
        };
        let lent = lend(&entries, &config);
        assert!(lent[0] > lent[1] && lent[1] > lent[2] && lent[2] > lent[3]);
        assert!(lent[3] <= 0.0, "too far away");
    }

    #[test]
    fn a_context_without_a_session_is_at_no_disadvantage() {
        let alone = SessionEntry {
            slot: None,
            session: None,
            similarity: 0.9,
        };
        let mut lent = lend(&[alone, entry(1, 0.5), entry(5, 0.4)], &Neighbours::default());
        scale_down(&mut lent);
        assert!(lent[0] > lent[1] && lent.iter().all(|similarity| (0.0..=1.0).contains(similarity)));
    }

    #[test]
    fn zero_weights_change_nothing() {
        let off = Neighbours {
            decay: 0.0,
            session: 0.0,
            ..Neighbours::default()
        };
        assert_eq!(lend(&[entry(1, 0.5), entry(2, 0.25)], &off), [0.5, 0.25]);
    }

    #[test]
    fn only_absent_offsets_are_missing() {
        let config = Neighbours {
            reach: 1,
            seeds: 1,
            ..Neighbours::default()
        };
        let entries = [entry(10, 0.9), entry(11, 0.1), entry(20, 0.2)];
        assert_eq!(missing_offsets(&entries, &config), [9]);
    }
}
