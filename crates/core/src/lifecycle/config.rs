//! Settings of the lifecycle of contexts.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::context::Level;

/// Maximum number of policies: the bits of the number in which a context keeps those that apply to it.
const MAX_POLICIES: usize = 64;

/// Settings of the lifecycle of contexts, in addition to [`Config`](crate::Config).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lifecycle {
    /// Garbage collection.
    pub gc: Gc,
    /// Detection of contexts that are similar to stored ones.
    pub dedup: Dedup,
    /// Summaries of promoted contexts.
    pub consolidation: Consolidation,
}

/// Settings of garbage collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gc {
    /// Runs garbage collection every `hirag.gc_interval_secs`.
    pub enabled: bool,
    /// Milliseconds of pause after each batch.
    pub batch_pause_ms: u64,
    /// Minimum importance, 0 to 1, at which a short-term context is promoted if `hirag.l2_on_expiry` is `forget`; above 1
    /// disables it.
    pub promote_min_importance: f32,
    /// Minimum number of accesses at which such a context is promoted; 0 disables it.
    pub promote_min_accesses: u64,
    /// Seconds without use after which the working memory of a session becomes short-term; 0 disables it.
    pub session_idle_secs: u64,
    /// Maximum number of seconds that a superseded context is kept; 0 keeps it until its own TTL ends.
    pub superseded_ttl_secs: u64,
    /// Policies that delete contexts for other reasons than their age.
    pub policies: Vec<Policy>,
}

impl Default for Gc {
    fn default() -> Self {
        Self {
            enabled: true,
            batch_pause_ms: 20,
            promote_min_importance: 0.6,
            promote_min_accesses: 1,
            session_idle_secs: 24 * 3600,
            superseded_ttl_secs: 0,
            policies: Vec::new(),
        }
    }
}

/// Policy that deletes contexts for other reasons than their age.
///
/// Of the contexts selected by `levels` and `tags_any`, it deletes those that meet every given condition. Policies are
/// independent of each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Name in reports.
    pub name: String,
    /// Levels to which the policy applies; empty for short-term and long-term.
    #[serde(serialize_with = "write_levels", deserialize_with = "read_levels")]
    pub levels: Vec<Level>,
    /// Tags of which a context must have one; empty for all contexts.
    pub tags_any: Vec<String>,
    /// Seconds in which the context was neither stored, changed nor served.
    pub idle_secs: Option<u64>,
    /// Maximum number of accesses.
    pub max_accesses: Option<u64>,
    /// Exclusive upper bound of importance.
    pub below_importance: Option<f32>,
    /// Maximum number of contexts of the tenant; those of the lowest value are deleted.
    pub tenant_max_contexts: Option<u64>,
    /// Maximum bytes of text of the tenant; contexts of the lowest value are deleted.
    pub tenant_max_bytes: Option<u64>,
    /// Maximum number of contexts of a user; those of the lowest value are deleted.
    pub user_max_contexts: Option<u64>,
    /// Maximum bytes of text of a user; contexts of the lowest value are deleted.
    pub user_max_bytes: Option<u64>,
    /// Number of newest contexts of a session that are kept.
    pub keep_newest_per_session: Option<u64>,
}

impl Policy {
    /// Returns the levels to which the policy applies.
    pub fn levels(&self) -> &[Level] {
        if self.levels.is_empty() {
            &[Level::ShortTerm, Level::LongTerm]
        } else {
            &self.levels
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push("name: must not be empty".to_owned());
        }
        let numbers = [
            ("idle_secs", self.idle_secs),
            ("tenant_max_contexts", self.tenant_max_contexts),
            ("tenant_max_bytes", self.tenant_max_bytes),
            ("user_max_contexts", self.user_max_contexts),
            ("user_max_bytes", self.user_max_bytes),
            ("keep_newest_per_session", self.keep_newest_per_session),
        ];
        let zero = numbers.iter().filter(|(_, value)| *value == Some(0));
        problems.extend(zero.map(|(key, _)| format!("{key}: must be at least 1")));
        if self.below_importance.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
            problems.push("below_importance: must be from 0 to 1".to_owned());
        }
        let conditions = numbers.iter().filter(|(_, value)| value.is_some()).count();
        if conditions == 0 && self.max_accesses.is_none() && self.below_importance.is_none() {
            problems.push("a policy without a condition would collect everything".to_owned());
        }
        problems
    }
}

impl Gc {
    /// Returns all problems, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(0.0..=2.0).contains(&self.promote_min_importance) {
            problems.push("promote_min_importance: must be from 0 to 2".to_owned());
        }
        if self.policies.len() > MAX_POLICIES {
            problems.push(format!("policies: must be at most {MAX_POLICIES}"));
        }
        for (at, policy) in self.policies.iter().enumerate() {
            let found = policy.problems().into_iter();
            problems.extend(found.map(|problem| format!("policies[{at}]: {problem}")));
        }
        problems
    }
}

