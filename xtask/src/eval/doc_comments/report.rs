//! Report of the evaluation on doc comments. Each question has one answer.

use std::time::Duration;

use comfy_table::Table;
use context_manager_client::wire::SearchMode;
use serde::{Serialize, Serializer};

use super::corpus::Corpus;
use crate::eval::calls::IN_FLIGHT;
use crate::eval::figures::{Figures, Latency, Ranks};
use crate::report;

/// Cutoffs of recall@k.
const CUTOFFS: [usize; 4] = [1, 5, 10, 50];

/// Outcome of one mode.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) mode: SearchMode,
    /// Rank of the answer to each question.
    pub(super) ranks: Vec<Ranks>,
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
    #[serde(flatten)]
    figures: Figures,
    #[serde(flatten)]
    latency: Latency,
    degraded: usize,
    ranks: Vec<Ranks>,
}

impl Report {
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
        let header = ["mode", "questions"].map(str::to_owned).into_iter().chain(recall);
        let header = header.chain(["hit@10", "MRR@10", "p50 ms", "p99 ms"].map(str::to_owned));
        let mut table = report::table(header, 1);
        for mode in &self.modes {
            let names = [
                format!("{:?}", mode.mode).to_lowercase(),
                mode.figures.questions.to_string(),
            ];
            let times = [mode.latency.p50_ms, mode.latency.p99_ms].map(|time| format!("{time:.2}"));
            table.add_row(names.into_iter().chain(mode.figures.cells()).chain(times));
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
        let ranks: Vec<_> = asked.ranks.iter().collect();
        Self {
            mode: asked.mode,
            figures: Figures::of(&ranks, &CUTOFFS),
            latency: Latency::of(&asked.latencies),
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

    #[test]
    fn a_row_holds_recall_and_reciprocal_rank_and_degraded_searches_are_pointed_out() {
        let corpus = Corpus {
            entries: Vec::new(),
            candidates: 7,
        };
        let asked = Asked {
            mode: SearchMode::Dense,
            ranks: [Some(1), Some(4), Some(11), None].map(|rank| vec![rank]).into(),
            latencies: vec![Duration::from_millis(2); 4],
            degraded: 1,
        };
        let report = Report::new(&corpus, vec![asked]);
        let table = report.table().to_string();
        let cells: Vec<_> = table.lines().nth(2).unwrap().split('|').map(str::trim).collect();
        let expected = [
            "dense", "4", "25.0", "50.0", "50.0", "75.0", "50.0", "31.2", "2.00", "2.00",
        ];
        assert_eq!(cells[1..11], expected);
        assert!(report.notes().contains("WARNING: 1 searches"));
    }
}
