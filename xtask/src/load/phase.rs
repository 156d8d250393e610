//! What is done to the server in one stretch, and how it went.

use std::cell::{Cell, RefCell};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::collection;
use super::data::Data;
use super::pace;
use super::request::{Kind, Request, Verdict};
use super::scrape::{Histogram, Scrape, Series};
use super::siege::Siege;
use super::tally::Tally;
use super::{FilterBy, Settings};
use crate::subject::client::{Batch, Client, Filter, SEARCH, STORE, STORE_BATCH, Search};

/// How long after the end of a phase requests may start that were due within it.
const CATCH_UP: Duration = Duration::from_secs(10);

/// The kinds of phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
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
    /// Searches, while other clients try to hold the server up
    Siege,
    /// Stores as many contexts again, as `ingest` does, that expire at once
    Expire,
    /// Searches while everything that is expired is collected
    Collect,
}

impl Phase {
    /// Whether it lasts as long as there are batches to store.
    fn stores_batches(self) -> bool {
        matches!(self, Self::Ingest | Self::Expire)
    }
}

/// How a phase went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) phase: Phase,
    pub(super) tally: Tally,
    /// Requests that could not start in time.
    pub(super) not_started: u64,
    /// What the server recorded about itself meanwhile, warm-up included.
    pub(super) steps: Vec<(Series, Histogram)>,
}

/// Makes the phases' requests; no phase repeats those of another.
#[derive(Debug)]
pub(super) struct Run<'a> {
    settings: &'a Settings,
    data: Data,
    /// Questions and single contexts that earlier phases used up.
    asked: u64,
    stored: u64,
}

impl<'a> Run<'a> {
    /// Nothing was asked or stored yet.
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            data: Data::new(settings.seed, settings.level),
            asked: 0,
            stored: 0,
        }
    }

    /// Does one phase.
    ///
    /// # Errors
    /// When the server's metrics cannot be read; what goes wrong with requests is counted.
    pub(super) async fn phase(&mut self, phase: Phase, client: &Client) -> Result<Outcome> {
        let before = scrape(client).await?;
        let siege = (phase == Phase::Siege)
            .then(|| Siege::begin(client.base(), self.settings, self.first_search()))
            .transpose()?;
        let start = Instant::now();
        let timed = self.settings.warm_up() + self.settings.duration();
        let warm_up = if phase.stores_batches() {
            Duration::ZERO
        } else {
            self.settings.warm_up()
        };
        let tally = RefCell::new(Tally::new(start + warm_up));
        let used = Cell::new(0);
        let make = |number| {
            used.set(number + 1);
            self.request(phase, number)
        };
        let send = async |request: &Request| client.send(request.path, request.body.clone()).await;
        let record = |request: &Request, answer, times| {
            let verdict = Verdict::of(request.kind, answer);
            tally.borrow_mut().record(request.kind, times, verdict);
        };
        let workers = self.settings.concurrency;
        let requests = async {
            match self.settings.rate {
                _ if phase.stores_batches() => {
                    let batches = self.settings.contexts.div_ceil(self.settings.batch);
                    pace::closed(workers, |number| number < batches, make, send, record).await;
                    0
                }
                None => {
                    pace::closed(workers, |_| start.elapsed() < timed, make, send, record).await;
                    0
                }
                Some(rate) => {
                    let total = pace::due_within(timed, rate);
                    let ticks = pace::ticks(start, rate, total);
                    let give_up = start + timed + CATCH_UP;
                    total - pace::open(ticks, pace::MOST_IN_FLIGHT, give_up, make, send, record).await
                }
            }
        };
        let collection = async {
            if phase == Phase::Collect {
                collection::run(client).await
            } else {
                Ok(())
            }
        };
        let (not_started, collected) = tokio::join!(requests, collection);
        if let Some(siege) = siege {
            println!("{}", siege.end()?);
        }
        collected?;
        let searches = self.searches(phase, used.get());
        self.asked += searches;
        self.stored += used.get() - searches;
        Ok(Outcome {
            phase,
            tally: tally.into_inner(),
            not_started,
            steps: scrape(client).await?.since(&before),
        })
    }

    /// A search for the first question of all.
    pub(super) fn first_search(&self) -> Request {
        self.search(0)
    }

    fn request(&self, phase: Phase, number: u64) -> Request {
        let searches = self.searches(phase, number);
        match phase {
            Phase::Ingest => self.batch(number, false),
            Phase::Expire => self.batch(number, true),
            Phase::Search | Phase::Store | Phase::Mixed | Phase::Siege | Phase::Collect => {
                if self.searches(phase, number + 1) > searches {
                    self.search(self.asked + searches)
                } else {
                    self.store(self.stored + number - searches)
                }
            }
        }
    }

    /// How many of the first `count` requests are searches: as many as the share says, evenly spread.
    fn searches(&self, phase: Phase, count: u64) -> u64 {
        let percent = match phase {
            Phase::Ingest | Phase::Expire | Phase::Store => 0,
            Phase::Search | Phase::Siege | Phase::Collect => 100,
            Phase::Mixed => u64::from(self.settings.search_percent),
        };
        count * percent / 100
    }

    fn batch(&self, number: u64, expire: bool) -> Request {
        let first = number * self.settings.batch;
        let last = (first + self.settings.batch).min(self.settings.contexts);
        let make = |number| {
            if expire {
                self.data.expiring_context(number)
            } else {
                self.data.context(number)
            }
        };
        let contexts: Vec<_> = (first..last).map(make).collect();
        request(Kind::Batch, STORE_BATCH, &Batch { contexts: &contexts })
    }

    fn store(&self, number: u64) -> Request {
        request(Kind::Store, STORE, &self.data.live_context(number))
    }

    fn search(&self, number: u64) -> Request {
        let question = self.data.question(number, self.settings.contexts);
        let mut filter = Filter::default();
        match self.settings.filter {
            FilterBy::None => {}
            FilterBy::User => filter.user_id = Some(&question.user),
            FilterBy::Tag => filter.tags_any = vec![question.tag],
            FilterBy::Metadata => filter.metadata = [("channel", question.channel)].into(),
        }
        let search = Search {
            query: &question.text,
            mode: self.settings.mode,
            filter,
            limit: Some(self.settings.limit),
            max_tokens: self.settings.max_tokens,
        };
        request(Kind::Search, SEARCH, &search)
    }
}

