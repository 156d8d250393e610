//! Structured logs on standard error, which leaves standard output to the results of commands.
//!
//! The filter can be changed at run time, and no callsite can flood the log.

mod control;
mod flood;

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, reload};

pub use control::LogControl;

use crate::{AuditConfig, Error};
use flood::FloodGate;

/// Name of the span of a request. Its fields are on every line logged within it, regardless of the filter.
pub const REQUEST_SPAN: &str = "request";

/// Targets of libraries that log whole messages.
const TALKATIVE: [&str; 1] = ["rmcp"];

/// Settings of logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `pretty` for people, `json` for machines: one object a line.
    pub format: Format,
    /// Filter as directives of `tracing`: a level, or `target=level` joined by commas. The default leaves out the engine's
    /// warnings about feature flags, which only Qdrant's own server can set.
    pub filter: String,
    /// Maximum lines per second from one callsite; more are counted instead of written. 0 sets no limit.
    pub max_lines_per_sec: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: Format::Pretty,
            filter: "info,qdrant_edge::common=error".to_owned(),
            max_lines_per_sec: 100,
        }
    }
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

impl LogConfig {
    /// Parses the filter.
    ///
    /// # Errors
    /// [`Error::Filter`].
    pub fn filter(&self) -> Result<EnvFilter, Error> {
        control::parse(&self.filter)
    }
}

/// Returns the layer that writes log lines, and the control of its filter.
pub(crate) fn lines<S, W>(
    config: &LogConfig,
    audit: &AuditConfig,
    writer: W,
) -> Result<(impl Layer<S> + use<S, W>, LogControl), Error>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let gate = FloodGate::new(config.max_lines_per_sec);
    let writer = writer.with_filter(move |event| gate.lets_pass(event));
    let (filter, handle) = reload::Layer::new(config.filter()?);
    let layer = match config.format {
        Format::Pretty => tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        // The fields of the request beside those of the event, as log collectors expect.
        Format::Json => json_subscriber::layer()
            .with_writer(writer)
            .with_current_span(false)
            .with_span_list(false)
            .flatten_span_list_on_top_level(true)
            .flatten_event(true)
            .boxed(),
    };
    let request = filter_fn(|metadata| metadata.is_span() && metadata.name() == REQUEST_SPAN)
        .with_max_level_hint(LevelFilter::INFO);
    let discreet = filter_fn(is_discreet).with_max_level_hint(LevelFilter::TRACE);
    let layer = layer.with_filter(audit.narrow(filter.and(discreet).or(request)));
    Ok((layer, LogControl::new(config.filter.clone(), handle)))
}

/// Returns whether an event tells no more than it may. Some libraries log whole messages, with texts and keys in them: their
/// errors alone are logged, whatever the filter says.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::ERROR || !TALKATIVE.iter().any(|target| metadata.target().starts_with(target))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps the lines written.
    #[derive(Debug, Clone, Default)]
    pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(super) fn lines(&self) -> Vec<Value> {
            let bytes = self.0.lock().unwrap();
            let lines = std::str::from_utf8(&bytes).unwrap().lines();
            lines.map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(super) fn json(filter: &str, max_lines_per_sec: u32, log: impl FnOnce(&LogControl)) -> Vec<Value> {
        let written = Written::default();
        let config = LogConfig {
            format: Format::Json,
            filter: filter.to_owned(),
            max_lines_per_sec,
        };
        let writer = written.clone();
        let (lines, control) = lines(&config, &AuditConfig::default(), move || writer.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || log(&control));
        written.lines()
    }

    #[test]
    fn an_invalid_filter_is_named() {
        let config = LogConfig {
            filter: "core=loud".to_owned(),
            ..LogConfig::default()
        };
        assert!(config.filter().unwrap_err().to_string().contains("core=loud"));
        assert!(LogConfig::default().filter().is_ok());
    }

    #[test]
    fn messages_of_agents_are_not_logged_whatever_the_filter_says() {
        let lines = json("trace", 0, |_| {
            tracing::debug!(target: "rmcp::service", request = "Authorization: Bearer cm_1", "received request");
            tracing::warn!(target: "rmcp::service", "rejected peer request");
            tracing::error!(target: "rmcp::transport", "the stream broke");
            tracing::debug!(target: "context_manager", "request answered");
        });
        let messages: Vec<_> = lines.iter().map(|line| line["message"].clone()).collect();
        assert_eq!(messages, ["the stream broke", "request answered"]);
    }

    #[test]
    fn a_json_line_has_the_fields_of_its_request_regardless_of_the_filter() {
        let lines = json("warn", 0, |_| {
            let span = tracing::info_span!("request", request_id = "r-1");
            let _in_request = span.enter();
            let _in_step = tracing::info_span!("step", found = 3).entered();
            tracing::warn!(attempt = 2, "it failed");
            tracing::info!("not of interest");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = &lines[0];
        assert_eq!((&line["request_id"], &line["attempt"]), (&"r-1".into(), &2.into()));
        assert_eq!(
            (&line["message"], &line["level"]),
            (&"it failed".into(), &"WARN".into())
        );
        assert!(line["timestamp"].is_string());
        assert_eq!(line["found"], Value::Null, "a filtered span adds nothing");
    }
}
