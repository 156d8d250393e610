//! Calls to the server: one connection, a deadline for each call, and retries after an outage.
//!
//! The connection is made on first use and again whenever it broke, so that the server may restart at any time. All calls
//! are idempotent: reads change nothing, and writes state their result.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use context_manager_resilience::{CircuitBreaker, Deadline, Secret};
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::qdrant_client::QdrantClient;
use qdrant_client::qdrant::{
    BatchResult, HealthCheckRequest, PointsOperationResponse, QueryBatchPoints, QueryPoints, ReadConsistency,
    ReadConsistencyType, UpdateResult, UpdateStatus, WriteOrdering, WriteOrderingType, read_consistency,
};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};

use super::config::{self, Config};
use super::failure::Failure;
use crate::Error;

/// Timeout for making a connection: shorter than that of a call, so that a second attempt may still succeed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Idle time after which a connection is pinged.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Time to wait for the answer to a ping: a host that vanished sends no reset.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of retries: enough for a broken connection, while callers wait out longer outages.
const MAX_RETRIES: usize = 2;
/// Pause before the first retry; the next one is longer.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Calls the method `$method` of a service, in the form that [`Client::points`] and its siblings take.
macro_rules! rpc {
    ($method:ident) => {
        |mut service, request| async move { service.$method(request).await }
    };
}
pub(super) use rpc;

/// Channel that adds the API key to every call.
type Service = InterceptedService<Channel, Authorization>;

type Points = PointsClient<Service>;
type Collections = CollectionsClient<Service>;

/// Client of one collection. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Client {
    service: Service,
    /// URL of the server, for messages.
    pub(super) url: String,
    /// Name of the collection.
    pub(super) collection: String,
    timeout: Duration,
    /// Circuit breaker around all calls.
    circuit: Option<Arc<CircuitBreaker>>,
    /// Number of replicas that a read asks.
    pub(super) consistency: Option<ReadConsistency>,
    /// Order in which replicas apply writes.
    pub(super) ordering: Option<WriteOrdering>,
}

impl Client {
    /// Builds a client, which connects on first use.
    pub(super) fn new(config: &Config, circuit: Option<Arc<CircuitBreaker>>) -> Result<Self, Error> {
        let mut problems = config.problems();
        let url = config.url.clone().unwrap_or_default();
        if url.is_empty() {
            problems.push("url: is needed for a Qdrant server".to_owned());
        }
        let authorization = Authorization::new(config.key()?);
        if authorization.is_none() {
            problems.push("api_key: must be visible ASCII".to_owned());
        }
        let (Some(authorization), true) = (authorization, problems.is_empty()) else {
            return Err(Error::Config {
                store: "Qdrant",
                problems,
            });
        };
        let channel = endpoint(config, &url)?.connect_lazy();
        Ok(Self {
            service: InterceptedService::new(channel, authorization),
            url,
            collection: config.collection(),
            timeout: config.timeout(),
            circuit,
            consistency: config.read_consistency.map(consistency),
            ordering: Some(ordering(config.write_ordering)),
        })
    }

    /// Returns a client of the collection whose name is this one's with `name` appended.
    pub(super) fn beside(&self, name: &str) -> Self {
        Self {
            collection: format!("{}_{name}", self.collection),
            ..self.clone()
        }
    }

    /// Replaces the configured read consistency and write ordering.
    pub(super) fn with_guarantees(self, reads: config::ReadConsistency, writes: config::WriteOrdering) -> Self {
        Self {
            consistency: Some(consistency(reads)),
            ordering: Some(ordering(writes)),
            ..self
        }
    }

    /// Timeout of a call.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Timeout of a call in seconds, for the server, so that it does not work on after the client gave up.
    pub(super) fn timeout_secs(&self) -> u64 {
        self.timeout.as_secs()
    }

    /// Calls the points service.
    pub(super) async fn points<Q: Clone, A, F>(&self, request: Q, send: impl Fn(Points, Q) -> F) -> Result<A, Failure>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        // Requests limit the number of points, so that the default limit of 4 MiB is not needed.
        let client = PointsClient::new(self.service.clone()).max_decoding_message_size(usize::MAX);
        self.call(|| send(client.clone(), request.clone())).await
    }

    /// Calls the points service to write, and checks that the write was applied.
    pub(super) async fn write<Q: Clone, F>(&self, request: Q, send: impl Fn(Points, Q) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<Response<PointsOperationResponse>, Status>>,
    {
        applied(self.points(request, send).await?.result.as_slice())
    }

    /// Calls the collections service.
    pub(super) async fn collections<Q: Clone, A, F>(
        &self,
        request: Q,
        send: impl Fn(Collections, Q) -> F,
    ) -> Result<A, Failure>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let client = CollectionsClient::new(self.service.clone());
        self.call(|| send(client.clone(), request.clone())).await
    }

    /// Version of the server.
    pub(super) async fn version(&self) -> Result<String, Failure> {
        let client = QdrantClient::new(self.service.clone());
        let check = || {
            let mut client = client.clone();
            async move { client.health_check(HealthCheckRequest {}).await }
        };
        Ok(self.call(check).await?.version)
    }

    /// Runs several queries in one call and returns the result of each.
    pub(super) async fn query_batch(&self, queries: Vec<QueryPoints>) -> Result<Vec<BatchResult>, Failure> {
        let count = queries.len();
        let request = QueryBatchPoints {
            collection_name: self.collection.clone(),
            query_points: queries,
            read_consistency: self.consistency,
            timeout: Some(self.timeout_secs()),
        };
        let answer = self.points(request, rpc!(query_batch)).await?;
        if answer.result.len() == count {
            Ok(answer.result)
        } else {
            Err(Failure::Incomplete("result for every query"))
        }
    }

    async fn call<A, F>(&self, attempt: impl Fn() -> F) -> Result<A, Failure>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(MAX_RETRIES)
            .with_jitter()
            .build();
        // Boxed, as a call in flight is large, and callers hold several of them.
        let attempts = Box::pin(async {
            loop {
                let failure = match attempt().await {
                    Ok(answer) => return Ok(answer.into_inner()),
                    Err(status) => Failure::from(status),
                };
                match pauses.next().filter(|_| failure.is_transient()) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(failure),
                }
            }
        });
        let limit = Deadline::after(self.timeout);
        let call = async { limit.run(attempts).await.map_err(Failure::from).flatten() };
        match &self.circuit {
            Some(circuit) => Ok(circuit.call(call, Failure::is_outage).await?),
            None => call.await,
        }
    }
}

