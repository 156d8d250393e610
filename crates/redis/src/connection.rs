//! Connection to Redis: one server, the master that sentinels name, or a cluster.

use std::fmt;
use std::time::Duration;

use context_manager_resilience::{CallError, CircuitBreaker, Secret};
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, InfoDict, IntoConnectionInfo, RedisError,
    ScriptInvocation, ServerErrorKind, TlsMode,
};
use tokio::sync::Mutex;

use crate::Config;

/// Connection that is made at the first call, and made again after a failure. Cheap to share behind an `Arc`.
pub struct Connection {
    source: Source,
    live: Mutex<Live>,
    circuit: CircuitBreaker,
    timeout: Duration,
    /// Key to write to.
    probe: String,
}

enum Source {
    Server(Box<Client>),
    Sentinels(Box<Mutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

/// The connection in use.
#[derive(Default)]
struct Live {
    link: Option<Link>,
    /// Number of connections made.
    made: u64,
}

#[derive(Clone)]
struct Link {
    to: To,
    /// Name of the server's run: another one after a restart or a failover, which may bring back old data.
    run: u64,
}

#[derive(Clone)]
enum To {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Error of a call to Redis. It names neither the address nor credentials.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no address in the settings.
    #[error("there is no address of Redis")]
    NoAddress,
    /// The file with the address cannot be read.
    #[error("the file with the address of Redis cannot be read")]
    File(#[source] std::io::Error),
    /// The address cannot be used.
    #[error("the address of Redis cannot be used")]
    Address(#[source] RedisError),
    /// Redis did not answer in time.
    #[error("Redis did not answer in time")]
    Late,
    /// Recent calls failed, so that none is made now.
    #[error("Redis failed a moment ago")]
    Open,
    /// Redis refused or broke off the call.
    #[error("Redis failed")]
    Failed(#[source] RedisError),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Prepares a connection; nothing is connected yet. `config` must have no [`Config::problems`].
    ///
    /// # Errors
    /// [`Error::NoAddress`], [`Error::File`], [`Error::Address`].
    pub fn new(config: &Config) -> Result<Self, Error> {
        // The TLS library takes the cryptography that the process has chosen; a second choice is refused, and the same.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            source: Source::of(config)?,
            live: Mutex::default(),
            circuit: CircuitBreaker::new("redis", config.circuit_breaker.clone()),
            timeout: config.timeout(),
            probe: format!("{{{}}}:probe", config.key_prefix),
        })
    }

    /// Checks that Redis answers, and can be written to.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn ping(&self) -> Result<(), Error> {
        let script = redis::Script::new("return redis.call('SET', KEYS[1], '1', 'PX', 1000)");
        let prepare = |_run| {
            let mut call = script.prepare_invoke();
            call.key(&self.probe);
            call
        };
        self.invoke::<redis::Value>(prepare).await.map(drop)
    }

    /// Runs a script. `prepare` gets the name of the server's run, for keys that must not outlive it.
    pub(crate) async fn invoke<'s, T: FromRedisValue>(
        &self,
        prepare: impl Fn(u64) -> ScriptInvocation<'s>,
    ) -> Result<T, Error> {
        let call = async {
            // The connection has the same limit for connecting, and for each answer.
            let bounded = tokio::time::timeout(3 * self.timeout, self.attempt(prepare)).await;
            if bounded.is_err() {
                self.live.lock().await.link = None;
            }
            bounded.unwrap_or(Err(Error::Late))
        };
        match self.circuit.call(call, is_outage).await {
            Ok(answer) => Ok(answer),
            Err(CallError::Open(_)) => Err(Error::Open),
            Err(CallError::Failed(error)) => Err(error),
        }
    }

    async fn attempt<'s, T: FromRedisValue>(&self, prepare: impl Fn(u64) -> ScriptInvocation<'s>) -> Result<T, Error> {
        let (link, made) = self.link().await?;
        let invocation = prepare(link.run);
        let answer = match link.to {
            To::Server(mut connection) => invocation.invoke_async(&mut connection).await,
            To::Cluster(mut connection) => invocation.invoke_async(&mut connection).await,
        };
        if answer.as_ref().is_err_and(ends_connection) {
            let mut live = self.live.lock().await;
            if live.made == made {
                live.link = None;
            }
        }
        answer.map_err(Error::Failed)
    }

