//! What the server's own histograms say about a stretch of time: the difference between two readings.

mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

/// Which metrics are read.
const PREFIX: &str = "context_manager_";
const SUFFIX: &str = "_duration_seconds";

/// All histograms of durations at one moment.
#[derive(Debug, Default)]
pub(super) struct Scrape(BTreeMap<Series, Histogram>);

/// A histogram by its name and all its labels but `le`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    /// Without what all have before and behind.
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}

/// Counts of durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// How many were at most so long: upper bounds in seconds, ascending, and counts.
    buckets: Vec<(f64, f64)>,
    /// Seconds.
    sum: f64,
    count: f64,
}

impl Scrape {
    /// Reads an answer of `/metrics`.
    ///
    /// # Errors
    /// When it is not in Prometheus's text format.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut scrape = Self::default();
        for mut sample in text::parse(text)? {
            let Some((name, part)) = sample
                .name
                .strip_prefix(PREFIX)
                .and_then(|name| name.rsplit_once(SUFFIX))
            else {
                continue;
            };
            let bound = sample.labels.remove("le");
            let series = Series {
                name: name.to_owned(),
                labels: sample.labels,
            };
            match (part, bound.map(|bound| bound.parse())) {
                ("_bucket", Some(Ok(bound))) => scrape.entry(series).buckets.push((bound, sample.value)),
                ("_sum", None) => scrape.entry(series).sum = sample.value,
                ("_count", None) => scrape.entry(series).count = sample.value,
                // Quantiles of a summary, or something else that has such a name.
                _ => {}
            }
        }
        for histogram in scrape.0.values_mut() {
            histogram.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        Ok(scrape)
    }

    fn entry(&mut self, series: Series) -> &mut Histogram {
        self.0.entry(series).or_default()
    }

    /// What was recorded since `earlier`, without the series that recorded nothing.
    pub(super) fn since(&self, earlier: &Self) -> Vec<(Series, Histogram)> {
        let recorded = self.0.iter().map(|(series, histogram)| {
            let difference = earlier
                .0
                .get(series)
                .map_or_else(|| histogram.clone(), |earlier| histogram.since(earlier));
            (series.clone(), difference)
        });
        recorded.filter(|(_, histogram)| histogram.count > 0.0).collect()
    }
}

impl Histogram {
    /// Counts only grow while a process lives; smaller ones are those of its successor, which began at zero.
    fn since(&self, earlier: &Self) -> Self {
        let same_bounds = self.buckets.len() == earlier.buckets.len();
        if self.count < earlier.count || !same_bounds {
            return self.clone();
        }
        let buckets = self.buckets.iter().zip(&earlier.buckets);
        Self {
            buckets: buckets
                .map(|((bound, now), (_, before))| (*bound, now - before))
                .collect(),
            sum: self.sum - earlier.sum,
            count: self.count - earlier.count,
        }
    }

    /// How many durations were recorded.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole, and far below 2^53"
    )]
    pub(super) fn count(&self) -> u64 {
        self.count as u64
    }

    /// Their mean; zero when there are none.
    pub(super) fn mean(&self) -> Duration {
        if self.count > 0.0 {
            seconds(self.sum / self.count)
        } else {
            Duration::ZERO
        }
    }

    /// Estimates a quantile as Prometheus's `histogram_quantile` does: evenly spread within a bucket, and no more than the
    /// largest finite bound.
    pub(super) fn quantile(&self, quantile: f64) -> Duration {
        let rank = quantile * self.count;
        let (mut lower, mut below) = (0.0, 0.0);
        for &(bound, upto) in &self.buckets {
            if bound.is_infinite() {
                break;
            }
            if upto >= rank && upto > below {
                return seconds(lower + (bound - lower) * (rank - below) / (upto - below));
            }
            (lower, below) = (bound, upto);
        }
        seconds(lower)
    }
}

impl std::fmt::Display for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        let mut separator = '{';
        for (label, value) in &self.labels {
            write!(f, "{separator}{label}={value}")?;
            separator = ',';
        }
        if separator == ',' { f.write_str("}") } else { Ok(()) }
    }
}

/// Zero for what is no duration, which only a broken answer gives.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading: `counts` are those at most 1 ms, 10 ms and any.
    fn reading(step: &str, counts: [u32; 3], sum: f64) -> String {
        let name = "context_manager_search_step_duration_seconds";
        let [first, second, all] = counts;
        format!(
            "{name}_bucket{{step=\"{step}\",le=\"0.001\"}} {first}\n\
             {name}_bucket{{step=\"{step}\",le=\"0.01\"}} {second}\n\
             {name}_bucket{{step=\"{step}\",le=\"+Inf\"}} {all}\n\
             {name}_sum{{step=\"{step}\"}} {sum}\n\
             {name}_count{{step=\"{step}\"}} {all}\n"
        )
    }

    fn scrape(text: &str) -> Scrape {
        Scrape::parse(text).unwrap()
    }

    #[test]
    fn difference_counts_what_lies_between_for_each_series() {
        let before = scrape(&(reading("rank", [5, 10, 10], 0.05) + &reading("embed", [1, 1, 1], 0.001)));
        let after = reading("rank", [5, 20, 30], 0.45) + &reading("embed", [1, 1, 1], 0.001);
        let since = scrape(&(after + &reading("store", [0, 4, 4], 0.02))).since(&before);
        // `embed` recorded nothing in between.
        let names: Vec<_> = since.iter().map(|(series, _)| series.to_string()).collect();
        assert_eq!(names, ["search_step{step=rank}", "search_step{step=store}"]);
        assert_eq!((since[0].1.count(), since[1].1.count()), (20, 4));
        assert_eq!(since[0].1.mean(), Duration::from_millis(20));
        assert_eq!(since[1].1.mean(), Duration::from_millis(5));
    }

    #[test]
    fn quantile_lies_within_its_bucket_and_never_beyond_the_last_bound() {
        let since = scrape(&reading("rank", [10, 30, 40], 1.0)).since(&Scrape::default());
        let near = |quantile, expected: f64| {
            let actual = since[0].1.quantile(quantile).as_secs_f64();
            assert!((actual - expected).abs() < 1e-9, "{quantile}: {actual}");
        };
        near(0.125, 0.0005);
        near(0.25, 0.001);
        // Half of all is halfway through the second bucket.
        near(0.5, 0.0055);
        near(0.99, 0.01);
    }

    #[test]
    fn counts_of_a_restarted_server_are_taken_as_they_are() {
        let before = scrape(&reading("rank", [50, 60, 70], 1.0));
        let since = scrape(&reading("rank", [1, 2, 3], 0.03)).since(&before);
        assert_eq!(since[0].1.count(), 3);
    }

    #[test]
    fn buckets_may_come_in_any_order_and_other_metrics_are_left() {
        let text = "context_manager_x_duration_seconds_bucket{le=\"+Inf\"} 2\n\
                    context_manager_x_duration_seconds_bucket{le=\"1\"} 2\n\
                    context_manager_x_duration_seconds_count 2\n\
                    other_duration_seconds_count 9\ncontext_manager_contexts{level=\"a\"} 9\n";
        let since = scrape(text).since(&Scrape::default());
        assert_eq!(since.len(), 1);
        assert_eq!((since[0].0.to_string().as_str(), since[0].1.count()), ("x", 2));
        assert_eq!(since[0].1.quantile(0.5), Duration::from_millis(500));
    }
}
