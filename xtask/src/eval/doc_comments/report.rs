//! Report of the evaluation on doc comments. Each question has one answer: recall@k is the share of questions whose answer
//! is among the first k contexts, MRR@10 the mean of its reciprocal rank, 0 beyond rank 10.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::Table;
use context_manager_client::wire::SearchMode;
use serde::{Serialize, Serializer};

use super::corpus::Corpus;
use crate::eval::IN_FLIGHT;
use crate::eval::figures::{percentile, share};
use crate::report::{self, milliseconds};

/// Cutoffs of recall@k.
const CUTOFFS: [usize; 4] = [1, 5, 10, 50];
/// Cutoff of MRR@k.
const TOP: usize = 10;

/// Outcome of one mode.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) mode: SearchMode,
    /// Rank of the answer to each question, from 1.
    pub(super) ranks: Vec<Option<usize>>,
    pub(super) latencies: Vec<Duration>,
    /// Number of searches answered without a component of the server.
    pub(super) degraded: usize,
}

/// Results of all modes.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    paragraphs: usize,
    packages: usize,
    candidates: usize,
    #[serde(serialize_with = "as_hex")]
    fingerprint: u64,
    in_flight: usize,
    modes: Vec<Summary>,
}

#[derive(Debug, Serialize)]
struct Summary {
    mode: SearchMode,
    questions: usize,
    /// By k.
    recall_at: BTreeMap<usize, f64>,
    mrr_at_10: f64,
    p50_ms: f64,
    p99_ms: f64,
    degraded: usize,
    ranks: Vec<Option<usize>>,
}

impl Report {
    /// Builds the report.
    pub(super) fn new(corpus: &Corpus, asked: Vec<Asked>) -> Self {
        Self {
            paragraphs: corpus.entries.len(),
            packages: corpus.packages(),
            candidates: corpus.candidates,
            fingerprint: corpus.fingerprint(),
            in_flight: IN_FLIGHT,
            modes: asked.into_iter().map(Summary::from).collect(),
        }
    }

    /// Builds a table with a row for each mode, in percent and milliseconds.
    pub(super) fn table(&self) -> Table {
        let recall = CUTOFFS.map(|k| format!("recall@{k}"));
        let header = ["mode".to_owned(), "questions".to_owned()].into_iter().chain(recall);
        let header = header.chain(["MRR@10", "p50 ms", "p99 ms"].map(str::to_owned));
        let mut table = report::table(header, 1);
        for mode in &self.modes {
            let shares = mode.recall_at.values().chain([&mode.mrr_at_10]);
            let shares = shares.map(|share| format!("{:.1}", share * 100.0));
            let times = [mode.p50_ms, mode.p99_ms].map(|time| format!("{time:.2}"));
            let names = [format!("{:?}", mode.mode).to_lowercase(), mode.questions.to_string()];
            table.add_row(names.into_iter().chain(shares).chain(times));
        }
        table
    }

    /// Returns the size and origin of the sample, and reasons to doubt the figures.
    pub(super) fn notes(&self) -> String {
        let notes = format!(
            "percent; {} paragraphs of {} crates, chosen of {}; fingerprint {:016x}; {} searches at once",
            self.paragraphs, self.packages, self.candidates, self.fingerprint, self.in_flight
        );
        let degraded: usize = self.modes.iter().map(|mode| mode.degraded).sum();
        if degraded == 0 {
            return notes;
        }
        format!("{notes}\nWARNING: {degraded} searches were answered degraded")
    }
}

impl From<Asked> for Summary {
    fn from(asked: Asked) -> Self {
        let questions = asked.ranks.len();
        let found_by = |k| asked.ranks.iter().flatten().filter(|rank| **rank <= k).count();
        let ranks = asked.ranks.iter().flatten().filter(|rank| **rank <= TOP);
        let reciprocal: f64 = ranks.map(|rank| share(1, *rank)).sum();
        Self {
            mode: asked.mode,
            questions,
            recall_at: CUTOFFS.map(|k| (k, share(found_by(k), questions))).into(),
            mrr_at_10: reciprocal * share(1, questions),
            p50_ms: milliseconds(percentile(&asked.latencies, 50)),
            p99_ms: milliseconds(percentile(&asked.latencies, 99)),
            degraded: asked.degraded,
            ranks: asked.ranks,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn as_hex<S: Serializer>(fingerprint: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{fingerprint:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let corpus = Corpus {
            entries: Vec::new(),
            candidates: 7,
        };
        let asked = Asked {
            mode: SearchMode::Dense,
            ranks: vec![Some(1), Some(4), Some(11), None],
            latencies: vec![Duration::from_millis(2); 4],
            degraded: 1,
        };
        Report::new(&corpus, vec![asked])
    }

    #[test]
    fn row_holds_recall_and_reciprocal_rank() {
        let table = report().table().to_string();
        let row = table.lines().nth(2).unwrap();
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let expected = ["dense", "4", "25.0", "50.0", "50.0", "75.0", "31.2", "2.00", "2.00"];
        assert_eq!(cells[1..10], expected);
    }

    #[test]
    fn degraded_searches_are_pointed_out() {
        assert!(report().notes().contains("WARNING: 1 searches"));
    }
}
