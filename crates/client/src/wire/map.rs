//! The map of contexts.

use context_manager_core::{Level, Place};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The newest contexts on a plane, near to each other if their vectors are alike: one entry of each column per context, newest
/// first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContextMap {
    /// Ids of the contexts.
    pub ids: Vec<Uuid>,
    /// First coordinates, 0 to 65,535.
    pub x: Vec<u16>,
    /// Second coordinates, 0 to 65,535.
    pub y: Vec<u16>,
    /// Levels: 0 immediate, 1 short-term, 2 long-term.
    pub levels: Vec<u8>,
    /// Offsets into `scopes`.
    pub scope_offsets: Vec<u32>,
    /// Each scope of these contexts, or `null` for those without one, once.
    pub scopes: Vec<Option<String>>,
}

impl From<Vec<Place>> for ContextMap {
    fn from(places: Vec<Place>) -> Self {
        let mut map = Self::default();
        let mut known = std::collections::HashMap::new();
        for place in places {
            map.ids.push(place.id.0);
            map.x.push(coordinate(place.at[0]));
            map.y.push(coordinate(place.at[1]));
            map.levels.push(match place.level {
                Level::Immediate => 0,
                Level::ShortTerm => 1,
                Level::LongTerm => 2,
            });
            let offset = *known.entry(place.scope.clone()).or_insert_with(|| {
                map.scopes.push(place.scope.as_deref().map(str::to_owned));
                u32::try_from(map.scopes.len() - 1).unwrap_or(u32::MAX)
            });
            map.scope_offsets.push(offset);
        }
        map
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number from 0 to 1 stays in range"
)]
fn coordinate(at: f32) -> u16 {
    (at.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16
}

#[cfg(test)]
mod tests {
    use context_manager_core::ContextId;

    use super::*;

    #[test]
    fn scopes_are_named_once_and_coordinates_fill_the_range() {
        let place = |scope: Option<&str>, at| Place {
            id: ContextId(Uuid::nil()),
            level: Level::LongTerm,
            scope: scope.map(Into::into),
            at,
        };
        let map = ContextMap::from(vec![
            place(Some("a"), [0.0, 1.0]),
            place(None, [0.5, 0.5]),
            place(Some("a"), [1.0, 0.0]),
        ]);
        assert_eq!((map.x, map.y), (vec![0, 32768, 65535], vec![65535, 32768, 0]));
        assert_eq!(map.scopes, [Some("a".to_owned()), None]);
        assert_eq!((map.scope_offsets, map.levels), (vec![0, 1, 0], vec![2; 3]));
    }
}
