//! State of a session between two hooks.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::file;
use crate::transcript::LastTurn;

/// Age from which on the state of a session that never ended is removed.
const MAX_AGE: Duration = Duration::from_hours(30 * 24);

/// Number of a session's last turns that its host still has in its own window.
const WINDOW: u64 = 20;

/// Number of bytes by which a prompt is known again.
const PROMPT_BYTES: usize = 200;

/// State of a session.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    /// Number of prompts so far.
    pub(crate) turn: u64,
    /// True while the last prompt has no reply.
    pub(crate) open: bool,
    /// Number of prompts when the host last shortened the conversation.
    pub(crate) compacted: u64,
    /// Beginning of the last prompt.
    pub(crate) prompt: String,
    /// The transcript that an event of the session named last.
    pub(crate) transcript: Option<PathBuf>,
}

impl Session {
    /// Reads the state of a session. One that cannot be read begins again: it only saves work.
    pub(crate) fn load(folder: &Path, session: &str) -> Self {
        let text = file::read(&path(folder, session)).unwrap_or_default();
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    pub(crate) fn save(&self, folder: &Path, session: &str) -> io::Result<()> {
        file::replace(&path(folder, session), serde_json::to_string(self)?.as_bytes())
    }

    /// Remembers the beginning of a prompt.
    pub(crate) fn set_prompt(&mut self, prompt: Option<&str>) {
        let prompt = prompt.unwrap_or_default().trim();
        prompt[..prompt.floor_char_boundary(PROMPT_BYTES)].clone_into(&mut self.prompt);
    }

    /// Returns the last turn of a transcript, an empty one if that is an earlier turn than this session's last. Hosts may
    /// write more around a prompt.
    pub(crate) fn of_this_turn(&self, last: LastTurn) -> LastTurn {
        let is_this = last.prompt.as_ref().is_none_or(|prompt| prompt.contains(&self.prompt));
        if is_this { last } else { LastTurn::default() }
    }

    /// Returns true for a turn that the model still has before its eyes.
    pub(crate) fn is_in_window(&self, turn: u64) -> bool {
        turn > self.compacted.max(self.turn.saturating_sub(WINDOW))
    }

    /// Removes the state of a session, and that of others which were not used for long.
    pub(crate) fn forget(folder: &Path, session: &str, now: SystemTime) -> io::Result<()> {
        file::remove(&path(folder, session))?;
        for entry in file::unless_gone(fs::read_dir(folder))?.into_iter().flatten() {
            let path = entry?.path();
            let used = file::unless_gone(fs::metadata(&path))?.and_then(|metadata| metadata.modified().ok());
            if used.is_some_and(|used| now.duration_since(used).is_ok_and(|age| age > MAX_AGE)) {
                file::remove(&path)?;
            }
        }
        Ok(())
    }
}

fn path(folder: &Path, session: &str) -> PathBuf {
    let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, session.as_bytes());
    folder.join(format!("{name}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_turns_and_those_before_a_compaction_are_out_of_the_window() {
        let session = |turn, compacted| Session {
            turn,
            compacted,
            ..Session::default()
        };
        assert!(session(5, 0).is_in_window(1));
        assert!(!session(5, 4).is_in_window(4));
        assert!(session(5, 4).is_in_window(5));
        assert!(!session(60, 0).is_in_window(40));
        // A resumed session has its history in the window.
        assert!(session(0, 0).is_in_window(7));
    }

    #[test]
    fn forgetting_a_session_takes_abandoned_ones_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = Session {
            turn: 3,
            ..Session::default()
        };
        for name in ["ended", "abandoned"] {
            state.save(folder.path(), name).unwrap();
        }
        assert_eq!(Session::load(folder.path(), "ended"), state);
        let now = fs::metadata(path(folder.path(), "ended")).unwrap().modified().unwrap();
        Session::forget(folder.path(), "ended", now).unwrap();
        assert_eq!(Session::load(folder.path(), "ended"), Session::default());
        assert_eq!(Session::load(folder.path(), "abandoned"), state);
        Session::forget(folder.path(), "ended", now + 2 * MAX_AGE).unwrap();
        assert_eq!(Session::load(folder.path(), "abandoned"), Session::default());
    }
}
