//! A stand-in for a Qdrant server: the real protocol on a loopback address, answered by the embedded engine.
//!
//! It covers the calls and errors that [`QdrantStore`](context_manager_vector_store::QdrantStore) relies on, so that every
//! test run exercises gRPC, and it fails on demand. It does **not** cover clusters, shards, replicas and their consistency;
//! the order of writes; aliases and snapshots; quantization; limits of the server (strict mode); API keys and TLS; and
//! differences between the server and the engine. The tests in `qdrant_server.rs` run the same clauses against a real
//! server.

mod collections;
mod convert;
mod fault;
mod points;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use context_manager_vector_store::qdrant::Config;
use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::{Qdrant, QdrantServer};
use qdrant_client::qdrant::{CollectionConfig, HealthCheckReply, HealthCheckRequest, PayloadSchemaInfo};
use qdrant_edge::EdgeShard;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

pub(crate) use fault::{Fault, Faults};

/// Defines methods that fail as unimplemented, in the form to which `async_trait`, which does not look into macros, expands
/// an `async fn`.
macro_rules! unimplemented_rpcs {
    ($($name:ident($request:ident) -> $response:ident;)+) => { $(
        fn $name<'server, 'call>(
            &'server self,
            _request: Request<qdrant::$request>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<qdrant::$response>, Status>> + Send + 'call>>
        where
            'server: 'call,
            Self: 'call,
        {
            Box::pin(async { Err(Status::unimplemented(concat!("the stand-in has no ", stringify!($name)))) })
        }
    )+ };
}
use unimplemented_rpcs;

/// Server that stops when dropped.
pub(crate) struct StandIn {
    address: SocketAddr,
    service: Service,
    // A runtime of its own, so that stopping breaks all connections at once, as the end of a process does.
    runtime: Option<Runtime>,
}

impl StandIn {
    /// Starts a server without collections that reports this version.
    pub(crate) fn start(version: &str) -> Self {
        let state = State {
            version: version.to_owned(),
            folder: tempfile::tempdir().unwrap(),
            collections: Mutex::default(),
            faults: Faults::default(),
        };
        let service = Service(Arc::new(state));
        let (runtime, address) = serve(&service, SocketAddr::from(([127, 0, 0, 1], 0)));
        Self {
            address,
            service,
            runtime: Some(runtime),
        }
    }

    /// Returns the settings of a store on this server.
    pub(crate) fn config(&self) -> Config {
        Config {
            url: Some(format!("http://{}", self.address)),
            ..Config::default()
        }
    }

    /// Returns the faults to inject.
    pub(crate) fn faults(&self) -> &Faults {
        &self.service.0.faults
    }

    /// Breaks all connections and accepts no more. Stored points stay.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Accepts connections again, on the same address.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.runtime = Some(serve(&self.service, self.address).0);
    }

    /// Returns the configuration of a collection, and its indexes.
    pub(crate) fn collection(&self, name: &str) -> Option<(CollectionConfig, HashMap<String, PayloadSchemaInfo>)> {
        let collections = self.service.0.collections();
        collections
            .get(name)
            .map(|collection| (collection.config.clone(), collection.indexes.clone()))
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(service: &Service, address: SocketAddr) -> (Runtime, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let bind = async move {
        // The sockets of the stopped server close in the background.
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    // Runtimes do not nest.
    let listener = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(bind)).join().unwrap());
    let address = listener.local_addr().unwrap();
    let server = Server::builder()
        .add_service(QdrantServer::new(service.clone()))
        .add_service(CollectionsServer::new(service.clone()))
        .add_service(PointsServer::new(service.clone()).max_decoding_message_size(usize::MAX));
    runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    (runtime, address)
}

/// Implementation of the services.
#[derive(Clone)]
struct Service(Arc<State>);

struct State {
    version: String,
    collections: Mutex<HashMap<String, Collection>>,
    faults: Faults,
    folder: TempDir,
}

struct Collection {
    config: CollectionConfig,
    indexes: HashMap<String, PayloadSchemaInfo>,
    shard: EdgeShard,
}

impl State {
    /// Lets a call meet its fault, and unwraps its request.
    async fn receive<T>(&self, request: Request<T>) -> Result<(Fault, T), Status> {
        Ok((self.faults.meet().await?, request.into_inner()))
    }

    /// One call at a time, so that no call sees half of another.
    fn collections(&self) -> MutexGuard<'_, HashMap<String, Collection>> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on a collection.
    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Collection) -> Result<T, Status>) -> Result<T, Status> {
        let mut collections = self.collections();
        let collection = collections.get_mut(name);
        work(collection.ok_or_else(|| Status::not_found(format!("Collection `{name}` doesn't exist!")))?)
    }
}

#[tonic::async_trait]
impl Qdrant for Service {
    async fn health_check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckReply>, Status> {
        self.0.faults.meet().await?;
        Ok(Response::new(HealthCheckReply {
            title: "stand-in".to_owned(),
            version: self.0.version.clone(),
            commit: None,
        }))
    }
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}
