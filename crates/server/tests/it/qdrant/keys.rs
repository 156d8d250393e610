//! Keys at the Qdrant server: made and revoked through one server of ours, asked for by all.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::node::Node;
use super::outages::server_on;
use super::{Breakable, stand_in};
use crate::server::Server;
use crate::support::PATIENCE;

const STATS: &str = "/api/v1/stats";

/// The command line on a machine of its own.
struct Machine {
    folder: TempDir,
    url: String,
}

impl Machine {
    fn beside(peer: &impl Breakable) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: peer.url(),
        }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Runs `context-manager keys` with the Qdrant server.
    async fn keys(&self, arguments: &[&str]) -> Output {
        let settings = vec![("CONTEXT_MANAGER_VECTOR_DB__URL", self.url.clone())];
        keys(&self.data(), settings, arguments).await
    }

    /// Makes a key, and returns it with its id.
    async fn create(&self, permissions: &str) -> (String, String) {
        key_of(
            &self
                .keys(&["create", "--tenant", "acme", "--permissions", permissions])
                .await,
        )
    }
}

async fn keys(data: &Path, settings: Vec<(&'static str, String)>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_context-manager"));
    command
        .current_dir(data.parent().unwrap())
        .env("CONTEXT_MANAGER_VECTOR_DB__PATH", data)
        .envs(settings)
        .arg("keys")
        .args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn key_of(created: &Output) -> (String, String) {
    assert!(created.status.success(), "{}", said(created));
    let key = String::from_utf8(created.stdout.clone()).unwrap().trim_end().to_owned();
    let id = key.split('_').nth(1).unwrap().to_owned();
    (key, id)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn status(server: &Server, key: Option<&str>) -> u16 {
    let request = server.client.get(format!("{}{STATS}", server.url));
    let request = match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

/// Calls the API of keys.
async fn admin(server: &Server, admin: &str, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
    let url = format!("{}/api/v1/admin/keys{path}", server.url);
    let request = server.client.request(method, url).bearer_auth(admin);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// Time from now until a server answers a key like that.
async fn time_until(server: &Server, key: Option<&str>, expected: u16) -> Duration {
    let start = Instant::now();
    while status(server, key).await != expected {
        assert!(start.elapsed() < PATIENCE, "{expected} was never answered");
        sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
fn tell(what: &str, mut times: Vec<Duration>, bound: Duration) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    let [first, median, p90, last] = [0, 50, 90, 100].map(at);
    eprintln!(
        "{what}, {} times: {first:?} at least, {median:?} median, {p90:?} p90, {last:?} at most",
        times.len()
    );
    assert!(last < bound, "{what}: {last:?}");
}

/// Makes and revokes keys through one server, and measures when the other one knows.
async fn seen_by_all(peer: impl Breakable, rounds: usize, bound: Duration) {
    let url = peer.url();
    let ((one, _folder), (two, _other)) = tokio::join!(server_on(&url, &[]), server_on(&url, &[]));
    for server in [&one, &two] {
        assert_eq!(status(server, None).await, 200, "open as long as there is no key");
    }
    let machine = Machine::beside(&peer);
    let (operator, _) = machine.create("admin").await;
    let (first, second) = tokio::join!(time_until(&one, None, 401), time_until(&two, None, 401));
    tell("the first key closed a server", vec![first, second], bound);
    assert_eq!(
        (status(&one, Some(&operator)).await, status(&two, Some(&operator)).await),
        (200, 200)
    );

    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // So that a round does not begin with the interval of reading.
        sleep(Duration::from_millis(37 * (round as u64 % 13))).await;
        let body = json!({"tenant": "acme", "permissions": ["read"]});
        let created = admin(&one, &operator, reqwest::Method::POST, "", Some(body)).await;
        let key = created["key"].as_str().unwrap();
        let waited = time_until(&two, Some(key), 200).await;
        accepted.push(waited);
        assert_eq!(status(&one, Some(key)).await, 200, "at once where it was made");

        let path = format!("/{}", created["record"]["id"].as_str().unwrap());
        admin(&one, &operator, reqwest::Method::DELETE, &path, None).await;
        assert_eq!(status(&one, Some(key)).await, 401, "at once where it was revoked");
        refused.push(time_until(&two, Some(key), 401).await);
    }
    tell("a new key was accepted by the other server", accepted, bound);
    tell("a revoked key was refused by the other server", refused, bound);
    let listed = admin(&two, &operator, reqwest::Method::GET, "", None).await;
    assert_eq!(listed["keys"].as_array().unwrap().len(), rounds + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_does_to_keys_the_others_know() {
    seen_by_all(stand_in(), 3, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn what_one_server_does_to_keys_the_others_know_within_a_second_on_a_real_qdrant() {
    seen_by_all(Node::start().await, 20, Duration::from_secs(1)).await;
}

/// Starts a server while Qdrant is down, and takes Qdrant away from it later.
async fn closed_through_outages(mut peer: impl Breakable) {
    let url = peer.url();
    let machine = Machine::beside(&peer);
    let (key, id) = machine.create("read,write").await;
    peer.kill();
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("CONTEXT_MANAGER_VECTOR_DB__URL", url.as_str()),
        ("CONTEXT_MANAGER_VECTOR_DB__TIMEOUT_SECS", "2"),
    ];
    let server = Server::starting(&folder.path().join("data"), &settings);
    for _ in 0..10 {
        assert_eq!(status(&server, None).await, 503);
        assert_eq!(status(&server, Some(&key)).await, 503, "it may be valid");
        sleep(Duration::from_millis(50)).await;
    }
    peer.restart().await;
    time_until(&server, None, 401).await;
    server.ready().await;
    assert_eq!(
        (status(&server, Some(&key)).await, status(&server, None).await),
        (200, 401)
    );

    // The keys known last stay in force.
    peer.kill();
    let refused = machine.keys(&["revoke", &id]).await;
    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(said(&refused).contains("the keys in the store"), "{}", said(&refused));
    sleep(Duration::from_secs(2)).await;
    let caller = server
        .client
        .get(format!("{}/api/v1/whoami", server.url))
        .bearer_auth(&key);
    assert_eq!(caller.send().await.unwrap().status(), 200);
    assert_eq!(status(&server, None).await, 401);
    peer.restart().await;
    let revoked = machine.keys(&["revoke", &id]).await;
    assert!(revoked.status.success(), "{}", said(&revoked));
    time_until(&server, Some(&key), 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_opens_no_server() {
    closed_through_outages(stand_in()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server to kill: cargo xtask integration"]
async fn an_outage_of_a_real_qdrant_opens_no_server() {
    closed_through_outages(Node::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn keys_lost_by_a_real_qdrant_open_no_server() {
    let peer = Node::start().await;
    let (server, _folder) = server_on(&peer.url(), &[]).await;
    let machine = Machine::beside(&peer);
    let (key, _) = machine.create("read").await;
    // Until then the server lets everybody in.
    time_until(&server, None, 401).await;
    time_until(&server, Some(&key), 200).await;
    let leases = format!("{}/collections/context_manager_contexts_leases", peer.rest_url());
    let deleted = server.client.delete(leases).send().await.unwrap();
    assert!(deleted.status().is_success());
    time_until(&server, Some(&key), 401).await;
    assert_eq!(status(&server, None).await, 401);
    let (key, _) = machine.create("read").await;
    time_until(&server, Some(&key), 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_file_stay_valid_and_move_to_the_store() {
    let peer = stand_in();
    let machine = Machine::beside(&peer);
    // Before the Qdrant server was configured.
    let create = ["create", "--tenant", "acme", "--permissions", "read"];
    let (old, old_id) = key_of(&keys(&machine.data(), Vec::new(), &create).await);
    let (new, new_id) = machine.create("read").await;
    let url = peer.url();
    let server = Server::with(&machine.data(), &[("CONTEXT_MANAGER_VECTOR_DB__URL", url.as_str())]).await;
    let (other, _folder) = server_on(&url, &[]).await;
    assert_eq!(
        (status(&server, Some(&old)).await, status(&server, Some(&new)).await),
        (200, 200)
    );
    assert_eq!(
        (status(&other, Some(&old)).await, status(&other, Some(&new)).await),
        (401, 200)
    );
    let places = async || -> Vec<(String, String)> {
        let list = machine.keys(&["list"]).await;
        let list = String::from_utf8(list.stdout).unwrap();
        let place = |id: &str| {
            let row = list.lines().find(|line| line.contains(id)).unwrap();
            let place = ["file", "store"].into_iter().find(|place| row.contains(place));
            (id.to_owned(), place.unwrap().to_owned())
        };
        vec![place(&old_id), place(&new_id)]
    };
    let place = |id: &String, place: &str| (id.clone(), place.to_owned());
    assert_eq!(places().await, [place(&old_id, "file"), place(&new_id, "store")]);

    let moved = machine.keys(&["move"]).await;
    assert!(said(&moved).contains("1 keys of"), "{}", said(&moved));
    time_until(&other, Some(&old), 200).await;
    assert_eq!(places().await, [place(&old_id, "store"), place(&new_id, "store")]);
    assert_eq!(status(&server, Some(&old)).await, 200);
    machine.keys(&["revoke", &old_id]).await;
    for server in [&server, &other] {
        time_until(server, Some(&old), 401).await;
    }
    let nowhere = keys(&machine.data(), Vec::new(), &["move"]).await;
    assert!(
        said(&nowhere).contains("vector_db.url is not set"),
        "{}",
        said(&nowhere)
    );
    assert_eq!(
        (status(&server, Some(&new)).await, status(&other, Some(&new)).await),
        (200, 200)
    );
}
