//! Groups of similar contexts.

use std::collections::HashMap;

use crate::rank::cosine;

/// Session and vector of a context. Without a vector it stays alone.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    pub(crate) session: Option<&'a str>,
    pub(crate) vector: Option<&'a [f32]>,
}

struct Cluster {
    members: Vec<usize>,
    /// Sum of the members' vectors.
    sum: Vec<f32>,
}

impl Cluster {
    fn of(member: usize, vector: &[f32]) -> Self {
        Self {
            members: vec![member],
            sum: vector.to_vec(),
        }
    }

    fn join(&mut self, other: Self) {
        self.members.extend(other.members);
        for (sum, number) in self.sum.iter_mut().zip(other.sum) {
            *sum += number;
        }
    }
}

/// Partitions `items` into groups of at most `most` indices, each in ascending order.
///
/// Each item in turn joins the group with the nearest centre whose cosine is at least `similarity`. Groups are formed
/// within sessions first; items that remain alone then join groups of other sessions.
pub(crate) fn group(items: &[Item<'_>], similarity: f32, most: usize) -> Vec<Vec<usize>> {
    let mut sessions: HashMap<Option<&str>, Vec<Cluster>> = HashMap::new();
    let mut order = Vec::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(vector) = item.vector else {
            groups.push(vec![at]);
            continue;
        };
        let clusters = sessions.entry(item.session).or_insert_with(|| {
            order.push(item.session);
            Vec::new()
        });
        place(clusters, Cluster::of(at, vector), similarity, most);
    }
    let mut clusters = Vec::new();
    let mut alone = Vec::new();
    for session in order {
        for cluster in sessions.remove(&session).unwrap_or_default() {
            let of_its_kind = if cluster.members.len() > 1 {
                &mut clusters
            } else {
                &mut alone
            };
            of_its_kind.push(cluster);
        }
    }
    for cluster in alone {
        place(&mut clusters, cluster, similarity, most);
    }
    groups.extend(clusters.into_iter().map(|cluster| cluster.members));
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    groups
}

/// Merges a cluster into the nearest one that is similar enough and has room, or adds it to `clusters`.
fn place(clusters: &mut Vec<Cluster>, new: Cluster, similarity: f32, most: usize) {
    let mut nearest: Option<(f32, usize)> = None;
    for (at, cluster) in clusters.iter().enumerate() {
        if cluster.members.len() + new.members.len() > most {
            continue;
        }
        let cosine = cosine(&cluster.sum, &new.sum);
        if cosine >= similarity && nearest.is_none_or(|(best, _)| cosine > best) {
            nearest = Some((cosine, at));
        }
    }
    match nearest {
        Some((_, at)) => clusters[at].join(new),
        None => clusters.push(new),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_item_is_in_exactly_one_group_within_the_size(
            vectors in vec(option::weighted(0.9, vec(-1.0_f32..1.0, 3)), 0..40),
            sessions in vec(option::of("[ab]"), 40),
            similarity in 0.0_f32..1.0,
            most in 1_usize..10,
        ) {
            let items: Vec<Item<'_>> = vectors.iter().zip(&sessions).map(|(vector, session)| Item {
                session: session.as_deref(), vector: vector.as_deref(),
            }).collect();
            let groups = group(&items, similarity, most);
            let mut seen: Vec<usize> = groups.iter().flatten().copied().collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..items.len()).collect::<Vec<_>>());
            prop_assert!(groups.iter().all(|group| group.len() <= most));
            prop_assert_eq!(&groups, &group(&items, similarity, most), "deterministic");
        }
    }

    #[test]
    fn groups_form_within_sessions_before_single_items_join_others() {
        let (north, near_north, east) = ([0.0, 1.0], [0.1, 1.0], [1.0, 0.0]);
        let item = |session, vector| Item {
            session: Some(session),
            vector: Some(vector),
        };
        let items = [
            item("a", &north[..]),
            item("b", &near_north[..]),
            item("a", &near_north[..]),
            item("b", &north[..]),
            item("c", &north[..]),
            item("c", &east[..]),
        ];
        assert_eq!(group(&items, 0.9, 10), [vec![0, 2, 4], vec![1, 3], vec![5]]);
    }
}
