//! Metrics of a server, as Prometheus reads them.

use std::collections::BTreeMap;

/// Name of the histogram of requests.
const REQUESTS: &str = "context_manager_request_duration_seconds";

/// Metrics of one moment.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    /// Requests by method and route.
    pub(super) routes: BTreeMap<String, Requests>,
    gauges: BTreeMap<String, f64>,
}

/// Requests of a route since the start of the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Requests {
    pub(super) count: f64,
    /// Those answered with an error.
    pub(super) refused: f64,
    pub(super) failed: f64,
    /// Number of those that took at most so many seconds.
    buckets: Vec<(f64, f64)>,
}

impl Scrape {
    /// Reads the text format. Lines that are not understood are passed over.
    pub(super) fn read(text: &str) -> Self {
        let mut scrape = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(value) = value.parse::<f64>() else { continue };
            match series.split_once('{') {
                Some((name, labels)) => scrape.take(name, labels, value),
                None => {
                    scrape.gauges.insert(series.to_owned(), value);
                }
            }
        }
        for requests in scrape.routes.values_mut() {
            requests.buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        scrape
    }

    /// Returns the value of a metric without labels.
    pub(super) fn gauge(&self, name: &str) -> Option<f64> {
        self.gauges.get(name).copied()
    }

    fn take(&mut self, name: &str, labels: &str, value: f64) {
        let Some(part) = name.strip_prefix(REQUESTS) else {
            return;
        };
        let (Some(route), Some(method), Some(status)) =
            (label(labels, "route"), label(labels, "method"), label(labels, "status"))
        else {
            return;
        };
        let requests = self.routes.entry(format!("{method} {route}")).or_default();
        match part {
            "_count" => {
                requests.count += value;
                match status.as_bytes().first() {
                    Some(b'4') => requests.refused += value,
                    Some(b'5') => requests.failed += value,
                    _ => {}
                }
            }
            "_bucket" => {
                let bound = label(labels, "le").and_then(|bound| bound.parse().ok());
                let Some(bound) = bound else { return };
                match requests
                    .buckets
                    .iter_mut()
                    .find(|bucket| bucket.0.total_cmp(&bound).is_eq())
                {
                    Some(bucket) => bucket.1 += value,
                    None => requests.buckets.push((bound, value)),
                }
            }
            _ => {}
        }
    }
}

impl Requests {
    /// Returns the requests after `earlier`; all of them if the server started again since.
    pub(super) fn since(&self, earlier: Option<&Self>) -> Self {
        let Some(earlier) = earlier.filter(|earlier| earlier.count <= self.count) else {
            return self.clone();
        };
        let before = |bound: f64| {
            let found = earlier.buckets.iter().find(|bucket| bucket.0.total_cmp(&bound).is_eq());
            found.map_or(0.0, |bucket| bucket.1)
        };
        Self {
            count: self.count - earlier.count,
            refused: self.refused - earlier.refused,
            failed: self.failed - earlier.failed,
            buckets: self
                .buckets
                .iter()
                .map(|(bound, count)| (*bound, count - before(*bound)))
                .collect(),
        }
    }

    /// Returns the seconds within which this share of the requests was answered: a bound that is true of at least as many.
    pub(super) fn within(&self, share: f64) -> Option<f64> {
        let all = self.buckets.last()?.1;
        if all <= 0.0 {
            return None;
        }
        let bucket = self.buckets.iter().find(|bucket| bucket.1 >= all * share)?;
        Some(bucket.0)
    }
}

/// Returns the value of a label; those of our metrics hold no quotes.
fn label<'l>(labels: &'l str, name: &str) -> Option<&'l str> {
    let mut labels = labels.trim_end_matches('}').split("\",");
    labels.find_map(|label| {
        let (found, value) = label.split_once("=\"")?;
        (found.trim_start_matches(',') == name).then(|| value.trim_end_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fast: u32, slow: u32) -> String {
        let labels = "route=\"/api/v1/contexts/{id}\",method=\"GET\"";
        let all = fast + slow;
        format!(
            "# TYPE context_manager_connections gauge\ncontext_manager_connections 3\n\
             {REQUESTS}_bucket{{{labels},status=\"200\",le=\"0.001\"}} {fast}\n\
             {REQUESTS}_bucket{{{labels},status=\"200\",le=\"0.5\"}} {all}\n\
             {REQUESTS}_bucket{{{labels},status=\"200\",le=\"+Inf\"}} {all}\n\
             {REQUESTS}_count{{{labels},status=\"200\"}} {all}\n\
             {REQUESTS}_count{{{labels},status=\"404\"}} 2\nnonsense\n"
        )
    }

    #[test]
    fn requests_between_two_moments_are_told_apart() {
        let (earlier, later) = (Scrape::read(&text(10, 0)), Scrape::read(&text(19, 1)));
        assert_eq!(later.gauge("context_manager_connections"), Some(3.0));
        let route = "GET /api/v1/contexts/{id}";
        let between = later.routes[route].since(earlier.routes.get(route));
        assert_eq!((between.count, between.refused), (10.0, 0.0));
        assert_eq!((between.within(0.5), between.within(0.99)), (Some(0.001), Some(0.5)));
        let restarted = earlier.routes[route].since(later.routes.get(route));
        assert!((restarted.count - 12.0).abs() < 0.1, "{restarted:?}");
        assert_eq!(Requests::default().within(0.5), None);
    }
}
