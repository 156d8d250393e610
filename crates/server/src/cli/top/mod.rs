//! `context-manager top`: rates, latencies, levels and health of a server, again and again.

mod scrape;

use std::time::Duration;

use clap::Args;
use console::Term;
use context_manager_client::wire::{ComponentHealth, Health, Stats};
use context_manager_client::{Client, Error};
use indicatif::{HumanBytes, HumanDuration};
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::connection::{Connection, Stay, work_on};
use super::options::Options;
use super::output::{BAD, BOLD, DIM, GOOD, Output, OutputArgs, WARNING, count};
use super::when;
use scrape::{Requests, Scrape};

/// Lines of a frame beside those of the routes.
const OTHER_LINES: usize = 8;

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Time between two looks: seconds, or a duration.
    #[arg(long, value_name = "TIME", default_value = "2", value_parser = when::seconds)]
    interval: u64,
    /// End after so many looks. Default: at Ctrl-C.
    #[arg(long, value_name = "N")]
    frames: Option<u64>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connection: Connection,
}

/// State of a server at one moment.
#[derive(Debug)]
struct Look {
    at: Instant,
    stats: Stats,
    health: Known,
    metrics: Option<Scrape>,
}

/// Health of a server, as far as it tells.
#[derive(Debug)]
enum Known {
    Parts(Health),
    /// An unhealthy server gives a reason instead.
    Unhealthy(String),
    /// The key may not read it.
    Unknown,
}

impl Look {
    async fn take(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            at: Instant::now(),
            stats: client.get_stats().await?,
            health: match client.get_health(false).await {
                Ok(health) => Known::Parts(health),
                Err(Error::Refused(refusal)) if refusal.problem.status == 503 => {
                    Known::Unhealthy(refusal.problem.detail)
                }
                Err(error) => allowed(Err::<Health, _>(error)).map(|_| Known::Unknown)?,
            },
            metrics: allowed(client.get_metrics().await)?.map(|text| Scrape::read(&text)),
        })
    }

    /// Returns the requests of each route since another look, the most frequent first, and the seconds between both.
    fn routes(&self, before: Option<&Self>) -> (Vec<(&str, Requests)>, f64) {
        let earlier = before.and_then(|before| before.metrics.as_ref());
        let up = Duration::from_secs(self.stats.uptime_secs.max(1));
        let secs = before
            .map_or(up, |before| self.at.duration_since(before.at))
            .as_secs_f64();
        let routes = self.metrics.iter().flat_map(|metrics| &metrics.routes);
        let mut routes: Vec<_> = routes
            .map(|(name, requests)| {
                let before = earlier.and_then(|earlier| earlier.routes.get(name));
                (name.as_str(), requests.since(before))
            })
            .filter(|(_, requests)| requests.count > 0.0)
            .collect();
        routes.sort_by(|one, other| other.1.count.total_cmp(&one.1.count));
        (routes, secs)
    }
}

impl Known {
    fn components(&self) -> &[ComponentHealth] {
        match self {
            Self::Parts(health) => &health.components,
            Self::Unhealthy(_) | Self::Unknown => &[],
        }
    }

    fn troubles(&self) -> Vec<String> {
        if let Self::Unhealthy(reason) = self {
            return vec![reason.clone()];
        }
        let troubled = self.components().iter().filter(|part| part.status != "healthy");
        troubled
            .map(|part| {
                let trouble = part.last_error.as_deref().unwrap_or_default();
                format!("{} is {}: {trouble}", part.name, part.status)
            })
            .collect()
    }
}

/// Returns `None` for what a key may not read.
fn allowed<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.status(), Some(401 | 403)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The cursor of a terminal, which is shown again in the end.
#[derive(Debug)]
struct Screen(Term);

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _gone = self.0.show_cursor();
    }
}

