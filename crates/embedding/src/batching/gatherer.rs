//! The gathering task. It alone owns the waiters, so there are no locks.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::EmbedError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, Span};

use super::config::BatchConfig;
use super::embedder::BatchEmbedder;
use crate::kind::Kind;
use crate::metrics;

type Answer = Result<Vec<f32>, EmbedError>;
type Key = (Kind, Arc<str>);

/// One text and its waiter.
#[derive(Debug)]
pub(super) struct Job {
    key: Key,
    span: Span,
    waiter: Waiter,
}

#[derive(Debug)]
struct Waiter {
    answer: oneshot::Sender<Answer>,
    _permit: OwnedSemaphorePermit,
}

impl Job {
    pub(super) fn new(kind: Kind, text: &str, answer: oneshot::Sender<Answer>, permit: OwnedSemaphorePermit) -> Self {
        let waiter = Waiter {
            answer,
            _permit: permit,
        };
        Self {
            key: (kind, text.into()),
            span: Span::current(),
            waiter,
        }
    }
}

/// A text waiting for its request.
#[derive(Debug)]
struct Gathered {
    text: Arc<str>,
    /// Span of the caller. A request belongs to the span of its first text.
    span: Span,
    /// Time at which it is sent even if it is alone.
    due: Instant,
}

/// Texts in the queues and in flight.
#[derive(Debug)]
pub(super) struct Gatherer<E> {
    inner: Arc<E>,
    wait: Duration,
    concurrent_requests: usize,
    /// Waiters of each text in a queue or in flight.
    waiters: HashMap<Key, Vec<Waiter>>,
    documents: VecDeque<Gathered>,
    queries: VecDeque<Gathered>,
    requests: JoinSet<Vec<Answer>>,
    /// Texts of each request.
    in_flight: HashMap<Id, Vec<Key>>,
}

impl<E: BatchEmbedder> Gatherer<E> {
    pub(super) fn new(inner: Arc<E>, config: &BatchConfig) -> Self {
        Self {
            inner,
            wait: Duration::from_millis(config.batch_wait_ms),
            concurrent_requests: config.concurrent_requests.max(1),
            waiters: HashMap::new(),
            documents: VecDeque::new(),
            queries: VecDeque::new(),
            requests: JoinSet::new(),
            in_flight: HashMap::new(),
        }
    }

    /// Gathers until all senders are dropped; running requests are then aborted.
    pub(super) async fn run(mut self, jobs: &mut mpsc::Receiver<Job>) {
        loop {
            while self.has_free_request()
                && let Some(kind) = self.ready()
            {
                self.ask(kind);
            }
            let due = self.next_due();
            tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => self.gather(job),
                    None => return,
                },
                Some(done) = self.requests.join_next_with_id() => self.answer(done),
                () = sleep_until_some(due) => {}
            }
        }
    }

    fn gather(&mut self, Job { key, span, waiter }: Job) {
        let (kind, text) = (key.0, Arc::clone(&key.1));
        match self.waiters.entry(key) {
            Entry::Occupied(mut others) => {
                ::metrics::counter!(metrics::SHARED).increment(1);
                others.get_mut().push(waiter);
            }
            Entry::Vacant(entry) => {
                entry.insert(vec![waiter]);
                let due = Instant::now() + self.wait;
                self.queue(kind).push_back(Gathered { text, span, due });
            }
        }
    }

    fn has_free_request(&self) -> bool {
        self.requests.len() < self.concurrent_requests
    }

    /// Returns the kind whose batch is due, the longer waiting one of both.
    fn ready(&self) -> Option<Kind> {
        let now = Instant::now();
        let ready = |queue: &VecDeque<Gathered>| {
            let due = queue.front()?.due;
            (due <= now || queue.len() >= self.inner.batch_size()).then_some(due)
        };
        let queues = [(Kind::Query, &self.queries), (Kind::Document, &self.documents)];
        let ready = queues
            .into_iter()
            .filter_map(|(kind, queue)| Some((ready(queue)?, kind)));
        ready.min_by_key(|(due, _)| *due).map(|(_, kind)| kind)
    }

    /// Returns the time at which the next batch is due, if a request is free.
    fn next_due(&self) -> Option<Instant> {
        let first = [&self.queries, &self.documents].into_iter().filter_map(VecDeque::front);
        first
            .map(|gathered| gathered.due)
            .min()
            .filter(|_| self.has_free_request())
    }

    fn ask(&mut self, kind: Kind) {
        let batch_size = self.inner.batch_size().max(1);
        let mut keys = Vec::new();
        let mut first = None;
        while keys.len() < batch_size
            && let Some(Gathered { text, span, .. }) = self.queue(kind).pop_front()
        {
            let key = (kind, text);
            let wanted = |waiters: &Vec<Waiter>| waiters.iter().any(|waiter| !waiter.answer.is_closed());
            if self.waiters.get(&key).is_some_and(wanted) {
                keys.push(key);
                first.get_or_insert(span);
            } else {
                self.waiters.remove(&key);
            }
        }
        if keys.is_empty() {
            return;
        }
        let texts: Vec<_> = keys.iter().map(|(_, text)| text.to_string()).collect();
        let inner = Arc::clone(&self.inner);
        let ask = async move {
            match kind {
                Kind::Document => inner.embed_documents(&texts).await,
                Kind::Query => inner.embed_queries(&texts).await,
            }
        };
        let request = self.requests.spawn(ask.instrument(first.unwrap_or_else(Span::none)));
        self.in_flight.insert(request.id(), keys);
    }

    fn answer(&mut self, done: Result<(Id, Vec<Answer>), JoinError>) {
        let (id, answers) = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(error = %error, "the embedder panicked");
                (error.id(), Vec::new())
            }
        };
        let mut answers = answers.into_iter();
        for key in self.in_flight.remove(&id).unwrap_or_default() {
            // Without an answer the waiters are dropped, which their callers see as an error.
            let (waiters, answer) = (self.waiters.remove(&key), answers.next());
            let Some((waiters, answer)) = waiters.zip(answer) else {
                continue;
            };
            for waiter in waiters {
                // Fails if the caller gave up.
                let _gone = waiter.answer.send(answer.clone());
            }
        }
    }

    fn queue(&mut self, kind: Kind) -> &mut VecDeque<Gathered> {
        match kind {
            Kind::Document => &mut self.documents,
            Kind::Query => &mut self.queries,
        }
    }
}

async fn sleep_until_some(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
