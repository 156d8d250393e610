//! The clock.

use std::time::Duration;

use context_manager_client::{Certificates, http_client};
use context_manager_core::ports::{Clock as _, SystemClock};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::DATE;

use super::finding::Findings;
use crate::config::{Config, is_encrypted};

const CLOCK: &str = "clock";
const MEND: &str = "set the clock by NTP: `timedatectl set-ntp true`, or chronyd";
/// Maximum duration of a call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Differences that tokens and people notice.
const NOTICEABLE: SignedDuration = SignedDuration::from_secs(30);
const FAR: SignedDuration = SignedDuration::from_mins(5);
/// Files of a data folder that a server writes as it starts.
const WRITTEN: [&str; 3] = ["LOCK", "manifest.json", "keys.toml"];

pub(super) async fn check(config: &Config, found: &mut Findings) {
    against_files(config, found);
    let jwt = &config.auth.jwt;
    let others = [&config.embedding.model.api.api_url, &jwt.jwks_url, &jwt.issuer];
    for url in others.into_iter().flatten() {
        if check_against(url, found).await {
            return;
        }
    }
    found.otherwise(
        CLOCK,
        format!("{:.0}; nothing configured tells another time", SystemClock.now()),
    );
}

/// Compares the clock with that of a server; returns whether it told one.
pub(super) async fn check_against(url: &str, found: &mut Findings) -> bool {
    let Some(theirs) = date_of(url).await else { return false };
    let difference = SystemClock.now().duration_since(theirs);
    let distance = difference.abs();
    let direction = if difference.is_negative() { "behind" } else { "ahead of" };
    let text = format!("{} s {direction} that of {url}", distance.as_secs());
    if distance > FAR {
        found.error(CLOCK, format!("{text}: tokens and certificates are refused"), MEND);
    } else if distance > NOTICEABLE {
        found.warning(CLOCK, text, MEND);
    } else {
        found.otherwise(CLOCK, format!("the same as that of {url}"));
    }
    true
}

async fn date_of(url: &str) -> Option<Timestamp> {
    let client = http_client(is_encrypted(url), Certificates::System).ok()?;
    let response = client.get(url).timeout(TIMEOUT).send().await.ok()?;
    let date = response.headers().get(DATE)?.to_str().ok()?;
    Some(rfc2822::parse(date).ok()?.timestamp())
}

/// Looks for files from the future, after which the clock went back.
fn against_files(config: &Config, found: &mut Findings) {
    let folder = &config.vector_db.embedded.path;
    let now = SystemClock.now();
    let changed = |name: &&str| {
        let modified = folder.join(name).metadata().ok()?.modified().ok()?;
        Timestamp::try_from(modified).ok()
    };
    let newest = WRITTEN.iter().filter_map(changed).max();
    if let Some(newest) = newest.filter(|newest| newest.duration_since(now) > NOTICEABLE) {
        found.error(
            CLOCK,
            format!("it went back: the data folder was written at {newest:.0}, and now it is {now:.0}"),
            format!("{MEND}; contexts expire by it, and new ones would seem older"),
        );
    }
}