    async fn link(&self) -> Result<(Link, u64), Error> {
        let mut live = self.live.lock().await;
        if let Some(link) = &live.link {
            return Ok((link.clone(), live.made));
        }
        let link = self.source.connect(self.timeout).await.map_err(Error::Failed)?;
        live.made += 1;
        live.link = Some(link.clone());
        Ok((link, live.made))
    }
}

impl Source {
    fn of(config: &Config) -> Result<Self, Error> {
        let addresses = config.addresses().map_err(Error::File)?;
        let addresses: Vec<&str> = addresses.iter().map(Secret::expose).collect();
        match (&config.sentinel_master, addresses.as_slice()) {
            (_, []) => Err(Error::NoAddress),
            (Some(master), sentinels) => {
                let node = node_of(sentinels[0]).map_err(Error::Address)?;
                let master = master.clone();
                let client = SentinelClient::build(sentinels.to_vec(), master, Some(node), SentinelServerType::Master);
                Ok(Self::Sentinels(Box::new(Mutex::new(client.map_err(Error::Address)?))))
            }
            (None, [address]) => Client::open(*address)
                .map(|client| Self::Server(Box::new(client)))
                .map_err(Error::Address),
            (None, nodes) => {
                let builder = ClusterClientBuilder::new(nodes.to_vec())
                    .connection_timeout(config.timeout())
                    .response_timeout(config.timeout());
                builder
                    .build()
                    .map(|client| Self::Cluster(Box::new(client)))
                    .map_err(Error::Address)
            }
        }
    }

    async fn connect(&self, timeout: Duration) -> Result<Link, RedisError> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        let mut connection = match self {
            Self::Server(client) => client.get_multiplexed_async_connection_with_config(&settings).await?,
            Self::Sentinels(client) => client.lock().await.get_async_connection_with_config(&settings).await?,
            Self::Cluster(client) => {
                // Each node has a run of its own.
                return Ok(Link {
                    to: To::Cluster(client.get_async_connection().await?),
                    run: 0,
                });
            }
        };
        let info: InfoDict = redis::cmd("INFO").query_async(&mut connection).await?;
        // The first changes with a restart, the second with each change of the master, also with one back to an earlier one.
        let id = |name: &str| {
            let id: Option<String> = info.get(name);
            id.and_then(|id| u64::from_str_radix(id.get(..16)?, 16).ok())
                .unwrap_or(0)
        };
        let run = id("run_id") ^ id("master_replid");
        Ok(Link {
            to: To::Server(connection),
            run,
        })
    }
}

/// Returns the settings of the master: user, password, database and TLS are those of the sentinels' addresses.
fn node_of(address: &str) -> Result<SentinelNodeConnectionInfo, RedisError> {
    let info = address.into_connection_info()?;
    let node = SentinelNodeConnectionInfo::default().set_redis_connection_info(info.redis_settings().clone());
    let by_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    Ok(if by_tls {
        node.set_tls_mode(TlsMode::Secure)
    } else {
        node
    })
}

/// Returns `true` for errors of a server that is down; one that refuses a call answers at once.
fn is_outage(error: &Error) -> bool {
    match error {
        Error::Failed(error) => error.is_io_error() || error.is_timeout() || error.is_connection_dropped(),
        Error::Late => true,
        Error::NoAddress | Error::File(_) | Error::Address(_) | Error::Open => false,
    }
}

/// Returns `true` for errors after which another connection is needed: it broke, or the server is a replica by now.
fn ends_connection(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}
