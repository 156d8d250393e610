//! Threads that run a model: some for questions, others for documents.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rten::ThreadPool;

/// Piece of work, run on the pool of its thread.
type Job = Box<dyn FnOnce(&Worker) + Send>;

/// The threads. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    questions: Arc<Queue>,
    documents: Arc<Queue>,
}

/// One thread.
pub(super) struct Worker {
    /// Has one thread, this one.
    pub(super) pool: Arc<ThreadPool>,
    queue: Arc<Queue>,
}

impl Worker {
    /// Puts work behind all that waits for threads of this kind.
    pub(super) fn later(&self, job: impl FnOnce(&Worker) + Send + 'static) {
        self.queue.push(Box::new(job));
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("waiting", &self.lock().jobs.len())
            .finish()
    }
}

impl Workers {
    /// Starts threads for documents on all cores, which yield to everything else, and for questions on half of them.
    pub(super) fn start(cores: usize) -> io::Result<Self> {
        let workers = Self {
            questions: Arc::default(),
            documents: Arc::default(),
        };
        let (for_documents, for_questions) = (cores.max(1), (cores / 2).max(1));
        for at in 0..for_documents + for_questions {
            let is_for_documents = at < for_documents;
            let queue = if is_for_documents {
                &workers.documents
            } else {
                &workers.questions
            };
            let queue = Arc::clone(queue);
            thread::Builder::new().name("encoder".to_owned()).spawn(move || {
                let pool = Arc::new(ThreadPool::with_num_threads(1));
                let worker = Worker {
                    pool: Arc::clone(&pool),
                    queue,
                };
                // On the pool's own thread, so that no run of the model changes threads.
                pool.run(move || {
                    if is_for_documents {
                        yield_to_all_others();
                    }
                    worker.queue.work(&worker);
                });
            })?;
        }
        Ok(workers)
    }

    pub(super) fn question(&self, job: impl FnOnce(&Worker) + Send + 'static) {
        self.questions.push(Box::new(job));
    }

    pub(super) fn document(&self, job: impl FnOnce(&Worker) + Send + 'static) {
        self.documents.push(Box::new(job));
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for queue in [&self.questions, &self.documents] {
            *queue.lock() = State {
                closed: true,
                ..State::default()
            };
            queue.arrived.notify_all();
        }
    }
}

impl Queue {
    fn push(&self, job: Job) {
        let mut state = self.lock();
        if !state.closed {
            state.jobs.push_back(job);
            self.arrived.notify_one();
        }
    }

    fn work(&self, worker: &Worker) {
        let mut state = self.lock();
        while !state.closed {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                run(job, worker);
                state = self.lock();
            } else {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives this thread the lowest priority, so that an import's backlog does not slow down searches and writes.
fn yield_to_all_others() {
    // Linux alone counts priorities by thread; elsewhere the whole process would yield.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::debug!(%error, "documents are embedded at normal priority");
    }
}

/// Runs a job. One that panics drops its sender, by which its caller learns of it.
fn run(job: Job, worker: &Worker) {
    if catch_unwind(AssertUnwindSafe(|| job(worker))).is_err() {
        tracing::error!("a text was not embedded: the model panicked");
    }
}
