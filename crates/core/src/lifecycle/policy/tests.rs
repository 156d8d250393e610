use std::collections::HashSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::context::Level;

const HALF_LIFE: u64 = 50;

fn second(secs: i64) -> Timestamp {
    Timestamp::from_second(secs).unwrap()
}

prop_compose! {
    fn any_context()(
        level in 0..3_usize,
        pinned in proptest::bool::weighted(0.2),
        importance in 0.0_f32..=1.0,
        access_count in 0_u64..20,
        used in 0_i64..100,
        (user, session) in (option::of("[ab]"), option::of("[ab]")),
        tagged in any::<bool>(),
        bytes in 1_usize..50,
    ) -> Context {
        Context {
            level: Level::ALL[level], pinned, importance, access_count, user_id: user, session_id: session,
            updated_at: second(used),
            tags: if tagged { vec!["t".to_owned()] } else { Vec::new() },
            ..Context::new("x".repeat(bytes))
        }
    }
}

prop_compose! {
    fn any_policy()(
        tagged in any::<bool>(),
        idle_secs in option::of(1_u64..60),
        max_accesses in option::of(0_u64..10),
        below_importance in option::of(0.0_f32..=1.0),
        (tenant_max_contexts, tenant_max_bytes) in (option::of(1_u64..10), option::of(1_u64..200)),
        (user_max_contexts, user_max_bytes) in (option::of(1_u64..5), option::of(1_u64..100)),
        keep_newest_per_session in option::of(1_u64..5),
    ) -> Policy {
        Policy {
            name: "p".to_owned(),
            levels: Vec::new(),
            tags_any: if tagged { vec!["t".to_owned()] } else { Vec::new() },
            idle_secs, max_accesses, below_importance, tenant_max_contexts, tenant_max_bytes, user_max_contexts,
            user_max_bytes, keep_newest_per_session,
        }
    }
}

/// Generates contexts in order of creation.
fn any_contexts() -> impl Strategy<Value = Vec<Context>> {
    vec(any_context(), 0..30).prop_map(|mut contexts| {
        for (at, context) in contexts.iter_mut().enumerate() {
            context.sequence = at as u64;
        }
        contexts
    })
}

fn inputs(contexts: &[Context], policies: &[Policy], now: Timestamp) -> Vec<PolicyInput> {
    let (mut users, mut sessions) = (Interner::default(), Interner::default());
    let standing = |context| PolicyInput::of(context, policies, now, HALF_LIFE, [&mut users, &mut sessions]);
    contexts.iter().filter_map(standing).collect()
}

fn gone(contexts: &[Context], policies: &[Policy], now: Timestamp) -> HashSet<ContextId> {
    let inputs = inputs(contexts, policies, now);
    let judged = judge(policies, &inputs, now);
    judged.into_iter().map(|(at, _)| inputs[at].id).collect()
}

proptest! {
    #[test]
    fn pinned_contexts_and_those_without_a_policy_are_never_deleted(
        contexts in any_contexts(), policies in vec(any_policy(), 1..4), now in 100_i64..200,
    ) {
        let gone = gone(&contexts, &policies, second(now));
        for context in contexts.iter().filter(|context| gone.contains(&context.id)) {
            prop_assert!(!context.pinned);
            prop_assert!(context.level != Level::Immediate);
            let has_policy = policies.iter().any(|policy| policy.tags_any.is_empty() || !context.tags.is_empty());
            prop_assert!(has_policy);
        }
    }

    #[test]
    fn policies_are_independent_of_each_other(contexts in any_contexts(), policies in vec(any_policy(), 1..4)) {
        let now = second(100);
        let alone = policies.iter().map(|policy| gone(&contexts, std::slice::from_ref(policy), now));
        let union: HashSet<ContextId> = alone.flatten().collect();
        prop_assert_eq!(gone(&contexts, &policies, now), union);
    }

    #[test]
    fn idle_contexts_stay_idle(contexts in any_contexts(), policy in any_policy(), later in 0_i64..100) {
        let policy = Policy {
            tenant_max_contexts: None, tenant_max_bytes: None, user_max_contexts: None, user_max_bytes: None, ..policy
        };
        let policies = [policy];
        let now = gone(&contexts, &policies, second(100));
        prop_assert!(now.is_subset(&gone(&contexts, &policies, second(100 + later))));
    }

    #[test]
    fn a_quota_is_kept_with_as_few_deletions_as_possible(contexts in any_contexts(), most in 1_u64..10) {
        let policy = Policy { user_max_contexts: Some(most), ..Policy::default() };
        let policies = [policy];
        let now = second(100);
        let inputs = inputs(&contexts, &policies, now);
        let gone = gone(&contexts, &policies, now);
        for user in ["a", "b"] {
            let of_user = |standing: &&PolicyInput| {
                contexts.iter().any(|context| context.id == standing.id && context.user_id.as_deref() == Some(user))
            };
            let (out, kept): (Vec<&PolicyInput>, Vec<&PolicyInput>) =
                inputs.iter().filter(of_user).partition(|standing| gone.contains(&standing.id));
            let pinned = kept.iter().filter(|standing| standing.pinned).count() as u64;
            prop_assert!(kept.len() as u64 <= most.max(pinned));
            prop_assert!(out.is_empty() || kept.len() as u64 == most.max(pinned), "as few as possible");
            let best_out = out.iter().map(|standing| standing.value).fold(0.0, f32::max);
            let lowest_kept = kept.iter().filter(|standing| !standing.pinned).map(|standing| standing.value);
            prop_assert!(lowest_kept.fold(1.0, f32::min) >= best_out, "lowest value first");
        }
        let without_user = contexts.iter().filter(|context| context.user_id.is_none());
        prop_assert!(without_user.into_iter().all(|context| !gone.contains(&context.id)));
    }

    #[test]
    fn the_newest_contexts_of_each_session_are_kept(contexts in any_contexts(), newest in 1_u64..5) {
        let policies = [Policy { keep_newest_per_session: Some(newest), ..Policy::default() }];
        let gone = gone(&contexts, &policies, second(100));
        for session in ["a", "b"] {
            let stored = contexts.iter().rev();
            let stored = stored.filter(|context| context.level != Level::Immediate);
            let stored = stored.filter(|context| context.session_id.as_deref() == Some(session));
            for (behind, context) in stored.enumerate() {
                let goes = behind as u64 >= newest && !context.pinned;
                prop_assert_eq!(gone.contains(&context.id), goes);
            }
        }
    }
}

#[test]
fn superseded_contexts_are_deleted_first() {
    let important = Context {
        importance: 1.0,
        superseded_by: Some(crate::context::Superseded {
            by: ContextId::generate(),
            at: second(0),
        }),
        ..Context::new("superseded")
    };
    let poor = Context {
        importance: 0.0,
        ..Context::new("poor")
    };
    let policies = [Policy {
        tenant_max_contexts: Some(1),
        ..Policy::default()
    }];
    let gone = gone(&[important.clone(), poor], &policies, second(1_000_000));
    assert_eq!(gone, HashSet::from([important.id]));
}
