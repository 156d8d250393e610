//! The scripts of sessions, with their keys, arguments and answers.

use std::fmt;
use std::time::Duration;

use context_manager_core::ports::{Affected, SessionKey, Ticket};
use redis::{Script, ScriptInvocation, Value};

use super::entry::Arguments;
use super::key::Keys;
use crate::{Connection, Error};

/// Time after which the state of a session that nobody uses is forgotten: longer than any entry, and than any read from the
/// store that a state is to invalidate.
const STATE_TTL: Duration = Duration::from_hours(25);

/// Answer about a session.
#[derive(Debug)]
pub(super) enum Answer {
    Busy,
    Miss(Ticket),
    /// The near copy is current.
    Near,
    Hit {
        version: u64,
        tenant: u64,
        fields: Vec<(Vec<u8>, Vec<u8>)>,
    },
}

/// The scripts.
pub(super) struct Scripts {
    get: Script,
    fill: Script,
    begin: Script,
    commit: Script,
    commit_tenant: Script,
    ttl: Duration,
    max_fields: usize,
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripts")
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

impl Scripts {
    /// Returns the scripts for entries that live for `ttl`, and for sessions of that many contexts.
    pub(super) fn new(ttl: Duration, session: usize) -> Self {
        let script = |code: &str| Script::new(&[include_str!("../lua/under_way.lua"), code].concat());
        Self {
            get: script(include_str!("../lua/get.lua")),
            fill: script(include_str!("../lua/fill.lua")),
            begin: script(include_str!("../lua/begin.lua")),
            commit: script(include_str!("../lua/commit.lua")),
            commit_tenant: Script::new(include_str!("../lua/commit_tenant.lua")),
            ttl,
            // Twice as many, as pinned contexts exceed the size; each has three fields.
            max_fields: 3 * 2 * session.max(1) + 2,
        }
    }

    /// Reads a session. `known` is the version and tenant version of the near copy.
    pub(super) async fn get(
        &self,
        connection: &Connection,
        keys: &Keys,
        session: Option<&str>,
        known: (u64, u64),
    ) -> Result<Answer, Error> {
        let name = fastrand::u64(1..);
        let answer: Vec<Value> = connection
            .invoke(|run| {
                let mut call = self.get.prepare_invoke();
                whole(&mut call, keys, run, session);
                call.arg(name)
                    .arg(millis(STATE_TTL))
                    .arg(known.0)
                    .arg(known.1)
                    .arg(keys.space(run));
                call
            })
            .await?;
        parsed(answer)
    }

    /// Fills a session and returns its tenant version; `None` if a write began since the miss.
    pub(super) async fn fill(
        &self,
        connection: &Connection,
        keys: &Keys,
        session: Option<&str>,
        ticket: Ticket,
        version: u64,
        fields: &Arguments,
    ) -> Result<Option<u64>, Error> {
        connection
            .invoke(|run| {
                let mut call = self.fill.prepare_invoke();
                whole(&mut call, keys, run, session);
                call.arg(version).arg(millis(STATE_TTL));
                call.arg(ticket.session)
                    .arg(ticket.tenant)
                    .arg(ticket.space)
                    .arg(keys.space(run))
                    .arg(millis(self.ttl))
                    .arg(fields);
                call
            })
            .await
    }

    /// Announces a write and returns the state of each affected session before; 0 where another write is under way.
    pub(super) async fn begin(
        &self,
        connection: &Connection,
        keys: &Keys,
        affected: &Affected,
        name: u64,
        abandoned: Duration,
    ) -> Result<Vec<u64>, Error> {
        let before: Vec<String> = connection
            .invoke(|run| {
                let mut call = self.begin.prepare_invoke();
                match affected {
                    Affected::Tenant => {
                        call.key(keys.tenant(run, "writes")).key(keys.tenant(run, "state"));
                    }
                    Affected::Sessions(sessions) => {
                        for session in sessions {
                            let session = session.as_deref();
                            call.key(keys.session(run, "writes", session));
                            call.key(keys.session(run, "state", session));
                        }
                    }
                }
                call.arg(name).arg(millis(STATE_TTL)).arg(millis(abandoned));
                call
            })
            .await?;
        Ok(before.iter().map(|state| state.parse().unwrap_or(0)).collect())
    }

    /// Ends a write with its name and the state before, and returns the tenant version of the entries if they follow it.
    pub(super) async fn commit(
        &self,
        connection: &Connection,
        keys: &Keys,
        key: &SessionKey,
        (name, before): (u64, u64),
        operations: &Arguments,
    ) -> Result<Option<u64>, Error> {
        let (session, another) = (key.session.as_deref(), fastrand::u64(1..));
        connection
            .invoke(|run| {
                let mut call = self.commit.prepare_invoke();
                for kind in ["entries", "writes", "state"] {
                    call.key(keys.session(run, kind, session));
                }
                call.key(keys.tenant(run, "state"));
                let before = if before == 0 { String::new() } else { before.to_string() };
                call.arg(name).arg(before).arg(self.max_fields);
                call.arg(another).arg(millis(STATE_TTL)).arg(operations);
                call
            })
            .await
    }

    /// Ends a write to all sessions of a tenant.
    pub(super) async fn commit_tenant(&self, connection: &Connection, keys: &Keys, name: u64) -> Result<(), Error> {
        let another = fastrand::u64(1..);
        let ended: Result<u64, Error> = connection
            .invoke(|run| {
                let mut call = self.commit_tenant.prepare_invoke();
                call.key(keys.tenant(run, "writes")).key(keys.tenant(run, "state"));
                call.arg(name).arg(another).arg(millis(STATE_TTL));
                call
            })
            .await;
        ended.map(drop)
    }
}

/// Adds all keys of a session, and those of its tenant.
fn whole(call: &mut ScriptInvocation<'_>, keys: &Keys, run: u64, session: Option<&str>) {
    for kind in ["entries", "writes", "state"] {
        call.key(keys.session(run, kind, session));
    }
    call.key(keys.tenant(run, "writes")).key(keys.tenant(run, "state"));
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn parsed(answer: Vec<Value>) -> Result<Answer, Error> {
    let mut values = answer.into_iter();
    let mut next = || values.next().unwrap_or(Value::Nil);
    let kind: String = read(next())?;
    Ok(match kind.as_str() {
        "near" => Answer::Near,
        "miss" => Answer::Miss(Ticket {
            session: read(next())?,
            tenant: read(next())?,
            space: read(next())?,
        }),
        "hit" => Answer::Hit {
            version: read(next())?,
            tenant: read(next())?,
            fields: read(next())?,
        },
        _ => Answer::Busy,
    })
}

fn read<T: redis::FromRedisValue>(value: Value) -> Result<T, Error> {
    T::from_redis_value(value).map_err(|error| Error::Failed(error.into()))
}
