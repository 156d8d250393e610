//! What a load shows in the end: tables for people, and the same as JSON.

mod figures;

use std::fmt;
use std::time::Duration;

use comfy_table::Table;
use serde::Serialize;

use super::Settings;
use super::phase::{Outcome, Phase};
use super::request::Kind;
use crate::report::{milliseconds, table};
use crate::subject::Server;
use figures::{Row, Step};

/// Requests of an open loop that started so much too late say more about the client than about the server.
const LATE: Duration = Duration::from_millis(5);

/// All results of one load.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    settings: Settings,
    /// From the start of the process to its first answer that it is ready, with an empty store.
    start_up_ms: Option<f64>,
    phases: Vec<PhaseReport>,
    restart: Option<Restart>,
}

#[derive(Debug, Serialize)]
struct PhaseReport {
    phase: Phase,
    seconds: f64,
    not_started: u64,
    requests: Vec<Row>,
    steps: Vec<Step>,
    /// The server's anonymous memory at the end, and what its data takes on the disk.
    anonymous_bytes: Option<u64>,
    disk_bytes: Option<u64>,
}

/// How the server came up again on the data of all phases.
#[derive(Debug, Serialize)]
pub(super) struct Restart {
    start_up_ms: f64,
    /// From the start of the process to the end of its first answer to a search.
    first_search_ms: f64,
    anonymous_bytes: Option<u64>,
}

impl Restart {
    /// Of a server whose first search was answered so long after its start.
    pub(super) fn new(server: &Server, first_search: Duration) -> Self {
        Self {
            start_up_ms: milliseconds(server.start_up()),
            first_search_ms: milliseconds(first_search),
            anonymous_bytes: server.anonymous_bytes(),
        }
    }
}

impl Report {
    /// A report without a phase.
    pub(super) fn new(settings: Settings, own: Option<&Server>) -> Self {
        Self {
            settings,
            start_up_ms: own.map(|server| milliseconds(server.start_up())),
            phases: Vec::new(),
            restart: None,
        }
    }

    /// Adds a phase that has just ended.
    pub(super) fn add(&mut self, outcome: &Outcome, own: Option<&Server>) {
        let seconds = outcome.tally.took().as_secs_f64();
        let figures = outcome.tally.figures();
        self.phases.push(PhaseReport {
            phase: outcome.phase,
            seconds,
            not_started: outcome.not_started,
            requests: figures
                .iter()
                .map(|(kind, figures)| Row::new(*kind, figures, seconds))
                .collect(),
            steps: outcome.steps.iter().map(Step::from).collect(),
            anonymous_bytes: own.and_then(Server::anonymous_bytes),
            disk_bytes: own.and_then(Server::disk_bytes),
        });
    }

    /// Notes how the restart went.
    pub(super) fn restarted(&mut self, restart: Option<Restart>) {
        self.restart = restart;
    }

    fn requests_table(&self) -> Table {
        let header = [
            "phase",
            "requests",
            "count",
            "errors",
            "per s",
            "contexts/s",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
        ];
        let mut table = table(header, 2);
        for phase in &self.phases {
            for row in &phase.requests {
                let kind = row.kind.map_or("all".to_owned(), |kind| shown(&kind));
                let errors: u64 = row.errors.values().sum();
                let q = &row.latency_ms;
                table.add_row(
                    [
                        shown(&phase.phase),
                        kind,
                        row.requests.to_string(),
                        errors.to_string(),
                        format!("{:.0}", row.per_second),
                        format!("{:.0}", row.contexts_per_second),
                    ]
                    .into_iter()
                    .chain([q.p50, q.p90, q.p99, q.p999, q.max].map(two_digits)),
                );
            }
        }
        table
    }

