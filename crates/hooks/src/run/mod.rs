//! One hook: an event in, an answer out, within the deadline.

use std::path::{Path, PathBuf};
use std::time::Duration;

use context_manager_client::wire::NewContext;
use context_manager_client::{Client, Error, Secret};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::event::{Event, Incoming};
use crate::hosts::Host;
use crate::memory::Scope;
use crate::places::Places;
use crate::project::project;
use crate::session::Session;
use crate::settings::Settings;
use crate::spool::{DrainError, Spool};
use crate::transcript::LastTurn;
use crate::{block, file};

/// Session of a host that names none.
const NO_SESSION: &str = "none";

/// Pause between two looks into a transcript.
const POLL: Duration = Duration::from_millis(20);

/// A hook to run.
#[derive(Debug)]
pub struct Run<'a> {
    /// The host.
    pub host: Host,
    /// The event.
    pub event: Event,
    /// The event's JSON.
    pub input: &'a [u8],
    /// Settings of all hooks.
    pub settings: &'a Settings,
    /// Key for the server; takes precedence over the key file.
    pub key: Option<Secret>,
    /// Folders of the user.
    pub places: &'a Places,
    /// Folder of the session, if the event names none.
    pub folder: &'a Path,
    /// The time.
    pub now: Timestamp,
}

/// Answer of a hook.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// JSON for the host.
    pub text: String,
    /// Everything that went wrong, for the user.
    pub trouble: Vec<String>,
}

/// Runs a hook. The answer comes within the deadline of the settings, and never says that the host failed.
pub async fn run(run: Run<'_>) -> Answer {
    let deadline = Instant::now() + run.settings.deadline();
    let mut trouble = Vec::new();
    let given: Value = match serde_json::from_slice(run.input) {
        Ok(given) => given,
        Err(error) => {
            trouble.push(format!("the event is not JSON: {error}"));
            Value::Null
        }
    };
    let text = match run.host.read(&given) {
        Some(incoming) if !(given.is_null() || incoming.of_subagent || run.host.is_borrowed(&given)) => {
            Hook::new(&run, &incoming).run(deadline, &mut trouble).await
        }
        Some(_) => None,
        None => {
            trouble.push(format!("{} has no hooks", run.host.name()));
            None
        }
    };
    Answer {
        text: run.host.answer(run.event, text.as_deref()),
        trouble,
    }
}

/// A hook whose event was read.
struct Hook<'a> {
    run: &'a Run<'a>,
    incoming: &'a Incoming,
    session: &'a str,
    project: String,
}

impl<'a> Hook<'a> {
    fn new(run: &'a Run<'a>, incoming: &'a Incoming) -> Self {
        Self {
            run,
            incoming,
            session: incoming.session.as_deref().unwrap_or(NO_SESSION),
            project: project(incoming.cwd.as_deref().unwrap_or(run.folder)),
        }
    }

    /// Keeps the messages of the event, recalls notes for its prompt, and sends what waits. Returns the text for the model.
    async fn run(&self, deadline: Instant, trouble: &mut Vec<String>) -> Option<String> {
        let sessions = self.run.places.sessions();
        let before = Session::load(&sessions, self.session);
        let (state, messages) = self.advance(before.clone(), trouble).await;
        let spool = Spool::open(self.run.places.spool());
        // The messages come first: if the state is lost, they are sent again under the same ids.
        let kept = spool.and_then(|spool| spool.append(&messages).map(|()| spool));
        if let Err(error) = &kept {
            trouble.push(format!("messages of this turn are not stored: {error}"));
        }
        let saved = match self.run.event {
            Event::End => Session::forget(&sessions, self.session, self.run.now.into()),
            Event::Start | Event::Prompt | Event::Stop | Event::Compact if state == before => Ok(()),
            Event::Start | Event::Prompt | Event::Stop | Event::Compact => state.save(&sessions, self.session),
        };
        if let Err(error) = saved {
            trouble.push(format!("the state of the session is not kept: {error}"));
        }
        let client = match self.run.settings.client(self.run.key.clone()) {
            Ok(client) => client,
            Err(error) => {
                trouble.push(format!("{error}"));
                return self.unavailable("its settings are not valid", kept.as_ref().ok());
            }
        };
        let recalled = self
            .recall(&client, &state, deadline, kept.as_ref().ok(), trouble)
            .await;
        let Ok(spool) = &kept else { return recalled.flatten() };
        match (self.drain(spool, &client, deadline).await, recalled) {
            (Err(reason), recalled) => {
                trouble.push(format!("messages wait to be stored: {reason}"));
                recalled.unwrap_or_else(|| self.unavailable(&reason, Some(spool)))
            }
            (Ok(()), recalled) => recalled.flatten(),
        }
    }

