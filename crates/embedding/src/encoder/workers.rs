//! Threads that run a model: questions before documents, and a part of the threads for questions alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use rten::ThreadPool;

/// Piece of work, run on the pool of its thread.
type Job = Box<dyn FnOnce(&Worker) + Send>;

/// The threads. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    queue: Arc<Queue>,
}

/// One thread.
pub(super) struct Worker {
    /// Has one thread, this one.
    pub(super) pool: Arc<ThreadPool>,
    queue: Arc<Queue>,
}

impl Worker {
    /// Puts work behind that of all other documents.
    pub(super) fn document(&self, job: impl FnOnce(&Worker) + Send + 'static) {
        self.queue.push(|state| &mut state.documents, Box::new(job));
    }
}

#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    /// Threads that may work on documents at once.
    for_documents: usize,
}

#[derive(Default)]
struct State {
    questions: VecDeque<Job>,
    documents: VecDeque<Job>,
    /// Threads that work on documents.
    busy: usize,
    closed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("questions", &self.questions.len())
            .field("documents", &self.documents.len())
            .field("busy", &self.busy)
            .finish_non_exhaustive()
    }
}

impl Workers {
    /// Starts a thread for each core, at least two. Half of the cores, at least one, may work on documents.
    pub(super) fn start(cores: usize) -> io::Result<Self> {
        let workers = Self {
            queue: Arc::new(Queue {
                state: Mutex::default(),
                arrived: Condvar::new(),
                for_documents: (cores / 2).max(1),
            }),
        };
        for _ in 0..cores.max(2) {
            let queue = Arc::clone(&workers.queue);
            thread::Builder::new().name("encoder".to_owned()).spawn(move || {
                let pool = Arc::new(ThreadPool::with_num_threads(1));
                let worker = Worker {
                    pool: Arc::clone(&pool),
                    queue,
                };
                // On the pool's own thread, so that no run of the model changes threads.
                pool.run(move || worker.queue.work(&worker));
            })?;
        }
        Ok(workers)
    }

    /// Puts work before that of all documents.
    pub(super) fn question(&self, job: impl FnOnce(&Worker) + Send + 'static) {
        self.queue.push(|state| &mut state.questions, Box::new(job));
    }

    /// Puts work behind that of all questions and earlier documents.
    pub(super) fn document(&self, job: impl FnOnce(&Worker) + Send + 'static) {
        self.queue.push(|state| &mut state.documents, Box::new(job));
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        *self.queue.lock() = State {
            closed: true,
            ..State::default()
        };
        self.queue.arrived.notify_all();
    }
}

impl Queue {
    fn push(&self, lane: impl FnOnce(&mut State) -> &mut VecDeque<Job>, job: Job) {
        let mut state = self.lock();
        if !state.closed {
            lane(&mut state).push_back(job);
            // All, as the one that wakes may not be allowed to work on documents.
            self.arrived.notify_all();
        }
    }

    fn work(&self, worker: &Worker) {
        let mut state = self.lock();
        while !state.closed {
            if let Some(job) = state.questions.pop_front() {
                drop(state);
                run(job, worker);
                state = self.lock();
            } else if state.busy < self.for_documents
                && let Some(job) = state.documents.pop_front()
            {
                state.busy += 1;
                drop(state);
                run(job, worker);
                state = self.lock();
                state.busy = state.busy.saturating_sub(1);
                self.arrived.notify_one();
            } else {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a job. One that panics drops its sender, by which its caller learns of it.
fn run(job: Job, worker: &Worker) {
    if catch_unwind(AssertUnwindSafe(|| job(worker))).is_err() {
        tracing::error!("a text was not embedded: the model panicked");
    }
}