    fn steps_table(&self) -> Table {
        let header = [
            "phase",
            "server's histogram",
            "count",
            "mean ms",
            "p50 ms",
            "p90 ms",
            "p99 ms",
        ];
        let mut table = table(header, 2);
        for phase in &self.phases {
            for step in &phase.steps {
                let times = [step.mean_ms, step.p50_ms, step.p90_ms, step.p99_ms].map(|ms| format!("{ms:.3}"));
                let names = [shown(&phase.phase), step.shown.clone(), step.count.to_string()];
                table.add_row(names.into_iter().chain(times));
            }
        }
        table
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(start_up) = self.start_up_ms {
            notes.push(format!("start-up, empty: {start_up:.0} ms"));
        }
        if let Some(restart) = &self.restart {
            notes.push(format!(
                "start-up, loaded: {:.0} ms, first search answered after {:.0} ms, {} anonymous",
                restart.start_up_ms,
                restart.first_search_ms,
                mebibytes(restart.anonymous_bytes)
            ));
        }
        for phase in &self.phases {
            if phase.anonymous_bytes.is_some() {
                notes.push(format!(
                    "after {}: {} of anonymous memory, {} on the disk",
                    shown(&phase.phase),
                    mebibytes(phase.anonymous_bytes),
                    mebibytes(phase.disk_bytes)
                ));
            }
            notes.extend(phase.warnings());
        }
        notes
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        writeln!(f, "{}\n\n{}", self.requests_table(), self.steps_table())?;
        let pace = settings.rate.map_or_else(
            || format!("closed loop, {} at once", settings.concurrency),
            |rate| {
                format!(
                    "open loop, {rate} requests/s (ingest: closed loop, {} at once)",
                    settings.concurrency
                )
            },
        );
        write!(
            f,
            "{} contexts in batches of {}; {pace}; {} searches, limit {}",
            settings.contexts,
            settings.batch,
            shown(&settings.mode),
            settings.limit
        )?;
        self.notes().iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}

impl PhaseReport {
    /// What lessens the figures.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |text: String| warnings.push(format!("WARNING: {}: {text}", shown(&self.phase)));
        if self.not_started > 0 {
            warn(format!(
                "{} requests were not started, as the server was too far behind",
                self.not_started
            ));
        }
        for row in self.requests.iter().filter(|row| row.kind.is_some()) {
            for (error, count) in &row.errors {
                warn(format!("{count} times {error}"));
            }
            if row.degraded > 0 {
                warn(format!("{} answers or contexts were degraded or pending", row.degraded));
            }
            if row.known > 0 {
                warn(format!(
                    "{} contexts were there already, which is faster than storing them",
                    row.known
                ));
            }
            if row.late_start_ms.p99 > milliseconds(LATE) {
                warn(format!(
                    "requests started late, p99 {:.1} ms: the client was busy, or too much was in flight",
                    row.late_start_ms.p99
                ));
            }
            if row.kind == Some(Kind::Search) && row.contexts == 0 {
                warn("searches found nothing".to_owned());
            }
        }
        warnings
    }
}

/// The name of one of our enums.
fn shown(name: &impl fmt::Debug) -> String {
    format!("{name:?}").to_lowercase()
}

fn two_digits(number: f64) -> String {
    format!("{number:.2}")
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "unknown".to_owned(),
        |bytes| format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    )
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::load::pace::Times;
    use crate::load::request::Verdict;
    use crate::load::scrape;
    use crate::load::tally::Tally;

    fn report(verdicts: impl IntoIterator<Item = Verdict>, not_started: u64) -> Report {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        for (verdict, number) in verdicts.into_iter().zip(1..) {
            let times = Times {
                due: start,
                started: start,
                ended: start + Duration::from_millis(number * 500),
            };
            tally.record(Kind::Search, times, verdict);
        }
        let steps = "context_manager_search_step_duration_seconds_bucket{step=\"rank\",le=\"0.002\"} 4\n\
                     context_manager_search_step_duration_seconds_sum{step=\"rank\"} 0.006\n\
                     context_manager_search_step_duration_seconds_count{step=\"rank\"} 4\n";
        let mut report = Report::new(Settings::default(), None);
        let outcome = Outcome {
            phase: Phase::Search,
            tally,
            not_started,
            steps: scrape::Scrape::parse(steps).unwrap().since(&scrape::Scrape::default()),
        };
        report.add(&outcome, None);
        report
    }

    fn found(contexts: u64) -> Verdict {
        Verdict {
            contexts,
            ..Verdict::default()
        }
    }

    fn cells(table: &Table) -> Vec<String> {
        let table = table.to_string();
        let row = table.lines().nth(2).unwrap();
        row.split('|').map(|cell| cell.trim().to_owned()).collect()
    }

    #[test]
    fn row_shows_throughput_latency_and_errors() {
        let failed = Verdict {
            errors: vec!["503".to_owned()],
            ..Verdict::default()
        };
        let report = report([found(10), found(10), failed, found(10)], 0);
        let row = cells(&report.requests_table());
        // Three answers and 30 contexts in 2 s; the histogram keeps three digits.
        assert_eq!(row[1..7], ["search", "search", "4", "1", "2", "15"]);
        assert!(row[7].starts_with("1000.") || row[7].starts_with("1001."), "{row:?}");
        assert!(report.to_string().contains("WARNING: search: 1 times 503"), "{report}");
    }

    #[test]
    fn steps_of_the_server_are_shown_with_their_labels() {
        let row = cells(&report([found(1)], 0).steps_table());
        assert_eq!(row[1..6], ["search", "search_step{step=rank}", "4", "1.500", "1.000"]);
    }

    #[test]
    fn what_lessens_the_figures_is_pointed_out() {
        let text = report([found(0)], 7).to_string();
        assert!(text.contains("7 requests were not started"), "{text}");
        assert!(text.contains("searches found nothing"), "{text}");
    }

    #[test]
    fn json_holds_settings_and_figures() {
        let json = serde_json::to_value(report([found(3)], 0)).unwrap();
        assert_eq!(json["settings"]["seed"], 1);
        assert_eq!(json["phases"][0]["requests"][0]["contexts"], 3);
        assert_eq!(json["phases"][0]["steps"][0]["labels"]["step"], "rank");
    }
}