    /// Returns the state of the session after this event, and the messages that the event brings.
    async fn advance(&self, mut state: Session, trouble: &mut Vec<String>) -> (Session, Vec<NewContext>) {
        let mut messages = Vec::new();
        let mut keep = |turn, role, text: Option<&str>| {
            if let Some(text) = text {
                messages.extend(self.scope().message(turn, role, text, self.run.now));
            }
        };
        let Incoming {
            prompt,
            reply,
            transcript,
            ..
        } = self.incoming;
        if transcript.is_some() {
            state.transcript.clone_from(transcript);
        }
        let path = state.transcript.clone().filter(|_| reply.is_none());
        match self.run.event {
            Event::Start => {}
            Event::Prompt => {
                if state.open {
                    // The new prompt may stand in the transcript already.
                    keep(state.turn, "assistant", read(path, trouble).last_reply.as_deref());
                }
                state.turn += 1;
                state.open = true;
                state.set_prompt(prompt.as_deref());
                keep(state.turn, "user", prompt.as_deref());
            }
            Event::Stop => {
                let last = match path {
                    Some(path) => self.wait_for_reply(path, &state, trouble).await,
                    None => LastTurn::default(),
                };
                // A host that sends prompts has sent this one.
                if state.turn == 0 {
                    keep(state.turn, "user", prompt.as_deref().or(last.prompt.as_deref()));
                }
                let reply = reply.as_deref().or(last.reply.as_deref());
                keep(state.turn, "assistant", reply);
                state.open &= reply.is_none();
            }
            Event::Compact | Event::End => {
                // An interrupted turn has no other event.
                if state.open {
                    let last = state.of_this_turn(read(path, trouble));
                    keep(state.turn, "assistant", last.reply.as_deref());
                }
                state.open = false;
                state.compacted = state.turn;
            }
        }
        (state, messages)
    }

    /// Reads the transcript until the reply is in it: hosts write it behind. Without it the next event tries again.
    async fn wait_for_reply(&self, path: PathBuf, state: &Session, trouble: &mut Vec<String>) -> LastTurn {
        let until = Instant::now() + self.run.settings.deadline() / 3;
        loop {
            let last = state.of_this_turn(read(Some(path.clone()), trouble));
            if last.reply.is_some() || Instant::now() >= until {
                return last;
            }
            sleep(POLL).await;
        }
    }

    /// Returns the notes for the prompt of the event, or the line that there are none to be had; `None` if it asks nothing.
    async fn recall(
        &self,
        client: &Client,
        state: &Session,
        deadline: Instant,
        spool: Option<&Spool>,
        trouble: &mut Vec<String>,
    ) -> Option<Option<String>> {
        let asks = matches!(self.run.event, Event::Prompt | Event::Start);
        let prompt = self.incoming.prompt.as_deref().filter(|_| asks)?;
        let scope = self.scope();
        let recall = scope.recall(client, prompt, state, left(deadline));
        let reason = match timeout_at(deadline, recall).await {
            Ok(Ok(notes)) => {
                self.end_outage();
                return Some(block::notes(&notes, self.run.settings.max_tokens));
            }
            Ok(Err(error)) => {
                trouble.push(format!("nothing was recalled: {error}"));
                reason(&error)
            }
            Err(_late) => "no answer in time".to_owned(),
        };
        Some(self.unavailable(&reason, spool))
    }

    async fn drain(&self, spool: &Spool, client: &Client, deadline: Instant) -> Result<(), String> {
        let store = async |messages: &[NewContext]| client.store_contexts(messages).await;
        let drained = match timeout_at(deadline, spool.drain(store)).await {
            Ok(Ok(drained)) => drained,
            Ok(Err(DrainError::Server(error))) => return Err(reason(&error)),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_late) => return Err("no answer in time".to_owned()),
        };
        if drained.sent > 0 {
            self.end_outage();
        }
        if drained.refused > 0 {
            return Err(format!("{} were refused and are kept in the spool", drained.refused));
        }
        Ok(())
    }

    /// Returns the line that memory is unavailable, for events whose answer the model reads.
    fn unavailable(&self, reason: &str, spool: Option<&Spool>) -> Option<String> {
        if !matches!(self.run.event, Event::Prompt | Event::Start) {
            return None;
        }
        let outage = self.run.places.outage();
        let since = file::read(&outage).unwrap_or_default().unwrap_or_else(|| {
            let now = self.run.now.strftime("%Y-%m-%d %H:%M UTC").to_string();
            // Without the file the next hook dates the outage later.
            let _ = file::replace(&outage, now.as_bytes());
            now
        });
        let waiting = spool.and_then(|spool| spool.waiting_turns().ok());
        Some(block::unavailable(&since, reason, waiting))
    }

    fn end_outage(&self) {
        // A file that stays would only misdate the next outage.
        let _ = file::remove(&self.run.places.outage());
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            host: self.run.host.name(),
            session: self.session,
            user: self.run.settings.user.as_deref(),
            project: &self.project,
        }
    }
}

/// Reads the last turn of a transcript; an empty one without it.
fn read(path: Option<PathBuf>, trouble: &mut Vec<String>) -> LastTurn {
    let read = path.map_or_else(|| Ok(LastTurn::default()), |path| LastTurn::read(&path));
    read.unwrap_or_else(|error| {
        trouble.push(format!("the transcript cannot be read: {error}"));
        LastTurn::default()
    })
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Returns a reason in few words, without addresses.
fn reason(error: &Error) -> String {
    match error {
        Error::Unreachable { .. } => "no server answers".to_owned(),
        Error::Deadline { .. } => "no answer in time".to_owned(),
        Error::Refused(refusal) => format!("the server refuses with {}", refusal.problem.status),
        Error::Setup { .. } | Error::Json(_) | _ => "the server's answer cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests;
