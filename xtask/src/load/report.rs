//! Reports of loads: tables for people, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::Table;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::settings::{Phase, Settings};
use super::tally::{Figures, Kind, Tally};
use crate::report::{milliseconds, table};
use crate::subject::Server;

/// Lateness of an open loop's requests, in milliseconds, above which figures say more about the client than the server.
const LATE_MS: f64 = 5.0;

/// Results of a load.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    settings: Settings,
    /// Time from the start of the process until it is ready, with an empty store.
    start_up_ms: Option<f64>,
    phases: Vec<PhaseReport>,
    pub(super) restart: Option<Restart>,
}

/// The part of a saved report that others are compared with.
#[derive(Debug, Deserialize)]
pub(super) struct Saved {
    phases: Vec<PhaseReport>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PhaseReport {
    phase: Phase,
    seconds: f64,
    not_started: u64,
    requests: Vec<Row>,
    /// Anonymous memory of the server at the end, and the size of its data on the disk.
    anonymous_bytes: Option<u64>,
    disk_bytes: Option<u64>,
}

/// Figures of one kind of request, or of all together.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    kind: Option<Kind>,
    requests: u64,
    /// Without errors.
    per_second: f64,
    contexts: u64,
    contexts_per_second: f64,
    known: u64,
    degraded: u64,
    errors: BTreeMap<String, u64>,
    latency_ms: Quantiles,
    late_start_ms: Quantiles,
}

#[derive(Debug, Serialize, Deserialize)]
struct Quantiles {
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// Figures of a restart on the data of all phases.
#[derive(Debug, Serialize)]
pub(super) struct Restart {
    start_up_ms: f64,
    /// Time from the start of the process to the end of its first response to a search.
    first_search_ms: f64,
    anonymous_bytes: Option<u64>,
}

/// Reads a saved report.
///
/// # Errors
/// When it cannot be read, or is none.
pub(super) fn read(path: &Path) -> Result<Saved> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not the report of a load", path.display()))
}

impl Restart {
    pub(super) fn new(server: &Server, first_search: Duration) -> Self {
        Self {
            start_up_ms: milliseconds(server.start_up()),
            first_search_ms: milliseconds(first_search),
            anonymous_bytes: server.anonymous_bytes(),
        }
    }
}

impl Report {
    /// Builds a report without phases.
    pub(super) fn new(settings: Settings, own: Option<&Server>) -> Self {
        Self {
            settings,
            start_up_ms: own.map(|server| milliseconds(server.start_up())),
            phases: Vec::new(),
            restart: None,
        }
    }

    /// Adds a phase that has just ended.
    pub(super) fn add(&mut self, phase: Phase, tally: &Tally, not_started: u64, own: Option<&Server>) {
        let seconds = tally.took().as_secs_f64();
        let figures = tally.figures();
        self.phases.push(PhaseReport {
            phase,
            seconds,
            not_started,
            requests: figures
                .iter()
                .map(|(kind, figures)| Row::new(*kind, figures, seconds))
                .collect(),
            anonymous_bytes: own.and_then(Server::anonymous_bytes),
            disk_bytes: own.and_then(Server::disk_bytes),
        });
    }

    /// Builds a table of the changes since an earlier report.
    pub(super) fn comparison(&self, earlier: &Saved) -> Table {
        let header = ["phase", "requests", "figure", "before", "now", "change"];
        let mut table = table(header, 3);
        for (phase, row) in rows(&self.phases) {
            let Some((_, before)) =
                rows(&earlier.phases).find(|(other, before)| *other == phase && before.kind == row.kind)
            else {
                continue;
            };
            let figure = |name: &str, of: fn(&Row) -> f64| {
                let (before, now) = (of(before), of(row));
                let change = if before > 0.0 {
                    format!("{:+.1} %", (now / before - 1.0) * 100.0)
                } else {
                    String::new()
                };
                [
                    shown(&phase),
                    kind(row),
                    name.to_owned(),
                    two_digits(before),
                    two_digits(now),
                    change,
                ]
            };
            table.add_row(figure("per s", |row| row.per_second));
            table.add_row(figure("p50 ms", |row| row.latency_ms.p50));
            table.add_row(figure("p99 ms", |row| row.latency_ms.p99));
        }
        table
    }

