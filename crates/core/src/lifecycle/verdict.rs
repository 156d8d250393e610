//! What becomes of a context whose time to live is over.

use jiff::Timestamp;

use super::{Consolidation, Gc, is_echo};
use crate::context::{Context, Level};

/// What becomes of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays as it is.
    Keep,
    /// It becomes long-term.
    Promote,
    /// It is made into one with others.
    Consolidate,
    /// It goes.
    Collect(Reason),
}

/// Why a context goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Its time to live is over.
    Expired,
    /// It was replaced, or made into one with others, and its time is over.
    Superseded,
    /// What it says stands at the long-term level already.
    Duplicate,
    /// A policy says so.
    Policy,
}

impl Reason {
    /// The word used in reports and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Duplicate => "duplicate",
            Self::Policy => "policy",
        }
    }
}

/// What becomes of `context` at `now`.
///
/// Pinned ones and those that are still served stay. Of those whose time is over, a short-term one stays as long-term if
/// it earned it, or is made into one with others if it was worth something; what was replaced or merely repeats what an
/// agent was served does not count as worth anything.
pub fn at_end_of_life(context: &Context, now: Timestamp, gc: &Gc, consolidation: &Consolidation) -> Verdict {
    if context.pinned || context.is_live(now) {
        return Verdict::Keep;
    }
    if context.superseded_by.is_some() {
        return Verdict::Collect(Reason::Superseded);
    }
    let final_end = gc.own_ttl_is_final && context.ttl_secs.is_some();
    if context.level != Level::ShortTerm || is_echo(context) || final_end {
        return Verdict::Collect(Reason::Expired);
    }
    let worth = |importance: f32, accesses: u64| {
        context.importance >= importance || (accesses > 0 && context.access_count >= accesses)
    };
    if worth(gc.promote_min_importance, gc.promote_min_accesses) {
        Verdict::Promote
    } else if consolidation.enabled && worth(consolidation.min_importance, consolidation.min_accesses) {
        Verdict::Consolidate
    } else {
        Verdict::Collect(Reason::Expired)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::context::{ContextId, Superseded};
    use crate::engine::test_context;

    fn second(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    prop_compose! {
        fn any_context()(
            level in 0..3_usize,
            (pinned, superseded, own_ttl) in any::<(bool, bool, bool)>(),
            importance in 0.0_f32..=1.0,
            access_count in 0_u64..20,
            expires in proptest::option::of(0_i64..100),
            echo in any::<bool>(),
        ) -> Context {
            Context {
                level: Level::ALL[level], pinned, importance, access_count,
                expires_at: expires.map(second),
                ttl_secs: own_ttl.then_some(1),
                tags: if echo { vec![super::super::ECHO_TAG.to_owned()] } else { Vec::new() },
                superseded_by: superseded.then(|| Superseded { by: ContextId::generate(), at: second(0) }),
                ..test_context("x")
            }
        }
    }

    proptest! {
        #[test]
        fn a_pinned_or_living_context_always_stays(context in any_context(), now in 0_i64..100) {
            let verdict = at_end_of_life(&context, second(now), &Gc::default(), &Consolidation::default());
            let stays = context.pinned || context.is_live(second(now));
            prop_assert_eq!(verdict == Verdict::Keep, stays);
        }

        #[test]
        fn who_goes_now_goes_later_for_the_same_reason(context in any_context(), now in 0_i64..100, later in 0_i64..100) {
            let at = |now| at_end_of_life(&context, second(now), &Gc::default(), &Consolidation::default());
            if at(now) != Verdict::Keep {
                prop_assert_eq!(at(now + later), at(now));
            }
        }

        #[test]
        fn only_short_term_contexts_rise_and_higher_worth_never_falls(context in any_context()) {
            let (gc, consolidation) = (Gc::default(), Consolidation::default());
            let now = second(1000);
            let rank = |context: &Context| match at_end_of_life(context, now, &gc, &consolidation) {
                Verdict::Collect(_) => 0,
                Verdict::Consolidate => 1,
                Verdict::Promote => 2,
                Verdict::Keep => 3,
            };
            let better = Context { access_count: context.access_count + 1, ..context.clone() };
            prop_assert!(rank(&better) >= rank(&context));
            if context.level != Level::ShortTerm {
                prop_assert!(matches!(rank(&context), 0 | 3));
            }
        }
    }

    #[test]
    fn a_time_to_live_of_its_own_can_be_the_last_word() {
        let context = Context {
            level: Level::ShortTerm,
            importance: 1.0,
            ttl_secs: Some(1),
            expires_at: Some(second(1)),
            ..test_context("x")
        };
        let with = |own_ttl_is_final| {
            let gc = Gc {
                own_ttl_is_final,
                ..Gc::default()
            };
            at_end_of_life(&context, second(2), &gc, &Consolidation::default())
        };
        assert_eq!(with(false), Verdict::Promote);
        assert_eq!(with(true), Verdict::Collect(Reason::Expired));
    }
}