/// Treatment of contexts that are similar to a stored one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum DedupPolicy {
    /// Stores them like all others.
    #[default]
    Keep,
    /// Stores them with a list of the similar ones.
    Report,
}

impl TryFrom<String> for DedupPolicy {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "keep" => Ok(Self::Keep),
            "report" => Ok(Self::Report),
            "merge" | "reject" => Err(
                "`merge` and `reject` are gone, as similarity decides about no context: use `report` to be told, or `keep`",
            ),
            _ => Err("expected `keep` or `report`"),
        }
    }
}

/// Detection of contexts that are similar to stored ones. Equal texts in the same scope and level are always detected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dedup {
    /// Treatment of contexts that are similar to a stored one: `keep` or `report`.
    pub policy: DedupPolicy,
    /// Minimum cosine of similar contexts.
    pub similarity_threshold: f32,
}

impl Default for Dedup {
    fn default() -> Self {
        Self {
            policy: DedupPolicy::Keep,
            similarity_threshold: 0.95,
        }
    }
}

impl Dedup {
    /// Returns all problems, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        // Below 0.5, texts that merely share a topic would be reported.
        let outside = !(0.5..=1.0).contains(&self.similarity_threshold);
        outside
            .then(|| "similarity_threshold: must be from 0.5 to 1".to_owned())
            .into_iter()
            .collect()
    }
}

/// Settings of summaries of promoted contexts. Summaries need a summarizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Consolidation {
    /// Minimum cosine of a context to the centre of its group.
    pub similarity: f32,
    /// Minimum number of contexts of a summary.
    pub min_group: usize,
    /// Maximum number of contexts of a summary.
    pub max_group: usize,
    /// Maximum number of tokens of a summary.
    pub max_tokens: usize,
}

impl Default for Consolidation {
    /// Returns settings measured on recorded conversations, see docs/reference/benchmarks.md.
    fn default() -> Self {
        Self {
            similarity: 0.5,
            min_group: 2,
            max_group: 4,
            max_tokens: 512,
        }
    }
}

impl Consolidation {
    /// Returns all problems, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(0.0..=1.0).contains(&self.similarity) {
            problems.push("similarity: must be from 0 to 1".to_owned());
        }
        if self.min_group < 2 {
            problems.push("min_group: must be at least 2".to_owned());
        }
        // A summary stores the ids of its sources.
        if !(self.min_group.max(2)..=100).contains(&self.max_group) {
            problems.push("max_group: must be from 2 to 100, and not below min_group".to_owned());
        }
        if !(16..=8192).contains(&self.max_tokens) {
            problems.push("max_tokens: must be from 16 to 8192".to_owned());
        }
        problems
    }
}

fn write_levels<S: Serializer>(levels: &[Level], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(levels.iter().map(|level| level.as_str()))
}

fn read_levels<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Level>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    names
        .iter()
        .map(|name| name.parse().map_err(de::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_every_problem_is_named() {
        assert_eq!(Gc::default().problems(), [""; 0]);
        assert_eq!(Dedup::default().problems(), [""; 0]);
        assert_eq!(Consolidation::default().problems(), [""; 0]);
        let gc = Gc {
            policies: vec![
                Policy::default(),
                Policy {
                    name: "old".to_owned(),
                    idle_secs: Some(0),
                    below_importance: Some(f32::NAN),
                    ..Policy::default()
                },
            ],
            ..Gc::default()
        };
        assert_eq!(gc.problems().len(), 4);
        let consolidation = Consolidation {
            min_group: 30,
            max_tokens: 1,
            ..Consolidation::default()
        };
        assert_eq!(consolidation.problems().len(), 2);
    }

    #[test]
    fn removed_dedup_policies_are_refused_with_an_alternative() {
        let policy = |name: &str| serde_json::from_str::<DedupPolicy>(&format!("\"{name}\""));
        assert_eq!(policy("report").unwrap(), DedupPolicy::Report);
        for gone in ["merge", "reject"] {
            assert!(policy(gone).unwrap_err().to_string().contains("use `report`"));
        }
    }

    #[test]
    fn levels_of_a_policy_are_read_by_name() {
        let policy = |levels: &str| serde_json::from_str::<Policy>(&format!(r#"{{"name": "p", "levels": {levels}}}"#));
        let read = policy(r#"["l2", "long_term"]"#).unwrap();
        assert_eq!(read.levels(), [Level::ShortTerm, Level::LongTerm]);
        assert_eq!(policy("[]").unwrap().levels(), [Level::ShortTerm, Level::LongTerm]);
        assert!(policy(r#"["l9"]"#).is_err());
    }
}
