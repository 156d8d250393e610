//! State that servers of the Context Manager share on Redis 7 or Valkey: working memory and rate limits.
//!
//! Nothing here is durable, and nothing that is lost loses data: [`RedisSessions`] keeps copies of what the store holds, and
//! [`RedisRates`] counts calls of the last seconds. Both work without Redis, too: the store answers for working memory, and
//! each server limits alone.
//!
//! Every key of a tenant carries the tenant as its hash tag, so that a script sees a consistent state, also in a cluster.

mod config;
mod connection;
pub mod metrics;
mod rates;
mod sessions;
#[cfg(feature = "testing")]
pub mod testing;

pub use config::Config;
pub use connection::{Connection, Error};
pub use rates::{Limited, RedisRates};
pub use sessions::{RedisSessions, Sizes};