/// Checks that every part of a write was applied: after a timeout the server answers without having applied it.
pub(super) fn applied(results: &[UpdateResult]) -> Result<(), Failure> {
    if results.is_empty() {
        return Err(Failure::Incomplete("result of a write"));
    }
    if results.iter().all(|result| result.status() == UpdateStatus::Completed) {
        Ok(())
    } else {
        Err(Failure::NotApplied)
    }
}

fn endpoint(config: &Config, url: &str) -> Result<Endpoint, Error> {
    let unusable = |source: tonic::transport::Error| Error::Server {
        operation: "connect to",
        url: url.to_owned(),
        is_outage: false,
        source: Box::new(source),
    };
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(unusable)?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .http2_adaptive_window(true);
    if endpoint.uri().scheme_str() != Some("https") {
        if config.api_key.is_some() || config.api_key_file.is_some() {
            tracing::warn!(
                url,
                "the API key is sent to the Qdrant server unencrypted; https encrypts it"
            );
        }
        return Ok(endpoint);
    }
    let tls = match &config.tls_ca_file {
        Some(path) => {
            let pem = std::fs::read(path).map_err(|source| Error::Io {
                operation: "read",
                path: path.clone(),
                source,
            })?;
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
        }
        None => ClientTlsConfig::new().with_native_roots(),
    };
    endpoint.tls_config(tls).map_err(unusable)
}

fn consistency(consistency: config::ReadConsistency) -> ReadConsistency {
    let kind = match consistency {
        config::ReadConsistency::Majority => ReadConsistencyType::Majority,
        config::ReadConsistency::Quorum => ReadConsistencyType::Quorum,
        config::ReadConsistency::All => ReadConsistencyType::All,
    };
    ReadConsistency {
        value: Some(read_consistency::Value::Type(kind.into())),
    }
}

fn ordering(ordering: config::WriteOrdering) -> WriteOrdering {
    let kind = match ordering {
        config::WriteOrdering::Weak => WriteOrderingType::Weak,
        config::WriteOrdering::Medium => WriteOrderingType::Medium,
        config::WriteOrdering::Strong => WriteOrderingType::Strong,
    };
    WriteOrdering { r#type: kind.into() }
}

/// Interceptor that adds the API key, if there is one.
#[derive(Debug, Clone)]
pub(super) struct Authorization(Option<MetadataValue<Ascii>>);

impl Authorization {
    /// Returns `None` if the key is not visible ASCII.
    fn new(key: Option<Secret>) -> Option<Self> {
        let Some(key) = key else {
            return Some(Self(None));
        };
        let mut key: MetadataValue<Ascii> = key.expose().parse().ok()?;
        // Keeps the key out of logs and out of the HPACK table.
        key.set_sensitive(true);
        Some(Self(Some(key)))
    }
}

impl Interceptor for Authorization {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("api-key", key.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Config {
        Config {
            url: Some(url.to_owned()),
            api_key: Some("s3cret".to_owned().into()),
            ..Config::default()
        }
    }

    #[tokio::test]
    async fn the_key_is_sent_and_never_formatted() {
        let client = Client::new(&config("http://localhost:1"), None).unwrap();
        assert!(!format!("{client:?}").contains("s3cret"));
        let mut authorization = Authorization::new(config("http://localhost:1").api_key).unwrap();
        let request = authorization.call(Request::new(())).unwrap();
        assert_eq!(request.metadata().get("api-key").unwrap(), "s3cret");
    }

    #[tokio::test]
    async fn unusable_settings_are_reported_before_the_first_call() {
        let missing = Client::new(&Config::default(), None).unwrap_err();
        assert!(missing.to_string().contains("url: is needed"), "{missing}");
        let tls = Config {
            tls_ca_file: Some("/nowhere/ca.pem".into()),
            ..config("https://localhost:1")
        };
        let missing = Client::new(&tls, None).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
    }

    #[test]
    fn a_write_that_was_not_applied_fails() {
        let result = |status: UpdateStatus| UpdateResult {
            operation_id: Some(1),
            status: status.into(),
        };
        assert!(applied(&[result(UpdateStatus::Completed); 2]).is_ok());
        for bad in [
            UpdateStatus::Acknowledged,
            UpdateStatus::WaitTimeout,
            UpdateStatus::ClockRejected,
        ] {
            let results = [result(UpdateStatus::Completed), result(bad)];
            assert!(matches!(applied(&results), Err(Failure::NotApplied)), "{bad:?}");
        }
        assert!(applied(&[]).is_err());
    }
}
