//! Lending likeness within a session: what was said just before and after an answer often belongs to it, and a session
//! that is about the question is a better place to look than one that mentions it.
//!
//! Pure: which neighbours exist is looked up by the caller. Contexts without a session neither lend nor borrow.

use std::collections::{HashMap, HashSet};

use crate::config::Neighbours;

/// A context's likeness and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place<'a> {
    /// Its place in its session, see [`crate::context::SessionTrack`].
    pub slot: Option<i64>,
    /// Its session.
    pub session: Option<&'a str>,
    /// Its likeness to the query.
    pub likeness: f32,
}

/// The slots around the `config.seeds` most alike places that are not among `places`, ascending.
pub fn missing_slots(places: &[Place<'_>], config: &Neighbours) -> Vec<i64> {
    let present: HashSet<i64> = places.iter().filter_map(|place| place.slot).collect();
    let mut seeds: Vec<&Place<'_>> = places.iter().filter(|place| place.slot.is_some()).collect();
    seeds.sort_unstable_by(|a, b| b.likeness.total_cmp(&a.likeness).then_with(|| a.slot.cmp(&b.slot)));
    let reach = i64::from(config.reach);
    let mut wanted: Vec<i64> = seeds
        .into_iter()
        .take(config.seeds)
        .filter_map(|place| place.slot)
        .flat_map(|slot| (slot - reach..=slot + reach).filter(|slot| !present.contains(slot)))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The likeness of each place after lending: its own, `decay^d` of that of the places at distance `d` up to
/// `reach` before and after it, and `session` of the best in its session.
///
/// A context without a session is a session of its own, so that it does not fall behind those that have one. Sums may
/// exceed 1, see [`scale_down`].
pub fn lend(places: &[Place<'_>], config: &Neighbours) -> Vec<f32> {
    let by_slot: HashMap<i64, f32> = places
        .iter()
        .filter_map(|place| place.slot.map(|slot| (slot, place.likeness)))
        .collect();
    let around = |slot: i64| -> f32 {
        let at = |slot: i64| by_slot.get(&slot).copied().unwrap_or(0.0);
        (1..=config.reach)
            .map(|d| config.decay.powi(i32::from(d)) * (at(slot - i64::from(d)) + at(slot + i64::from(d))))
            .sum()
    };
    let near: Vec<f32> = places
        .iter()
        .map(|place| place.likeness + place.slot.map_or(0.0, around))
        .collect();
    let mut best_of: HashMap<&str, f32> = HashMap::new();
    for (place, near) in places.iter().zip(&near) {
        if let Some(session) = place.session {
            let best = best_of.entry(session).or_default();
            *best = best.max(*near);
        }
    }
    places
        .iter()
        .zip(near)
        .map(|(place, near)| near + config.session * place.session.map_or(near, |session| best_of[session]))
        .collect()
}

/// Divides all values by the largest if that is above 1, so that none is.
pub fn scale_down(values: &mut [f32]) {
    let scale = values.iter().copied().fold(1.0, f32::max);
    for value in values {
        *value /= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(slot: i64, likeness: f32) -> Place<'static> {
        Place {
            slot: Some(slot),
            session: Some("s"),
            likeness,
        }
    }

    #[test]
    fn what_stands_beside_an_answer_is_lifted_and_more_so_when_nearer() {
        let places = [place(10, 0.8), place(11, 0.0), place(13, 0.0), place(20, 0.0)];
        let lent = lend(
            &places,
            &Neighbours {
                session: 0.0,
                ..Neighbours::default()
            },
        );
        assert!(lent[0] > lent[1] && lent[1] > lent[2] && lent[2] > lent[3]);
        assert!(lent[3] <= 0.0, "too far away");
    }

    #[test]
    fn a_context_without_a_session_is_compared_fairly() {
        let alone = Place {
            slot: None,
            session: None,
            likeness: 0.9,
        };
        let mut lent = lend(&[alone, place(1, 0.5), place(5, 0.4)], &Neighbours::default());
        scale_down(&mut lent);
        assert!(lent[0] > lent[1] && lent.iter().all(|likeness| (0.0..=1.0).contains(likeness)));
    }

    #[test]
    fn switched_off_it_changes_nothing() {
        let off = Neighbours {
            decay: 0.0,
            session: 0.0,
            ..Neighbours::default()
        };
        assert_eq!(lend(&[place(1, 0.5), place(2, 0.25)], &off), [0.5, 0.25]);
    }

    #[test]
    fn only_slots_that_are_not_there_are_missing() {
        let config = Neighbours {
            reach: 1,
            seeds: 1,
            ..Neighbours::default()
        };
        assert_eq!(
            missing_slots(&[place(10, 0.9), place(11, 0.1), place(20, 0.2)], &config),
            [9]
        );
    }
}
