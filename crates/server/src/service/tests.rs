//! Use cases called without a router, as every edge may.

use std::sync::Arc;

use context_manager_core::NewContext;
use context_manager_core::ports::SystemClock;
use context_manager_observability::{AuditConfig, LogConfig, init_logs, install_metrics};

use super::{Call, Failure, Origin, Service, UseCase};
use crate::app::{Memory, default_tenant, key_places};
use crate::auth::{Authenticator, Principal};
use crate::config::{Config, RateConfig};

#[tokio::test]
async fn limits_quotas_and_use_cases_hold_without_http() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.vector_db.embedded.path = folder.path().join("data");
    config.quotas.max_contexts = 1;
    config.rate_limits.per_key.read = RateConfig { per_sec: 1, burst: 1 };
    let memory = Memory::open(&config).await.unwrap();
    let logs = init_logs(&LogConfig::default(), &AuditConfig::default()).unwrap();
    let (places, tenant) = (key_places(&config).unwrap(), default_tenant().unwrap());
    let authenticator = Authenticator::open(&config, places, tenant, Arc::new(SystemClock)).unwrap();
    let service = Service::new(&config, install_metrics().unwrap(), logs, Arc::new(authenticator));
    let service = Arc::new(service);
    let call = |use_case| {
        let caller = Principal::anonymous(default_tenant().unwrap());
        Call::new(Arc::clone(&service), caller, use_case, Origin::default())
    };
    let store = async |text: &str| {
        let context = NewContext {
            text: text.to_owned(),
            ..NewContext::default()
        };
        call(UseCase::StoreContext).store(context).await
    };
    assert!(matches!(store("one").await, Err(Failure::Starting)));
    memory.serve(&service, &config).unwrap();
    let id = store("one").await.unwrap().context.id;
    assert!(matches!(store("two").await, Err(Failure::QuotaExceeded(_))));
    assert_eq!(call(UseCase::GetContext).get(id).await.unwrap().text, "one");
    let again = call(UseCase::GetContext).get(id).await;
    assert!(matches!(again, Err(Failure::RateLimited(_))), "{again:?}");
    let other = call(UseCase::StoreContext).delete(id).await;
    assert!(matches!(other, Err(Failure::Forbidden(_))), "{other:?}");
    assert_eq!(call(UseCase::DeleteContext).delete(id).await.unwrap(), 1);
}
