//! The server with contexts on Qdrant servers, which these tests start, stop and break.
//!
//! In every run the server is the [stand-in](crate::standin). The same with real ones is ignored unless asked for, as no
//! Qdrant server comes with the workspace: `cargo xtask integration` runs it. `QDRANT_BIN` names the binary; without it,
//! `QDRANT_IMAGE` names an image that `CONTAINER_ENGINE` (docker) runs.

mod cluster;
mod keys;
mod load;
mod migration;
mod node;
mod outages;
mod redis;
mod replicas;
mod sameness;
mod snapshots;

use qdrant_client::Qdrant;
use qdrant_client::qdrant::CountPointsBuilder;

use crate::standin::StandIn;

/// A Qdrant server that can be broken.
trait Breakable {
    /// Settings of our server.
    fn url(&self) -> String;

    /// Ends it as a crash would.
    fn kill(&mut self);

    /// Starts it again, with its data, after it was killed.
    async fn restart(&mut self);
}

impl Breakable for StandIn {
    fn url(&self) -> String {
        self.config().url.unwrap()
    }

    fn kill(&mut self) {
        self.stop();
    }

    async fn restart(&mut self) {
        StandIn::restart(self);
    }
}

/// A stand-in that says it is this version of a server.
fn stand_in() -> StandIn {
    StandIn::start("1.18.3")
}

/// Number of points of our collection, once it exists.
async fn points(url: &str) -> Option<u64> {
    points_of(url, "context_manager_contexts").await
}

/// Number of points of a collection, once it exists.
async fn points_of(url: &str, collection: &str) -> Option<u64> {
    let client = Qdrant::from_url(url).skip_compatibility_check().build().unwrap();
    let count = CountPointsBuilder::new(collection).exact(true);
    Some(client.count(count).await.ok()?.result?.count)
}
