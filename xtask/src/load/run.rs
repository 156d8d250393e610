//! Phases of a load and their requests.

use std::cell::{Cell, RefCell};

use anyhow::{Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{Exact, Filter, GcRequest, NewContext, SearchRequest};
use tokio::time::{Duration, Instant};

use super::data::Data;
use super::pace;
use super::settings::{FilterBy, Phase, Settings};
use super::tally::{Kind, Outcome, Tally};

/// Time after the end of a phase within which requests may start that were due before.
const CATCH_UP: Duration = Duration::from_secs(10);
/// Maximum duration of garbage collection.
const GC_DEADLINE: Duration = Duration::from_mins(10);

/// A request, ready to be sent.
#[derive(Debug)]
enum Request {
    Batch(Vec<NewContext>),
    Store(Box<NewContext>),
    Search(Box<SearchRequest>),
}

impl Request {
    fn kind(&self) -> Kind {
        match self {
            Self::Batch(_) => Kind::Batch,
            Self::Store(_) => Kind::Store,
            Self::Search(_) => Kind::Search,
        }
    }

    async fn send(&self, client: &Client) -> Outcome {
        let outcome = match self {
            Self::Batch(contexts) => client.store_contexts(contexts).await.map(Outcome::from),
            Self::Store(context) => client.store_context(context).await.map(Outcome::from),
            Self::Search(search) => client.search_contexts(search).await.map(Outcome::from),
        };
        outcome.unwrap_or_else(Outcome::from)
    }
}

/// Makes the requests of all phases; no phase repeats those of another.
#[derive(Debug)]
pub(super) struct Run<'a> {
    settings: &'a Settings,
    data: Data,
    /// Questions and single contexts that earlier phases used.
    asked: u64,
    stored: u64,
}

impl<'a> Run<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            data: Data::new(settings.seed, settings.level).of_one_user(settings.one_user),
            asked: 0,
            stored: 0,
        }
    }

    /// Runs a phase and returns its counts, and the number of requests that could not start in time.
    ///
    /// # Errors
    /// When garbage collection fails. Requests that fail are counted.
    pub(super) async fn phase(&mut self, phase: Phase, client: &Client) -> Result<(Tally, u64)> {
        let start = Instant::now();
        let warm_up = Duration::from_secs_f64(self.settings.warm_up);
        let timed = warm_up + Duration::from_secs_f64(self.settings.duration);
        let warm_up = if phase.stores_batches() {
            Duration::ZERO
        } else {
            warm_up
        };
        let tally = RefCell::new(Tally::new(start + warm_up));
        let used = Cell::new(0);
        let make = |number| {
            used.set(number + 1);
            self.request(phase, number)
        };
        let send = async |request: &Request| request.send(client).await;
        let record = |request: &Request, outcome, times| tally.borrow_mut().record(request.kind(), times, outcome);
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
                    let (ticks, give_up) = (pace::ticks(start, rate, total), start + timed + CATCH_UP);
                    total - pace::open(ticks, pace::MAX_IN_FLIGHT, give_up, make, send, record).await
                }
            }
        };
        let collected = async {
            match phase {
                Phase::Collect => collect_garbage(client).await,
                Phase::Ingest | Phase::Search | Phase::Store | Phase::Mixed | Phase::Expire => Ok(()),
            }
        };
        let (not_started, collected) = tokio::join!(requests, collected);
        collected?;
        let searches = self.searches(phase, used.get());
        self.asked += searches;
        self.stored += used.get() - searches;
        Ok((tally.into_inner(), not_started))
    }

    /// Sends the first search of all.
    ///
    /// # Errors
    /// When it finds nothing.
    pub(super) async fn search_once(&self, client: &Client) -> Result<()> {
        let found = client.search_contexts(&self.search(0)).await?;
        ensure!(!found.contexts.is_empty(), "the restarted server did not find anything");
        Ok(())
    }

    fn request(&self, phase: Phase, number: u64) -> Request {
        let searches = self.searches(phase, number);
        match phase {
            Phase::Ingest => Request::Batch(self.batch(number, |number| self.data.context(number))),
            Phase::Expire => Request::Batch(self.batch(number, |number| self.data.expiring_context(number))),
            Phase::Search | Phase::Store | Phase::Mixed | Phase::Collect => {
                if self.searches(phase, number + 1) > searches {
                    Request::Search(Box::new(self.search(self.asked + searches)))
                } else {
                    Request::Store(Box::new(self.data.live_context(self.stored + number - searches)))
                }
            }
        }
    }

    /// Returns the number of searches among the first `count` requests, which are evenly spread.
    fn searches(&self, phase: Phase, count: u64) -> u64 {
        let percent = match phase {
            Phase::Ingest | Phase::Expire | Phase::Store => 0,
            Phase::Search | Phase::Collect => 100,
            Phase::Mixed => u64::from(self.settings.search_percent),
        };
        count * percent / 100
    }

    fn batch(&self, number: u64, make: impl Fn(u64) -> NewContext) -> Vec<NewContext> {
        let first = number * self.settings.batch;
        let end = (first + self.settings.batch).min(self.settings.contexts);
        (first..end).map(make).collect()
    }

    fn search(&self, number: u64) -> SearchRequest {
        let question = self.data.question(number, self.settings.contexts);
        let filter = match self.settings.filter {
            FilterBy::None => None,
            FilterBy::User => Some(Filter {
                user_id: Some(question.user),
                ..Filter::default()
            }),
            FilterBy::Tag => Some(Filter {
                tags_any: Some(vec![question.tag.to_owned()]),
                ..Filter::default()
            }),
            FilterBy::Metadata => Some(Filter {
                metadata: Some([("channel".to_owned(), Exact(question.channel.into()))].into()),
                ..Filter::default()
            }),
        };
        SearchRequest {
            query: question.text.into(),
            mode: self.settings.mode,
            limit: Some(self.settings.limit),
            max_tokens: self.settings.max_tokens,
            filter,
            ..SearchRequest::default()
        }
    }
}

