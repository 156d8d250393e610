//! Changing the log filter at run time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::reload;

use crate::Error;

/// Changes the log filter. Clones change the same one.
#[derive(Clone)]
pub struct LogControl(Arc<Shared>);

struct Shared {
    filter: Mutex<String>,
    apply: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogControl").field(&self.filter()).finish()
    }
}

impl LogControl {
    pub(super) fn new<S: 'static>(filter: String, handle: reload::Handle<EnvFilter, S>) -> Self {
        Self(Arc::new(Shared {
            filter: Mutex::new(filter),
            apply: Box::new(move |filter| handle.reload(filter)),
        }))
    }

    /// Returns the current filter.
    pub fn filter(&self) -> String {
        self.0.filter.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Applies a filter.
    ///
    /// # Errors
    /// [`Error::Filter`] when it cannot be parsed, [`Error::LogsGone`] when logging has ended.
    pub fn set_filter(&self, filter: &str) -> Result<(), Error> {
        let parsed = parse(filter)?;
        // Locked over both, so that `filter` returns the applied one.
        let mut current = self.0.filter.lock().unwrap_or_else(PoisonError::into_inner);
        (self.0.apply)(parsed).map_err(Error::LogsGone)?;
        filter.clone_into(&mut current);
        Ok(())
    }
}

pub(super) fn parse(filter: &str) -> Result<EnvFilter, Error> {
    EnvFilter::try_new(filter).map_err(|source| Error::Filter {
        filter: filter.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::json;

    #[test]
    fn the_filter_can_be_changed_at_run_time() {
        let lines = json("info", 0, |control| {
            tracing::debug!("before");
            control.set_filter("debug").unwrap();
            tracing::debug!("after");
            let error = control.set_filter("a=b=c").unwrap_err().to_string();
            assert!(error.contains("a=b=c"), "{error}");
            assert_eq!(control.filter(), "debug");
            tracing::debug!("still");
        });
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["after", "still"]);
    }
}
