//! The doctor finds what is wrong, names what mends it, and changes nothing.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::routing::any;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{Done, program, run};
use crate::server::Server;
use crate::standin::StandIn;

/// An installation with one fault.
struct Patient {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Patient {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: vec![("CONTEXT_MANAGER_SERVER__PORT", free_port().to_string())],
        }
    }

    /// An installation with a store.
    fn with_store() -> Self {
        let patient = Self::new();
        run(&patient.data(), &["store", "a text"]).ok();
        patient
    }

    fn set(mut self, key: &'static str, value: &impl ToString) -> Self {
        self.variables.push((key, value.to_string()));
        self
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self) -> Command {
        let mut command = program(&self.data());
        command.envs(self.variables.iter().map(|(key, value)| (*key, value)));
        command
    }

    fn examine(&self) -> Examined {
        Examined::by(self.command().args(["doctor", "--json"]))
    }
}

/// Findings of the doctor.
#[derive(Debug)]
struct Examined {
    code: i32,
    findings: Vec<Value>,
}

impl Examined {
    fn by(command: &mut Command) -> Self {
        let done = Done::from(command.output().unwrap());
        let findings = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        Self {
            findings: findings.collect(),
            code: done.code,
        }
    }

    /// Checks that there is this finding, with a way to mend it.
    #[track_caller]
    fn found(&self, grade: &str, part: &str, what: &str) {
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let is_it = |finding: &&Value| {
            (text(finding, "grade").as_str(), text(finding, "part").as_str()) == (grade, part)
                && text(finding, "found").contains(what)
        };
        let finding = self.findings.iter().find(is_it);
        let finding = finding.unwrap_or_else(|| panic!("no {grade} of {part} about {what}: {self:#?}"));
        assert!(!text(finding, "mend").is_empty(), "{finding}");
        let errors = self.findings.iter().any(|finding| finding["grade"] == "error");
        assert_eq!(self.code, i32::from(errors), "{self:#?}");
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Everything below a folder, with times and contents.
fn state(folder: &Path) -> Vec<(PathBuf, SystemTime, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let metadata = path.metadata().unwrap();
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            let content = fs::read(&path).unwrap_or_default();
            found.push((
                path,
                metadata.modified().unwrap(),
                metadata.permissions().mode(),
                content,
            ));
        }
    }
    found.sort();
    found
}

/// A service that answers everything with vectors of three dimensions, and says that it is this time.
async fn service(date: Option<&'static str>) -> String {
    let answer = move || async move {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(date) = date {
            headers.insert(header::DATE, HeaderValue::from_static(date));
        }
        (
            headers,
            json!({"data": [{"index": 0, "embedding": [0.6, 0.8, 0.0]}]}).to_string(),
        )
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        axum::serve(listener, Router::new().fallback(any(answer)))
            .await
            .unwrap();
    });
    format!("http://{address}")
}

/// Puts a certificate for `localhost` into a folder, valid for these years.
fn certificate(folder: &Path, from: i32, to: i32) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert_file, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    (cert_file, key_file)
}

fn encrypted(patient: Patient, (cert_file, key_file): (PathBuf, PathBuf)) -> Patient {
    patient
        .set("CONTEXT_MANAGER_SERVER__TLS__CERT_FILE", &cert_file.display())
        .set("CONTEXT_MANAGER_SERVER__TLS__KEY_FILE", &key_file.display())
}

#[test]
fn a_sound_installation_is_told_so_and_nothing_is_changed() {
    for patient in [Patient::new(), Patient::with_store()] {
        let before = state(patient.folder.path());
        let done = Done::from(patient.command().arg("doctor").output().unwrap());
        let report = done.ok();
        assert!(report.contains("0 errors, "), "{report}");
        assert!(!report.contains('✗'), "{report}");
        assert_eq!(state(patient.folder.path()), before);
    }
}

#[test]
fn every_problem_of_a_configuration() {
    let patient = Patient::new();
    fs::write(
        patient.folder.path().join("config.toml"),
        "[server]\nprot = 1\n[hirag]\ncandidates = 0\n",
    )
    .unwrap();
    let examined = patient.examine();
    examined.found("error", "configuration", "did you mean `port`");
    examined.found("error", "configuration", "hirag.candidates");
}

#[test]
fn a_port_that_another_program_has() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let examined = Patient::new().set("CONTEXT_MANAGER_SERVER__PORT", &port).examine();
    examined.found("error", "port", &format!("taken by process {}", std::process::id()));
}