/// Runs garbage collection to its end and prints its duration.
async fn collect_garbage(client: &Client) -> Result<()> {
    let start = Instant::now();
    loop {
        match client.collect_garbage(&GcRequest::default()).await {
            Ok(report) => {
                ensure!(
                    report.errors == 0,
                    "{} batches of garbage collection failed",
                    report.errors
                );
                println!("garbage collection took {:.1} s", start.elapsed().as_secs_f64());
                return Ok(());
            }
            // A run outlives its request; the next one waits for it.
            Err(error) if error.status() == Some(504) && start.elapsed() < GC_DEADLINE => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, to_value};

    use super::*;

    fn body(request: &Request) -> Value {
        match request {
            Request::Batch(contexts) => to_value(contexts),
            Request::Store(context) => to_value(context),
            Request::Search(search) => to_value(search),
        }
        .unwrap()
    }

    #[test]
    fn mixed_load_keeps_its_share_at_every_moment_and_uses_each_number_once() {
        let settings = Settings::default();
        let run = Run::new(&settings);
        let requests: Vec<_> = (0..100).map(|number| run.request(Phase::Mixed, number)).collect();
        for ten in requests.chunks(10) {
            assert_eq!(ten.iter().filter(|request| request.kind() == Kind::Search).count(), 8);
        }
        let bodies = |kind| {
            let of_kind = requests.iter().filter(move |request| request.kind() == kind);
            of_kind.map(body).collect::<Vec<_>>()
        };
        let searches: Vec<_> = (0..80).map(|number| to_value(run.search(number)).unwrap()).collect();
        let stores: Vec<_> = (0..20)
            .map(|number| to_value(run.data.live_context(number)).unwrap())
            .collect();
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
        let size = |number| body(&run.request(Phase::Ingest, number)).as_array().unwrap().len();
        assert_eq!([0, 1, 2].map(size), [10, 10, 5]);
    }

    #[test]
    fn searches_follow_the_settings() {
        let settings = Settings {
            filter: FilterBy::Metadata,
            max_tokens: Some(500),
            ..Settings::default()
        };
        let body = to_value(Run::new(&settings).search(0)).unwrap();
        assert_eq!((&body["limit"], &body["max_tokens"]), (&10.into(), &500.into()));
        assert!(super::super::data::CHANNELS.contains(&body["filter"]["metadata"]["channel"].as_str().unwrap()));
    }
}