fn request(kind: Kind, path: &'static str, body: &impl Serialize) -> Request {
    let body = serde_json::to_vec(body).expect("maps with text keys are JSON");
    Request { kind, path, body }
}

async fn scrape(client: &Client) -> Result<Scrape> {
    let text = client.metrics().await.context("cannot read the server's metrics")?;
    Scrape::parse(&text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn body(request: &Request) -> Value {
        serde_json::from_slice(&request.body).unwrap()
    }

    #[test]
    fn mixed_load_keeps_its_share_at_every_moment_and_takes_each_number_once() {
        let settings = Settings {
            search_percent: 80,
            ..Settings::default()
        };
        let run = Run::new(&settings);
        let requests: Vec<_> = (0..100).map(|number| run.request(Phase::Mixed, number)).collect();
        for ten in requests.chunks(10) {
            let searches = ten.iter().filter(|request| request.kind == Kind::Search).count();
            assert_eq!(searches, 8);
        }
        let bodies = |kind| {
            let of_kind = requests.iter().filter(move |request| request.kind == kind);
            of_kind.map(|request| request.body.clone()).collect::<Vec<_>>()
        };
        let searches: Vec<_> = (0..80).map(|number| run.search(number).body).collect();
        let stores: Vec<_> = (0..20).map(|number| run.store(number).body).collect();
        assert_eq!((bodies(Kind::Search), bodies(Kind::Store)), (searches, stores));
    }

    #[test]
    fn batches_hold_every_context_once() {
        let settings = Settings {
            contexts: 25,
            batch: 10,
            ..Settings::default()
        };
        let run = Run::new(&settings);
        let sizes = [0, 1, 2].map(|number| {
            let body = body(&run.request(Phase::Ingest, number));
            body["contexts"].as_array().unwrap().len()
        });
        assert_eq!(sizes, [10, 10, 5]);
    }

    #[test]
    fn search_asks_for_what_the_settings_say() {
        let settings = Settings {
            filter: FilterBy::Metadata,
            max_tokens: Some(500),
            ..Settings::default()
        };
        let body = body(&Run::new(&settings).request(Phase::Search, 0));
        assert_eq!((&body["limit"], &body["max_tokens"]), (&10.into(), &500.into()));
        assert!(super::super::data::CHANNELS.contains(&body["filter"]["metadata"]["channel"].as_str().unwrap()));
        assert_eq!(body["mode"], "hybrid");
    }
}
