//! `context-manager keys`: management of the keys in their file or in the store, with or without a running server.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use context_manager_core::ports::{Clock, SystemClock};
use context_manager_observability::{AUDIT_TARGET, AuditConfig, init_logs};
use jiff::{Span, Timestamp};

use super::options::Options;
use super::when::{exact, later, span};
use crate::app::key_places;
use crate::auth::management::{self, KeyError, KeyRequest, KeyState};
use crate::auth::{BoundUser, KeyPlaces, KeyRecord, NewKey, Permission, Place};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a key. The key alone is written to standard output, once; only its hash is stored.
    Create(Create),
    /// List all keys, without their secrets.
    List,
    /// Revoke a key.
    Revoke {
        /// Id of the key, as `list` shows it.
        id: String,
    },
    /// Create a key with the same permissions, and let the old one expire. The new key alone is written to standard output.
    Rotate {
        /// Id of the key, as `list` shows it.
        id: String,
        /// Time that both are valid, such as `24h` or `7d`.
        #[arg(long, value_name = "TIME", default_value = "24h")]
        grace: Span,
        /// Expiry of the new key. Default never.
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// Move the keys of the key file to the Qdrant server of `vector_db.url`, for every server on it. They stay valid.
    Move,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Tenant whose data the key reaches.
    #[arg(long)]
    tenant: String,
    /// User that the key is bound to: it stores for this `user_id` and reaches nothing of others. Default every user.
    #[arg(long, value_name = "ID")]
    user: Option<BoundUser>,
    /// Permissions: `read`, `write`, `tenant_admin`, `admin`, `metrics`.
    #[arg(long, value_delimiter = ',', required = true, value_name = "LIST")]
    permissions: Vec<Permission>,
    /// Expiry: a date, a time with its zone, or a duration from now, such as `90d`. Default never.
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Name of the key.
    #[arg(long)]
    name: Option<String>,
}

pub(super) fn run(options: Options, command: Command) -> anyhow::Result<()> {
    let config = options.load_without_listening()?;
    let audit = match config.audit.path.clone() {
        // Standard output is the key's.
        Some(path) if path == Path::new("-") => AuditConfig::default(),
        path => AuditConfig { path },
    };
    init_logs(&config.log, &audit)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (places, now) = (&key_places(&config)?, SystemClock.now());
        match command {
            Command::Create(create) => create.run(places, now).await,
            Command::List => list(places, now).await,
            Command::Revoke { id } => revoke(places, &id, now).await,
            Command::Rotate { id, grace, expires } => rotate(places, &id, grace, expires.as_deref(), now).await,
            Command::Move => move_to_store(places, now).await,
        }
    })
}

impl Create {
    async fn run(self, places: &KeyPlaces, now: Timestamp) -> anyhow::Result<()> {
        let request = KeyRequest {
            tenant: self.tenant,
            user: self.user,
            permissions: self.permissions.into(),
            expires_at: self.expires.as_deref().map(|when| expiry(when, now)).transpose()?,
            name: self.name,
        };
        let (key, record, first) = management::create(places, request, now).await?;
        hand_over(&key, &record);
        if first {
            note("it is the first one: from now on every call needs a key");
        }
        audit("create_key", &record);
        Ok(())
    }
}

async fn revoke(places: &KeyPlaces, id: &str, now: Timestamp) -> anyhow::Result<()> {
    let revoked = management::revoke(places, id, now).await.map_err(with_advice)?;
    note(&format!(
        "the key {id} of tenant {} is refused from now on",
        revoked.tenant
    ));
    audit("revoke_key", &revoked);
    Ok(())
}

async fn rotate(
    places: &KeyPlaces,
    id: &str,
    grace: Span,
    expires: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let old_ends = later(now, grace).context("--grace")?;
    let expires_at = expires.map(|when| expiry(when, now)).transpose()?;
    let rotated = management::rotate(places, id, old_ends, expires_at, now).await;
    let (key, [old, new]) = rotated.map_err(with_advice)?;
    hand_over(&key, &new);
    note(&format!("the old key {id} is valid until {}", when(old.expires_at)));
    audit("rotate_key", &new);
    Ok(())
}