#[test]
fn a_data_folder_that_is_a_file() {
    let patient = Patient::new();
    fs::write(patient.data(), "").unwrap();
    patient.examine().found("error", "data folder", "is not a folder");
}

#[test]
fn a_data_folder_of_another_program() {
    let patient = Patient::new();
    fs::create_dir(patient.data()).unwrap();
    fs::write(patient.data().join("thesis.txt"), "chapter one").unwrap();
    patient.examine().found("error", "store", "not a data folder");
}

#[test]
fn a_data_folder_that_others_can_read() {
    let patient = Patient::with_store();
    fs::set_permissions(patient.data(), Permissions::from_mode(0o755)).unwrap();
    patient.examine().found("warning", "data folder", "others can look");
}

#[test]
fn keys_that_others_can_read_or_that_have_expired() {
    let patient = Patient::new();
    let create = ["keys", "create", "--tenant", "acme", "--permissions", "read"];
    let key = run(&patient.data(), &create).ok();
    let keys = patient.data().join("keys.toml");
    fs::set_permissions(&keys, Permissions::from_mode(0o644)).unwrap();
    patient.examine().found("warning", "keys", "others can open");
    let id = key.split('_').nth(1).unwrap();
    run(&patient.data(), &["keys", "revoke", id]).ok();
    patient.examine().found("error", "keys", "none of the 1 keys is valid");
    fs::write(&keys, "[[keys]]\n").unwrap();
    patient.examine().found("error", "keys", "keys.toml");
}

#[test]
fn a_full_disk() {
    let examined = Patient::new()
        .set("CONTEXT_MANAGER_VECTOR_DB__MIN_FREE_BYTES", &(1_u64 << 60))
        .examine();
    examined.found("error", "disk", "nothing is stored");
}

#[test]
fn a_damaged_store() {
    let patient = Patient::with_store();
    let manifest = patient.data().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("256", "255")).unwrap();
    patient.examine().found("error", "store", "corrupt");
    fs::write(&manifest, text).unwrap();
    fs::remove_dir_all(patient.data().join("shard")).unwrap();
    patient.examine().found("error", "store", "damaged");
}

#[test]
fn a_program_that_holds_the_store_and_serves_nobody() {
    let patient = Patient::with_store();
    let held = File::open(patient.data().join("LOCK")).unwrap();
    held.lock().unwrap();
    let held_by = format!("process {}", std::process::id());
    patient.examine().found("error", "server", &held_by);
}

#[tokio::test]
async fn a_running_server_is_asked_for_its_health() {
    let patient = Patient::new();
    let model = [("CONTEXT_MANAGER_EMBEDDING__MODEL", "tl-256-int8")];
    let server = Server::with(&patient.data(), &model).await;
    let examined = patient.examine();
    assert_eq!(examined.code, 0, "{examined:?}");
    let health = examined.findings.iter().find(|finding| finding["part"] == "health");
    assert!(health.is_some_and(|health| health["grade"] == "good"), "{examined:?}");
    let named = Examined::by(patient.command().args(["doctor", "--json", "--server", &server.url]));
    assert_eq!(named.code, 0, "{named:?}");
    drop(server);
    let gone = format!("http://127.0.0.1:{}", free_port());
    let named = Examined::by(patient.command().args(["doctor", "--json", "--server", &gone]));
    named.found("error", "server", "does not answer");
}