    fn table(&self) -> Table {
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
        for (phase, row) in rows(&self.phases) {
            let q = &row.latency_ms;
            let counts = [
                shown(&phase),
                kind(row),
                row.requests.to_string(),
                row.errors.values().sum::<u64>().to_string(),
                format!("{:.0}", row.per_second),
                format!("{:.0}", row.contexts_per_second),
            ];
            let times = [q.p50, q.p90, q.p99, q.p999, q.max].map(two_digits);
            table.add_row(counts.into_iter().chain(times));
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
                "start-up, loaded: {:.0} ms, first search answered after {:.0} ms, {} of anonymous memory",
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
            notes.extend(
                phase
                    .warnings()
                    .map(|text| format!("WARNING: {}: {text}", shown(&phase.phase))),
            );
        }
        notes
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        let pace = match settings.rate {
            Some(rate) => format!("open loop, {rate} requests/s"),
            None => format!("closed loop, {} at once", settings.concurrency),
        };
        writeln!(f, "{}\n", self.table())?;
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
    /// Reasons to doubt the figures.
    fn warnings(&self) -> impl Iterator<Item = String> {
        let behind = (self.not_started > 0).then(|| {
            format!(
                "{} requests were not started, as the server was too far behind",
                self.not_started
            )
        });
        let rows = self.requests.iter().filter(|row| row.kind.is_some());
        behind.into_iter().chain(rows.flat_map(Row::warnings))
    }
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    fn new(kind: Option<Kind>, figures: &Figures, seconds: f64) -> Self {
        let per_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Self {
            kind,
            requests: figures.requests,
            per_second: per_second(figures.latency.len()),
            contexts: figures.contexts,
            contexts_per_second: per_second(figures.contexts),
            known: figures.known,
            degraded: figures.degraded,
            errors: figures.errors.clone(),
            latency_ms: Quantiles::from(&figures.latency),
            late_start_ms: Quantiles::from(&figures.lateness),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<_> = self
            .errors
            .iter()
            .map(|(error, count)| format!("{count} times {error}"))
            .collect();
        if self.degraded > 0 {
            warnings.push(format!("{} responses were degraded", self.degraded));
        }
        if self.known > 0 {
            warnings.push(format!("{} contexts were stored before, which is faster", self.known));
        }
        if self.late_start_ms.p99 > LATE_MS {
            let late = self.late_start_ms.p99;
            warnings.push(format!("requests started late, p99 {late:.1} ms: the client was busy"));
        }
        if self.kind == Some(Kind::Search) && self.contexts == 0 {
            warnings.push("searches found nothing".to_owned());
        }
        warnings
    }
}

impl From<&Histogram<u64>> for Quantiles {
    #[expect(
        clippy::cast_precision_loss,
        reason = "two minutes of microseconds are far below 2^52"
    )]
    fn from(micros: &Histogram<u64>) -> Self {
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            mean: micros.mean() / 1_000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: micros.max() as f64 / 1_000.0,
        }
    }
}

fn rows(phases: &[PhaseReport]) -> impl Iterator<Item = (Phase, &Row)> {
    phases
        .iter()
        .flat_map(|phase| phase.requests.iter().map(|row| (phase.phase, row)))
}

fn kind(row: &Row) -> String {
    row.kind.map_or("all".to_owned(), |kind| shown(&kind))
}

/// The name of a variant.
fn shown(name: &impl fmt::Debug) -> String {
    format!("{name:?}").to_lowercase()
}

fn two_digits(number: f64) -> String {
    format!("{number:.2}")
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or("unknown".to_owned(), |bytes| {
        format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::pace::Times;
    use super::super::tally::Outcome;
    use super::*;

    fn found(contexts: u64, error: Option<&str>) -> Outcome {
        Outcome {
            contexts,
            errors: error.into_iter().map(ToOwned::to_owned).collect(),
            ..Outcome::default()
        }
    }

    /// A report of a phase with these outcomes of searches, each of a second, two in all.
    fn report(outcomes: impl IntoIterator<Item = Outcome>, not_started: u64) -> Report {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut tally = Tally::new(start);
        for (number, outcome) in outcomes.into_iter().enumerate() {
            let due = start + if number == 0 { second } else { Duration::ZERO };
            let times = Times {
                due,
                started: due,
                ended: due + second,
            };
            tally.record(Kind::Search, times, outcome);
        }
        let mut report = Report::new(Settings::default(), None);
        report.add(Phase::Search, &tally, not_started, None);
        report
    }

    fn cells(table: &Table) -> Vec<String> {
        let row = table.to_string().lines().nth(2).unwrap().to_owned();
        row.split('|').map(|cell| cell.trim().to_owned()).collect()
    }

    #[test]
    fn a_row_shows_throughput_latency_and_errors() {
        let report = report(
            [found(10, None), found(10, None), found(0, Some("503")), found(10, None)],
            0,
        );
        let row = cells(&report.table());
        // Three responses and 30 contexts in 2 s; the histogram keeps three digits.
        assert_eq!(row[1..7], ["search", "search", "4", "1", "2", "15"]);
        assert!(row[7].starts_with("1000.") || row[7].starts_with("1001."), "{row:?}");
        assert!(report.to_string().contains("WARNING: search: 1 times 503"), "{report}");
    }

    #[test]
    fn reasons_to_doubt_the_figures_are_shown() {
        let text = report([found(0, None)], 7).to_string();
        assert!(
            text.contains("7 requests were not started") && text.contains("searches found nothing"),
            "{text}"
        );
    }

    #[test]
    fn a_saved_report_is_read_again_and_compared_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        crate::report::write_json(&path, &report([found(3, None), found(3, None)], 0)).unwrap();
        let table = report([found(3, None)], 0).comparison(&read(&path).unwrap());
        assert_eq!(
            cells(&table)[1..7],
            ["search", "search", "per s", "1.00", "0.50", "-50.0 %"]
        );
        fs::write(&path, "{}").unwrap();
        assert!(read(&path).is_err());
    }
}
