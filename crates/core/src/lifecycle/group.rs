//! Groups of contexts that are about the same.

use std::collections::HashMap;

use crate::rank::cosine;

/// What grouping needs to know of a context.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<'a> {
    /// Its session.
    pub session: Option<&'a str>,
    /// Its vector; without one it stays alone.
    pub vector: Option<&'a [f32]>,
}

/// A group that is being put together.
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

/// Parts `items` into groups of at most `most`, as positions in ascending order; every position is in exactly one.
///
/// Each item, in the order given, joins the group whose centre is nearest to it, if that is at least as near as
/// `similarity` (cosine). Groups are made within each session first; what is left alone there then joins what is near in
/// other sessions.
pub fn group(items: &[Item<'_>], similarity: f32, most: usize) -> Vec<Vec<usize>> {
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
            if cluster.members.len() > 1 {
                clusters.push(cluster);
            } else {
                alone.push(cluster);
            }
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

/// Puts a cluster into the nearest one that is near enough and has room, or beside them.
fn place(clusters: &mut Vec<Cluster>, new: Cluster, similarity: f32, most: usize) {
    let mut nearest: Option<(f32, usize)> = None;
    for (at, cluster) in clusters.iter().enumerate() {
        if cluster.members.len() + new.members.len() > most {
            continue;
        }
        let alike = cosine(&cluster.sum, &new.sum);
        if alike >= similarity && nearest.is_none_or(|(best, _)| alike > best) {
            nearest = Some((alike, at));
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
        fn everybody_is_in_exactly_one_group_that_is_not_too_large(
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
            prop_assert_eq!(&groups, &group(&items, similarity, most), "the same every time");
        }
    }

    #[test]
    fn a_session_comes_first_and_what_is_alone_joins_others() {
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