#[test]
fn an_embedding_service_that_is_down_or_lacks_its_key() {
    let down = Patient::new().set(
        "CONTEXT_MANAGER_EMBEDDING__API_URL",
        &format!("http://127.0.0.1:{}", free_port()),
    );
    let down = down.set("CONTEXT_MANAGER_EMBEDDING__MAX_RETRIES", &0);
    down.examine().found("error", "embedder", "no vector comes");
    let missing = down.folder.path().join("missing");
    let missing = down.set("CONTEXT_MANAGER_EMBEDDING__API_TOKEN_FILE", &missing.display());
    missing.examine().found("error", "embedder", "api_token_file");
    let unset = Patient::new()
        .set("CONTEXT_MANAGER_EMBEDDING__API_URL", &"https://127.0.0.1:9")
        .set("CONTEXT_MANAGER_EMBEDDING__MAX_RETRIES", &0);
    unset.examine().found("warning", "embedder", "no key is set");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedding_model_of_another_size() {
    let patient = Patient::with_store().set("CONTEXT_MANAGER_EMBEDDING__API_URL", &service(None).await);
    patient.examine().found("error", "embedder", "3 dimensions");
}

#[test]
fn a_store_of_another_model() {
    let patient = Patient::with_store().set("CONTEXT_MANAGER_EMBEDDING__MODEL_PATH", &"/nowhere");
    let patient = patient.set("CONTEXT_MANAGER_EMBEDDING__MODEL", &"");
    patient.examine().found("error", "embedder", "/nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong() {
    let url = service(Some("Sat, 01 Jan 2022 00:00:00 GMT")).await;
    let patient = Patient::new().set("CONTEXT_MANAGER_EMBEDDING__API_URL", &url);
    patient.examine().found("error", "clock", "ahead of");

    let patient = Patient::with_store();
    let manifest = File::options()
        .write(true)
        .open(patient.data().join("manifest.json"))
        .unwrap();
    let tomorrow = manifest.metadata().unwrap().modified().unwrap() + Duration::from_hours(24);
    manifest.set_modified(tomorrow).unwrap();
    patient.examine().found("error", "clock", "went back");
}

#[test]
fn a_limit_of_open_files() {
    let patient = Patient::new();
    let mut shell = Command::new("sh");
    let program = patient.command();
    let shell = shell
        .args(["-c", "ulimit -n 300 && exec \"$0\" doctor --json"])
        .arg(program.get_program());
    shell.current_dir(patient.folder.path()).env_clear();
    shell.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    Examined::by(shell).found("error", "open files", "300");
}

#[test]
fn certificates_that_clients_would_refuse() {
    let patient = Patient::new();
    let files = certificate(patient.folder.path(), 2020, 2021);
    let patient = encrypted(patient, files);
    patient
        .examine()
        .found("error", "certificates", "expired at 2021-01-01");
    certificate(patient.folder.path(), 2090, 2099);
    patient
        .examine()
        .found("error", "certificates", "not valid before 2090");
    certificate(patient.folder.path(), 2020, 2090);
    assert_eq!(patient.examine().code, 0);
    let named = patient.set("CONTEXT_MANAGER_SERVER__PUBLIC_URL", &"https://memory.example.com");
    named
        .examine()
        .found("error", "certificates", "not for memory.example.com");
    fs::write(
        named.folder.path().join("key.pem"),
        KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    named
        .examine()
        .found("error", "certificates", "cannot be used together");
    fs::remove_file(named.folder.path().join("key.pem")).unwrap();
    named.examine().found("error", "certificates", "key.pem");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qdrant_server_that_is_down_or_too_old() {
    let down = Patient::new().set(
        "CONTEXT_MANAGER_VECTOR_DB__URL",
        &format!("http://127.0.0.1:{}", free_port()),
    );
    down.examine().found("error", "qdrant", "cannot");
    let old = StandIn::start("1.9.0");
    let old = Patient::new().set("CONTEXT_MANAGER_VECTOR_DB__URL", &old.config().url.unwrap());
    old.examine().found("error", "qdrant", "1.9.0");
}

#[test]
fn an_identity_provider_that_does_not_answer() {
    let patient = Patient::new()
        .set("CONTEXT_MANAGER_AUTH__JWT__ISSUER", &"https://id.example.com")
        .set("CONTEXT_MANAGER_AUTH__JWT__AUDIENCE", &"[context-manager]")
        .set(
            "CONTEXT_MANAGER_AUTH__JWT__JWKS_URL",
            &format!("http://127.0.0.1:{}", free_port()),
        );
    patient.examine().found("error", "provider", "cannot be reached");
}

#[test]
fn proxies_that_are_trusted_too_much_or_are_none() {
    let everybody = Patient::new().set("CONTEXT_MANAGER_SERVER__TRUSTED_PROXIES", &"[0.0.0.0/0]");
    everybody.examine().found("error", "proxies", "trusts everybody");
    let nobody = Patient::new().set("CONTEXT_MANAGER_SERVER__PUBLIC_URL", &"https://memory.example.com");
    nobody.examine().found("warning", "proxies", "a proxy stands between");
    Patient::new()
        .set("HTTPS_PROXY", &"http://")
        .examine()
        .found("error", "proxies", "HTTPS_PROXY");
}

#[test]
fn more_memory_than_there_is() {
    let patient = Patient::new().set("CONTEXT_MANAGER_MEMORY__BUDGET_BYTES", &(1_u64 << 50));
    patient.examine().found("error", "memory", "contexts may take");
}