pub(super) fn run(options: Options, args: &TopArgs) -> anyhow::Result<()> {
    let output = args.output.open();
    work_on(options, &args.connection, Stay::Long, async |memory| {
        let screen = (output.is_terminal() && !output.is_json()).then(|| Screen(Term::stdout()));
        if let Some(Screen(terminal)) = &screen {
            terminal.hide_cursor()?;
        }
        let mut ticks = interval(Duration::from_secs(args.interval.max(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = None;
        let mut frames = 0;
        loop {
            ticks.tick().await;
            let look = Look::take(&memory.client).await?;
            if let Some(Screen(terminal)) = &screen {
                terminal.clear_screen()?;
            }
            if output.is_json() {
                json_frame(&output, &look, before.as_ref())?;
            } else {
                frame(&output, memory.client.url(), &look, before.as_ref())?;
            }
            frames += 1;
            if args.frames == Some(frames) {
                return Ok(());
            }
            before = Some(look);
        }
    })
}

fn frame(output: &Output, url: &str, look: &Look, before: Option<&Look>) -> anyhow::Result<()> {
    let stats = &look.stats;
    let (verdict, style) = match &look.health {
        Known::Parts(health) if health.status == "healthy" => ("healthy", GOOD),
        Known::Parts(_) => ("degraded", WARNING),
        Known::Unhealthy(_) => ("unhealthy", BAD),
        Known::Unknown => ("health unknown", DIM),
    };
    let up = HumanDuration(Duration::from_secs(stats.uptime_secs));
    output.line(format!(
        "{}  {}  up {up}  {}",
        output.paint(BOLD, output.text(url)),
        output.text(&stats.model.name),
        output.paint(style, verdict)
    ))?;
    let levels = &stats.contexts;
    output.line(format!(
        "contexts {}  immediate {}  short_term {}  long_term {}  pending {}",
        count(stats.total),
        count(levels.immediate),
        count(levels.short_term),
        count(levels.long_term),
        count(stats.pending_embeddings)
    ))?;
    let gauge = |name| look.metrics.as_ref().and_then(|metrics| metrics.gauge(name));
    let bytes = |name| gauge(name).map(|bytes| HumanBytes(whole(bytes)).to_string());
    let parts = [
        ("memory", bytes("process_resident_memory_bytes")),
        ("store", bytes("context_manager_store_bytes")),
        ("disk free", bytes("context_manager_disk_free_bytes")),
        (
            "connections",
            gauge("context_manager_connections").map(|open| open.to_string()),
        ),
        (
            "in flight",
            gauge("context_manager_requests_in_flight").map(|open| open.to_string()),
        ),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect();
    output.line(parts.join("  "))?;
    for trouble in look.health.troubles() {
        output.line(output.paint(WARNING, output.text(&trouble)))?;
    }
    output.line("")?;
    if look.metrics.is_none() {
        output.line("the key may not read the metrics: it needs the permission metrics")?;
        return Ok(());
    }
    let (routes, secs) = look.routes(before);
    let height = if output.is_terminal() {
        usize::from(Term::stdout().size().0)
    } else {
        usize::MAX
    };
    let rows = routes
        .iter()
        .take(height.saturating_sub(OTHER_LINES))
        .map(|(name, requests)| {
            [
                (*name).to_owned(),
                format!("{:.1}", requests.count / secs),
                millis(requests.within(0.5)),
                millis(requests.within(0.99)),
                format!("{:.1}", requests.refused / secs),
                format!("{:.1}", requests.failed / secs),
            ]
        });
    output.table(["route", "per s", "p50", "p99", "4xx per s", "5xx per s"], rows)?;
    Ok(())
}

fn json_frame(output: &Output, look: &Look, before: Option<&Look>) -> anyhow::Result<()> {
    let (routes, secs) = look.routes(before);
    let routes = routes.iter().map(|(name, requests)| {
        json!({
            "route": name,
            "per_second": requests.count / secs,
            "p50_seconds": requests.within(0.5),
            "p99_seconds": requests.within(0.99),
            "refused_per_second": requests.refused / secs,
            "failed_per_second": requests.failed / secs,
        })
    });
    output.object(&json!({
        "stats": look.stats,
        "health": look.health.components(),
        "routes": routes.collect::<Vec<_>>(),
    }))
}

fn millis(secs: Option<f64>) -> String {
    match secs {
        None => String::new(),
        Some(secs) if secs.is_infinite() => "> 5 s".to_owned(),
        Some(secs) => format!("≤ {} ms", secs * 1000.0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are whole and not negative"
)]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
