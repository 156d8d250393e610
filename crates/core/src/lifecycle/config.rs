//! What governs the life of a context.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::context::Level;

/// At most so many policies, as each context remembers in one number which ones are about it.
const MAX_POLICIES: usize = 64;

/// Everything that governs the life of a context, beside [`Config`](crate::Config).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lifecycle {
    /// What is collected and what is kept.
    pub gc: Gc,
    /// Recognition of contexts that are close to stored ones.
    pub dedup: Dedup,
    /// Summaries of promoted contexts.
    pub consolidation: Consolidation,
}

/// What is collected and what is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gc {
    /// Whether collections run by themselves, every `hirag.gc_interval_secs`.
    pub enabled: bool,
    /// Milliseconds of rest after each batch.
    pub batch_pause_ms: u64,
    /// Lowest importance, 0 to 1, at which a short-term context is promoted where `hirag.l2_on_expiry` is `forget`; above 1
    /// none is for that.
    pub promote_min_importance: f32,
    /// Smallest number of accesses at which it is promoted there; 0 switches it off.
    pub promote_min_accesses: u64,
    /// The working memory of a session not used for this many seconds becomes short-term; 0 never.
    pub session_idle_secs: u64,
    /// A context that was replaced is kept for this many seconds at most; 0 until its own time to live ends.
    pub superseded_ttl_secs: u64,
    /// What is collected for other reasons than its age.
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

/// A reason to collect contexts other than their age.
///
/// `levels` and `tags_any` say which contexts it is about; of these it collects the ones that meet every condition that
/// is given. Of several policies each works by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What it is called in reports.
    pub name: String,
    /// The levels it is about; empty for short-term and long-term.
    #[serde(serialize_with = "write_levels", deserialize_with = "read_levels")]
    pub levels: Vec<Level>,
    /// Contexts with one of these tags; empty for all.
    pub tags_any: Vec<String>,
    /// Neither stored, changed nor served for this many seconds.
    pub idle_secs: Option<u64>,
    /// Served at most this often.
    pub max_accesses: Option<u64>,
    /// Less important than this.
    pub below_importance: Option<f32>,
    /// Beyond so many of the tenant, those of the lowest value.
    pub tenant_max_contexts: Option<u64>,
    /// Beyond so many bytes of text of the tenant, those of the lowest value.
    pub tenant_max_bytes: Option<u64>,
    /// Beyond so many of a user, those of the lowest value.
    pub user_max_contexts: Option<u64>,
    /// Beyond so many bytes of text of a user, those of the lowest value.
    pub user_max_bytes: Option<u64>,
    /// Beyond the newest so many of a session.
    pub keep_newest_per_session: Option<u64>,
}

impl Policy {
    /// The levels it is about.
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
    /// Everything that is wrong, each as `key: what is expected`.
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

/// Treatment of contexts that are close to a stored one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum DedupPolicy {
    /// They are stored like all others.
    #[default]
    Keep,
    /// They are stored, and name the ones they are close to.
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

/// Recognition of contexts that are close to stored ones. The same text in the same scope and level is recognised always.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dedup {
    /// Treatment of contexts that are close to a stored one: `keep` or `report`.
    pub policy: DedupPolicy,
    /// Lowest cosine at which two contexts count as close.
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
    /// Everything that is wrong, each as `key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        // Below a half, texts that are merely about the same would be reported.
        let outside = !(0.5..=1.0).contains(&self.similarity_threshold);
        outside
            .then(|| "similarity_threshold: must be from 0.5 to 1".to_owned())
            .into_iter()
            .collect()
    }
}

/// Summaries of promoted contexts, which are made only where there is a summarizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Consolidation {
    /// Lowest mean cosine of a context to the others of its group.
    pub similarity: f32,
    /// Smallest number of contexts that a summary is made of.
    pub min_group: usize,
    /// Largest number of contexts that a summary is made of.
    pub max_group: usize,
    /// Largest number of tokens of a summary.
    pub max_tokens: usize,
}

impl Default for Consolidation {
    /// Similarity and size were measured on recorded conversations, see docs/benchmarks.md.
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
    /// Everything that is wrong, each as `key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(0.0..=1.0).contains(&self.similarity) {
            problems.push("similarity: must be from 0 to 1".to_owned());
        }
        if self.min_group < 2 {
            problems.push("min_group: must be at least 2".to_owned());
        }
        // As many as the names of its sources leave room for.
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
    fn defaults_are_sound_and_every_problem_is_named() {
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
    fn policies_that_let_similarity_decide_are_refused_with_a_way_out() {
        let policy = |name: &str| serde_json::from_str::<DedupPolicy>(&format!("\"{name}\""));
        assert_eq!(policy("report").unwrap(), DedupPolicy::Report);
        for gone in ["merge", "reject"] {
            assert!(policy(gone).unwrap_err().to_string().contains("use `report`"));
        }
    }

    #[test]
    fn levels_of_a_policy_are_read_by_their_names() {
        let policy = |levels: &str| serde_json::from_str::<Policy>(&format!(r#"{{"name": "p", "levels": {levels}}}"#));
        let read = policy(r#"["l2", "long_term"]"#).unwrap();
        assert_eq!(read.levels(), [Level::ShortTerm, Level::LongTerm]);
        assert_eq!(policy("[]").unwrap().levels(), [Level::ShortTerm, Level::LongTerm]);
        assert!(policy(r#"["l9"]"#).is_err());
    }
}
