//! A gauge that counts living values.

/// Adds one to a gauge until it is dropped.
#[derive(Debug)]
pub(super) struct Gauge(&'static str);

impl Gauge {
    pub(super) fn raise(name: &'static str) -> Self {
        metrics::gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}
