//! Typed client of the Context Manager's HTTP API.
//!
//! [`Client`] has one method for each route, under its name in the OpenAPI document. Calls are retried with jitter where
//! that does no harm, end by a total deadline, and fail with the problem that the server describes. [`wire`] has the
//! bodies of requests and responses; servers use them as well, with their schemas behind the feature `openapi`.
//!
//! ```no_run
//! use context_manager_client::{Client, Config, ListContexts};
//! use context_manager_client::wire::{Code, NewContext, SearchRequest};
//! use futures::TryStreamExt;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("http://127.0.0.1:8080", Config::with_key("cm_..."))?;
//! let context = NewContext {
//!     text: "User prefers dark mode".to_owned(),
//!     user_id: Some("ann".to_owned()),
//!     ..NewContext::default()
//! };
//! client.store_context(&context).await?;
//!
//! let search = SearchRequest {
//!     query: "Which theme does the user like?".into(),
//!     max_tokens: Some(2_000),
//!     ..SearchRequest::default()
//! };
//! match client.search_contexts(&search).await {
//!     Ok(found) => println!("{} contexts", found.contexts.len()),
//!     Err(error) if error.code() == Some(Code::RateLimited) => println!("later: {error}"),
//!     Err(error) => return Err(error.into()),
//! }
//!
//! let mut contexts = std::pin::pin!(client.contexts(ListContexts::default()));
//! while let Some(context) = contexts.try_next().await? {
//!     println!("{}: {}", context.id, context.text);
//! }
//! # Ok(())
//! # }
//! ```

mod call;
mod client;
mod config;
mod error;
mod events;
mod operations;
mod operator;
mod pages;
mod transport;
pub mod wire;

pub use client::Client;
pub use config::{Certificates, Config, Retry, Secret};
pub use error::{Error, Refusal};
pub use pages::{ListContexts, Page};
pub use transport::http_client;
