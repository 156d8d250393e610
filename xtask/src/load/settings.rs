//! Settings of a load.

use clap::ValueEnum;
use context_manager_client::wire::{Level, SearchMode};
use serde::{Deserialize, Serialize};

use crate::subject::word;

/// Settings of a load, which its report repeats.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub(super) struct Settings {
    /// Phases in this order; all but `ingest` and `expire` expect the contexts of an earlier `ingest`
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ingest,search,store,mixed")]
    pub(super) phases: Vec<Phase>,
    /// Number of contexts that `ingest` stores and that questions are about
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) contexts: u64,
    /// Contexts in one call of `ingest`
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(super) batch: u64,
    /// Closed loop: number of workers, each of which starts a request when its last one is answered
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(super) concurrency: usize,
    /// Open loop: requests started per second, whether or not earlier ones are answered; latency counts from when they
    /// were due. `ingest` and `expire` are always closed loops
    #[arg(long, value_name = "R", value_parser = positive)]
    pub(super) rate: Option<f64>,
    /// Seconds of each phase but `ingest` and `expire`, warm-up not counted
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = positive)]
    pub(super) duration: f64,
    /// Seconds at the beginning of each phase but `ingest` and `expire` that are not counted
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = not_negative)]
    pub(super) warm_up: f64,
    /// Seconds of rest before each phase but the first
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = not_negative)]
    pub(super) settle: f64,
    /// Searches among the requests of `mixed`, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) search_percent: u8,
    /// Search mode: `hybrid`, `dense` or `lexical`
    #[arg(long, default_value = "hybrid", value_parser = word::<SearchMode>)]
    pub(super) mode: SearchMode,
    /// Contexts that a search asks for
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) limit: usize,
    /// Maximum number of tokens that a search asks for
    #[arg(long, value_name = "N")]
    pub(super) max_tokens: Option<usize>,
    /// Filter of searches
    #[arg(long, value_enum, default_value_t)]
    pub(super) filter: FilterBy,
    /// One user owns all contexts: with `--filter user`, each search is among all of them
    #[arg(long)]
    pub(super) one_user: bool,
    /// Level of all contexts: `immediate`, `short_term` or `long_term`
    #[arg(long, default_value = "long_term", value_parser = word::<Level>)]
    pub(super) level: Level,
    /// Seed of contexts and questions
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
}

/// Field of the context in question that a search filters by.
#[derive(Clone, Copy, Debug, Default, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum FilterBy {
    /// No filter
    #[default]
    None,
    /// The contexts of its user
    User,
    /// A twelfth of all
    Tag,
    /// A quarter of all
    Metadata,
}

/// The phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// Stores all contexts in batches, as fast as they are taken
    Ingest,
    /// Searches
    Search,
    /// Stores contexts one by one
    Store,
    /// Searches and stores
    Mixed,
    /// Stores as many contexts again, which expire at once
    Expire,
    /// Searches while garbage collection deletes everything that is expired
    Collect,
}

impl Phase {
    /// Returns whether the phase ends with its batches.
    pub(super) fn stores_batches(self) -> bool {
        matches!(self, Self::Ingest | Self::Expire)
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = not_negative(text)?;
    if number > 0.0 {
        Ok(number)
    } else {
        Err("must be above 0".to_owned())
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    // A day: no measurement takes longer, and no duration overflows.
    if (0.0..=86_400.0).contains(&number) {
        Ok(number)
    } else {
        Err("must be between 0 and 86400".to_owned())
    }
}

#[cfg(test)]
impl Default for Settings {
    fn default() -> Self {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            settings: Settings,
        }
        <Alone as clap::Parser>::parse_from(["load"]).settings
    }
}
