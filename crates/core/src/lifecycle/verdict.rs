//! Verdicts about the end of a context's life.

use jiff::Timestamp;

use super::Gc;
use crate::L2OnExpiry;
use crate::context::{Context, Level, after};

/// Settings for verdicts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Thresholds of promotion.
    pub(crate) gc: &'a Gc,
    /// Seconds that a short-term context without a TTL of its own stays at that level.
    pub(crate) l2_ttl_secs: u64,
    /// End of such a context.
    pub(crate) l2_on_expiry: L2OnExpiry,
}

/// Verdict about a context: it stays, becomes long-term, or is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    Promote,
    Delete(Reason),
}

/// Reason for a deletion by garbage collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The context expired.
    Expired,
    /// The context was superseded, and expired.
    Superseded,
    /// A policy applied to the context.
    Policy,
}

impl Reason {
    /// Returns the name used in reports and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Policy => "policy",
        }
    }
}

/// Decides about `context` at `now`.
///
/// An expired context is deleted if it has a TTL of its own or was superseded. Otherwise a short-term context becomes
/// long-term, unless the operator chose [`L2OnExpiry::Forget`] and it earned no promotion. Pinned contexts are never
/// deleted.
pub(crate) fn at_end_of_life(context: &Context, now: Timestamp, rules: Rules<'_>) -> Verdict {
    let is_short_term = context.level == Level::ShortTerm && context.superseded_by.is_none();
    if context.pinned || context.is_live(now) {
        let without_end = context.pinned || (context.expires_at.is_none() && context.ttl_secs.is_none());
        let ttl_secs = context.ttl_secs.unwrap_or(rules.l2_ttl_secs);
        let is_due = is_short_term && without_end && after(context.updated_at, ttl_secs) <= now;
        return if is_due { Verdict::Promote } else { Verdict::Keep };
    }
    if context.superseded_by.is_some() {
        return Verdict::Delete(Reason::Superseded);
    }
    if !is_short_term || context.ttl_secs.is_some() {
        return Verdict::Delete(Reason::Expired);
    }
    let Gc {
        promote_min_importance,
        promote_min_accesses,
        ..
    } = *rules.gc;
    let earned = context.importance >= promote_min_importance
        || (promote_min_accesses > 0 && context.access_count >= promote_min_accesses);
    match rules.l2_on_expiry {
        L2OnExpiry::Forget if !earned => Verdict::Delete(Reason::Expired),
        L2OnExpiry::Forget | L2OnExpiry::Promote => Verdict::Promote,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::context::{ContextId, Superseded};

    const L2_TTL_SECS: u64 = 50;

    fn second(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    fn verdict(context: &Context, now: i64, l2_on_expiry: L2OnExpiry) -> Verdict {
        let rules = Rules {
            gc: &Gc::default(),
            l2_ttl_secs: L2_TTL_SECS,
            l2_on_expiry,
        };
        at_end_of_life(context, second(now), rules)
    }

    prop_compose! {
        fn any_context()(
            level in 0..3_usize,
            (pinned, superseded, own_ttl) in any::<(bool, bool, bool)>(),
            importance in 0.0_f32..=1.0,
            access_count in 0_u64..20,
            expires in proptest::option::of(0_i64..100),
        ) -> Context {
            Context {
                level: Level::ALL[level], pinned, importance, access_count,
                expires_at: expires.map(second),
                ttl_secs: (own_ttl && expires.is_some()).then_some(1),
                superseded_by: superseded.then(|| Superseded { by: ContextId::generate(), at: second(0) }),
                ..Context::new("x")
            }
        }
    }

    fn any_policy() -> impl Strategy<Value = L2OnExpiry> {
        prop_oneof![Just(L2OnExpiry::Promote), Just(L2OnExpiry::Forget)]
    }

    proptest! {
        #[test]
        fn only_expired_contexts_without_a_pin_are_deleted(
            context in any_context(), now in 0_i64..100, policy in any_policy(),
        ) {
            let deleted = matches!(verdict(&context, now, policy), Verdict::Delete(_));
            prop_assert!(!deleted || !(context.pinned || context.is_live(second(now))));
        }

        #[test]
        fn verdicts_on_expired_contexts_never_change(
            context in any_context(), now in 0_i64..100, later in 0_i64..100, policy in any_policy(),
        ) {
            let first = verdict(&context, now, policy);
            if first != Verdict::Keep && !context.is_live(second(now)) {
                prop_assert_eq!(verdict(&context, now + later, policy), first);
            }
        }

        #[test]
        fn by_default_nothing_is_deleted_without_a_request(context in any_context(), now in 0_i64..1000) {
            let requested = context.ttl_secs.is_some() || context.superseded_by.is_some() || context.level != Level::ShortTerm;
            if !requested {
                prop_assert!(!matches!(verdict(&context, now, L2OnExpiry::Promote), Verdict::Delete(_)));
            }
        }

        #[test]
        fn only_short_term_contexts_are_promoted_and_accesses_never_hurt(context in any_context(), policy in any_policy()) {
            let rank = |context: &Context| match verdict(context, 1000, policy) {
                Verdict::Delete(_) => 0,
                Verdict::Promote => 1,
                Verdict::Keep => 2,
            };
            let better = Context { access_count: context.access_count + 1, ..context.clone() };
            prop_assert!(rank(&better) >= rank(&context));
            if context.level != Level::ShortTerm {
                prop_assert!(rank(&context) != 1);
            }
        }
    }

    #[test]
    fn a_short_term_context_without_an_end_is_promoted_after_its_ttl() {
        let context = Context {
            level: Level::ShortTerm,
            importance: 0.0,
            ..Context::new("x")
        };
        for policy in [L2OnExpiry::Promote, L2OnExpiry::Forget] {
            assert_eq!(verdict(&context, 49, policy), Verdict::Keep);
            assert_eq!(verdict(&context, 50, policy), Verdict::Promote);
        }
    }

    #[test]
    fn important_and_accessed_contexts_are_promoted_instead_of_forgotten() {
        let expired = |importance, access_count| {
            let context = Context {
                level: Level::ShortTerm,
                expires_at: Some(second(50)),
                importance,
                access_count,
                ..Context::new("x")
            };
            verdict(&context, 50, L2OnExpiry::Forget)
        };
        assert_eq!(expired(0.5, 0), Verdict::Delete(Reason::Expired));
        assert_eq!(expired(0.6, 0), Verdict::Promote);
        assert_eq!(expired(0.5, 1), Verdict::Promote);
    }

    #[test]
    fn an_own_ttl_overrides_promotion() {
        let context = Context {
            level: Level::ShortTerm,
            importance: 1.0,
            access_count: 100,
            ttl_secs: Some(1),
            expires_at: Some(second(1)),
            ..Context::new("x")
        };
        let expected = Verdict::Delete(Reason::Expired);
        assert_eq!(verdict(&context, 2, L2OnExpiry::Promote), expected);
    }
}
