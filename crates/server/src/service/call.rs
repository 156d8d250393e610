//! One call of one caller: permission, rate weight, request permit, audit record, and writes that outlive their client.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use context_manager_core::{ContextEngine, Scope};
use tracing::Instrument;

use super::audit::{Affected, AuditRecord, Origin};
use super::failure::Failure;
use super::state::Service;
use super::use_case::{Audit, UseCase, Weight};
use crate::auth::{AUTH_FAILURES, Permission, Principal, lacks};
use crate::limits::{CallKind, CallerKey, RateLimitShare, RequestPermit};

/// One call of one caller. Its methods are the use cases, in the files beside this one.
///
/// An edge may have the call admitted before it reads the rest of the request; a method does it otherwise. The audit
/// record is written by [`Call::end`], or when the last clone is dropped. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Call(Arc<State>);

#[derive(Debug)]
struct State {
    service: Arc<Service>,
    caller: Principal,
    use_case: UseCase,
    origin: Origin,
    audit: Option<AuditRecord>,
    /// Remainders of the rate limits; `None` until the call is admitted.
    shares: Mutex<Option<Vec<RateLimitShare>>>,
    permit: OnceLock<Arc<RequestPermit>>,
}

impl Call {
    /// Creates a call of an authenticated caller.
    pub(crate) fn new(service: Arc<Service>, caller: Principal, use_case: UseCase, origin: Origin) -> Self {
        let rule = use_case.rule();
        let audit = (rule.audit == Audit::Logged).then(|| {
            let trail = Arc::clone(&service.trail);
            AuditRecord::new(rule.name, caller.clone(), origin.clone(), trail)
        });
        Self(Arc::new(State {
            service,
            caller,
            use_case,
            origin,
            audit,
            shares: Mutex::default(),
            permit: OnceLock::new(),
        }))
    }

    /// Creates a call that is made within this one, by the same caller and under its permit: a second permit might never
    /// come while those who hold the others wait for theirs.
    pub(crate) fn within(&self, use_case: UseCase) -> Self {
        let State {
            service,
            caller,
            origin,
            ..
        } = &*self.0;
        let call = Self::new(Arc::clone(service), caller.clone(), use_case, origin.clone());
        if let Some(permit) = self.0.permit.get() {
            let _only_one = call.0.permit.set(Arc::clone(permit));
        }
        call
    }

    /// Asks permission and counts the call, unless that was done.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] and [`Failure::RateLimited`].
    pub(crate) async fn admit(&self) -> Result<(), Failure> {
        if self.shares().is_some() {
            return Ok(());
        }
        let rule = self.0.use_case.rule();
        if let Some(permission) = rule.access.permission() {
            self.demand(permission)?;
        }
        let shares = match rule.weight {
            Weight::Free => Vec::new(),
            Weight::Once(kind) | Weight::PerContext(kind) => self.charge(kind, NonZeroU32::MIN).await?,
        };
        *self.shares() = Some(shares);
        Ok(())
    }

    /// Keeps the permit that the edge got for this call.
    pub(crate) fn hold(&self, permit: RequestPermit) {
        let _only_one = self.0.permit.set(Arc::new(permit));
    }

    /// Ends the call for the audit log, with the HTTP status that it was or would be answered with.
    pub(crate) fn end(&self, status: u16) {
        if let Some(audit) = &self.0.audit {
            audit.end(status);
        }
    }

    /// Returns the remainders of the rate limits that the call was counted under.
    pub(crate) fn rate_limits(&self) -> Vec<RateLimitShare> {
        self.shares().clone().unwrap_or_default()
    }

    /// Returns whether the caller has a permission.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.0.caller.may(permission)
    }

    /// Returns the service that answers.
    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.0.service
    }

    /// Returns the user that the credential is bound to; `None` if it reaches every user of its tenant.
    pub(crate) fn user(&self) -> Option<&str> {
        self.0.caller.user()
    }

    /// Returns the caller.
    pub(super) fn caller(&self) -> &Principal {
        &self.0.caller
    }

    pub(super) fn scope(&self) -> &Scope {
        self.0.caller.scope()
    }

    /// Returns the id of the caller's credential.
    pub(super) fn key_id(&self) -> String {
        self.0.caller.key_id().as_ref().to_owned()
    }

    /// Admits the call for `use_case`, with a permit.
    pub(super) async fn enter(&self, use_case: UseCase) -> Result<(), Failure> {
        if self.0.use_case != use_case {
            let (meant, name) = (self.0.use_case.rule().name, use_case.rule().name);
            tracing::error!(
                meant,
                asked = name,
                "a call for one use case asked for another, and was refused"
            );
            return Err(Failure::Forbidden(format!("this call cannot do `{name}`")));
        }
        self.admit().await?;
        if self.0.permit.get().is_none() {
            self.hold(self.service().guards.classes.acquire(use_case.rule().class).await?);
        }
        Ok(())
    }

    /// Admits the call, and returns the engine.
    pub(super) async fn engine(&self, use_case: UseCase) -> Result<Arc<ContextEngine>, Failure> {
        self.enter(use_case).await?;
        Ok(Arc::clone(&self.service().backend()?.engine))
    }

    /// Counts the call once for each of its contexts.
    pub(super) async fn weigh(&self, contexts: usize) -> Result<(), Failure> {
        let more = u32::try_from(contexts).unwrap_or(u32::MAX).saturating_sub(1);
        if let (Weight::PerContext(kind), Some(more)) = (self.0.use_case.rule().weight, NonZeroU32::new(more)) {
            let shares = self.charge(kind, more).await?;
            *self.shares() = Some(shares);
        }
        Ok(())
    }

    /// Asks permission for a write, and counts it, within a call that began as a read.
    pub(super) async fn admit_write(&self) -> Result<(), Failure> {
        self.demand(Permission::Write)?;
        let shares = self.charge(CallKind::Write, NonZeroU32::MIN).await?;
        *self.shares() = Some(shares);
        Ok(())
    }

    /// Leaves a call out of the audit log that turned out to destroy nothing.
    pub(super) fn leave_unlogged(&self) {
        if let Some(audit) = &self.0.audit {
            audit.discard();
        }
    }

    fn demand(&self, permission: Permission) -> Result<(), Failure> {
        if self.may(permission) {
            return Ok(());
        }
        metrics::counter!(AUTH_FAILURES, "reason" => "forbidden").increment(1);
        Err(Failure::Forbidden(lacks(permission, &self.0.caller)))
    }

    /// Runs a write to its end even if the client goes away or its time runs out: half a write would leave working memory
    /// behind the store. The write holds the call's permit, or a client could start any number by going away.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let permit = self.0.permit.get().cloned();
        let work = async move {
            let done = work.await;
            drop(permit);
            done
        };
        let task = self.service().writes.spawn(work.in_current_span());
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a write ended before its time");
            Err(Failure::Interrupted)
        })
    }

    pub(super) fn affected(&self, affected: Affected) {
        if let Some(audit) = &self.0.audit {
            audit.affected(affected);
        }
    }

    async fn charge(&self, kind: CallKind, cost: NonZeroU32) -> Result<Vec<RateLimitShare>, Failure> {
        let caller = &self.0.caller;
        let key = CallerKey::new(caller.scope().tenant().clone(), Arc::clone(caller.key_id()));
        let charged = self.service().guards.rates.charge(&key, kind, cost).await;
        charged.map_err(Failure::RateLimited)
    }

    fn shares(&self) -> MutexGuard<'_, Option<Vec<RateLimitShare>>> {
        self.0.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