async fn move_to_store(places: &KeyPlaces, now: Timestamp) -> anyhow::Result<()> {
    let moved = management::move_to_store(places, now).await?;
    note(&format!(
        "{} keys of `{}` are now in the store",
        moved.len(),
        places.file().display()
    ));
    for key in &moved {
        audit("move_key", key);
    }
    Ok(())
}

/// Adds the command that helps on.
fn with_advice(error: KeyError) -> anyhow::Error {
    let advice = match error {
        KeyError::Unknown(_) => Some("`context-manager keys list` shows all"),
        KeyError::NotValid(_) => Some("`context-manager keys create` makes one"),
        KeyError::File(_)
        | KeyError::Shared(_)
        | KeyError::Full
        | KeyError::NoStore
        | KeyError::Tenant(_)
        | KeyError::Reserved
        | KeyError::Name
        | KeyError::NoPermission
        | KeyError::Exceeds
        | KeyError::Over(_)
        | KeyError::Random(_) => None,
    };
    match advice {
        Some(advice) => anyhow!("{error}; {advice}"),
        None => error.into(),
    }
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn list(places: &KeyPlaces, now: Timestamp) -> anyhow::Result<()> {
    let (keys, used) = (places.read_all().await?, places.usage().await);
    if keys.is_empty() {
        let store = if places.all().contains(&Place::Store) {
            "in the store, and none "
        } else {
            ""
        };
        note(&format!("there are no keys {store}in `{}`", places.file().display()));
        return Ok(());
    }
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header("id name tenant user permissions kept state created expires last used".splitn(10, ' '));
    for (place, key) in &keys {
        table.add_row([
            key.id.clone(),
            key.name.clone().unwrap_or_default(),
            key.tenant.clone(),
            user(key).to_owned(),
            key.permissions.to_string(),
            place.as_str().to_owned(),
            KeyState::of(key, now).as_str().to_owned(),
            when(Some(key.created_at)),
            when(key.expires_at),
            when(used.get(&key.id).copied()),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// Returns the user that a key is bound to; empty for every user.
fn user(key: &KeyRecord) -> &str {
    key.user.as_ref().map_or("", BoundUser::as_str)
}

/// Reads a time in the future: with its zone, as a date in UTC, or as a duration from now.
fn expiry(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let time = match exact(text)? {
        Some(time) => time,
        None => later(now, span(text)?)?,
    };
    if time <= now {
        bail!("{text} is over already");
    }
    Ok(time)
}

fn when(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{time:.0}"))
}

/// Writes the key, and nothing else, to standard output.
#[expect(clippy::print_stdout, reason = "the command's result")]
fn hand_over(key: &NewKey, record: &KeyRecord) {
    println!("{}", key.expose());
    note(&format!(
        "key {} of tenant {}{} ({}), expires: {}. Keep it now, it is not shown again",
        record.id,
        record.tenant,
        record
            .user
            .as_ref()
            .map_or_else(String::new, |user| format!(", of user {} alone", user.as_str())),
        record.permissions,
        when(record.expires_at)
    ));
}

#[expect(clippy::print_stderr, reason = "standard output is the key's")]
fn note(text: &str) {
    eprintln!("{text}");
}

fn audit(action: &str, key: &KeyRecord) {
    tracing::info!(
        target: AUDIT_TARGET,
        action,
        who = "command line",
        tenant = key.tenant,
        what = key.id,
        permissions = %key.permissions,
        outcome = "done",
        "keys changed",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_date_a_time_or_a_duration_in_the_future() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T08:00:00+02:00", "2026-03-01T06:00:00Z"),
            ("90d", "2026-05-01T12:00:00Z"),
            ("36h", "2026-02-02T00:00:00Z"),
            ("1 month", "2026-02-28T12:00:00Z"),
        ] {
            assert_eq!(expiry(text, now).unwrap(), expected.parse().unwrap(), "{text}");
        }
        for refused in ["", "soon", "2026-01-31", "-1d"] {
            assert!(expiry(refused, now).is_err(), "{refused}");
        }
    }
}
