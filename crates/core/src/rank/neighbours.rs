//! Evidence lent within a session: the answer to a question is often said next to the words that match it, and a session
//! about the question is a better source than one that mentions it.
//!
//! Only the excess over what the twentieth candidate has is lent, so that the cosine that all texts share lends nothing. The
//! caller looks up the neighbours. Contexts without a session neither lend nor borrow.

use std::collections::{HashMap, HashSet};

use crate::config::Neighbours;

/// Rank of the candidate whose evidence is the floor of lending.
const FLOOR_RANK: usize = 20;

/// Offset of a context in its session, and the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SessionEntry<'a> {
    /// Offset, see [`crate::context::SessionTrack`].
    pub(crate) slot: Option<i64>,
    pub(crate) session: Option<&'a str>,
    pub(crate) evidence: f32,
}

/// Returns the offsets around the `config.seeds` best contexts that are not among `entries`, ascending.
pub(crate) fn missing_offsets(entries: &[SessionEntry<'_>], config: &Neighbours) -> Vec<i64> {
    let present: HashSet<i64> = entries.iter().filter_map(|entry| entry.slot).collect();
    let mut seeds: Vec<&SessionEntry<'_>> = entries.iter().filter(|entry| entry.slot.is_some()).collect();
    seeds.sort_unstable_by(|a, b| b.evidence.total_cmp(&a.evidence).then_with(|| a.slot.cmp(&b.slot)));
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

/// Returns the evidence for each context after lending: its own, plus `after^d` of the excess of the context `d` before it
/// and `before^d` of that of the one `d` after it, `d` up to `reach`; then a mean with the best of its session, which weighs
/// `session`.
///
/// An answer follows its question, so contexts lend more to those after them.
pub(crate) fn lend(entries: &[SessionEntry<'_>], config: &Neighbours) -> Vec<f32> {
    let floor = floor(entries);
    let excess: HashMap<i64, f32> = entries
        .iter()
        .filter_map(|entry| Some((entry.slot?, (entry.evidence - floor).max(0.0))))
        .collect();
    let borrowed = |slot: i64| -> f32 {
        let at = |slot: i64| excess.get(&slot).copied().unwrap_or(0.0);
        (1..=config.reach)
            .map(|d| {
                let distance = i64::from(d);
                config.after.powi(i32::from(d)) * at(slot - distance)
                    + config.before.powi(i32::from(d)) * at(slot + distance)
            })
            .sum()
    };
    let near: Vec<f32> = entries
        .iter()
        .map(|entry| entry.evidence + entry.slot.map_or(0.0, borrowed))
        .collect();
    let mut best_of: HashMap<&str, f32> = HashMap::new();
    for (entry, near) in entries.iter().zip(&near) {
        if let Some(session) = entry.session {
            let best = best_of.entry(session).or_default();
            *best = best.max(*near);
        }
    }
    let with_session = |(entry, near): (&SessionEntry<'_>, f32)| {
        let best = entry.session.map_or(near, |session| best_of[session]);
        (near + config.session * best.max(floor)) / (1.0 + config.session)
    };
    entries.iter().zip(near).map(with_session).collect()
}

/// Returns the evidence of the candidate at [`FLOOR_RANK`], or of the last.
fn floor(entries: &[SessionEntry<'_>]) -> f32 {
    let mut evidence: Vec<f32> = entries.iter().map(|entry| entry.evidence).collect();
    evidence.sort_unstable_by(|a, b| b.total_cmp(a));
    evidence.get(FLOOR_RANK - 1).or(evidence.last()).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(slot: i64, evidence: f32) -> SessionEntry<'static> {
        SessionEntry {
            slot: Some(slot),
            session: Some("s"),
            evidence,
        }
    }

    #[test]
    fn neighbours_of_an_answer_gain_more_the_nearer_they_are_and_if_they_follow() {
        let entries = [
            entry(10, 0.8),
            entry(11, 0.1),
            entry(13, 0.1),
            entry(9, 0.1),
            entry(20, 0.1),
        ];
        let config = Neighbours {
            session: 0.0,
            ..Neighbours::default()
        };
        let lent = lend(&entries, &config);
        assert!(lent[0] > lent[1] && lent[1] > lent[2] && lent[2] > lent[4]);
        assert!(lent[1] > lent[3] && lent[3] > lent[4]);
        assert!((lent[4] - 0.1).abs() < 1e-6, "too far away");
    }

    #[test]
    fn evidence_that_all_have_is_not_lent() {
        let entries: Vec<_> = (0..30).map(|slot| entry(slot, 0.4)).collect();
        assert!(
            lend(&entries, &Neighbours::default())
                .iter()
                .all(|lent| (lent - 0.4).abs() < 1e-6)
        );
    }

    #[test]
    fn a_context_without_a_session_is_at_no_disadvantage() {
        let alone = SessionEntry {
            slot: None,
            session: None,
            evidence: 0.9,
        };
        let lent = lend(&[alone, entry(1, 0.5), entry(5, 0.4)], &Neighbours::default());
        assert!((lent[0] - 0.9).abs() < 1e-6 && lent[0] > lent[1]);
    }

    #[test]
    fn zero_weights_change_nothing() {
        let off = Neighbours {
            after: 0.0,
            before: 0.0,
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
