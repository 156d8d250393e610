//! Claude Code: transcripts of sessions in JSON lines, and the files in which it and its user keep notes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use context_manager_core::Moment;
use context_manager_hooks::{is_of_the_host, project};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, json};

use super::blocks;
use super::files;
use super::intake::Intake;
use super::item::{Role, Turn};
use super::json::{each_line, record};
use super::notes;
use super::report::LeftOut;
use super::time::moment;

pub(super) const FILES: &str = "transcripts `*.jsonl`, file `CLAUDE.md` or folder `memory`";

/// Number of lines of a transcript among which one names its folder.
const FIRST_LINES: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    uuid: Option<String>,
    session_id: Option<String>,
    cwd: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    timestamp: Option<Moment>,
    is_sidechain: Option<bool>,
    is_meta: Option<bool>,
    is_compact_summary: Option<bool>,
    is_visible_in_transcript_only: Option<bool>,
    is_api_error_message: Option<bool>,
    #[serde(borrow)]
    message: Option<Body<'a>>,
}

#[derive(Debug, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
}

/// Plug-ins have files of their own.
pub(super) fn has(file: &Path) -> bool {
    let is_instructions = file == Path::new("CLAUDE.md");
    let is_learnt = is_learnt(file) && files::ends_in(file, "md");
    (is_instructions || is_learnt || files::ends_in(file, "jsonl")) && !file.starts_with("plugins")
}

/// Returns `true` for a file in which Claude Code keeps what it learnt of a project, beside its transcripts.
fn is_learnt(file: &Path) -> bool {
    file.parent().is_some_and(|folder| files::name(folder) == "memory")
}

pub(super) fn read(file: &Path, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let Some(reader) = intake.open(file) else {
        return Ok(());
    };
    if files::ends_in(file, "md") {
        let mut metadata = Map::from_iter([("file".to_owned(), json!(files::name(file)))]);
        let transcripts = file.ancestors().nth(2).filter(|_| is_learnt(file));
        if let Some(project) = transcripts.and_then(project_of) {
            metadata.insert("project".to_owned(), json!(project));
        }
        return match files::text(reader) {
            Ok(page) => notes::take(&page, &metadata, intake),
            Err(error) => {
                intake.fail(error);
                Ok(())
            }
        };
    }
    let mut transcript = Transcript::default();
    each_line(reader, intake, &mut |intake, line| transcript.line(line, intake))
}

#[derive(Debug, Default)]
struct Transcript {
    /// Number of messages so far.
    position: u32,
    /// Identities of projects by their folders.
    projects: HashMap<String, String>,
}

impl Transcript {
    fn line(&mut self, line: &[u8], intake: &mut Intake<'_>) -> anyhow::Result<()> {
        let Some(record) = record::<Record<'_>>(line, intake) else {
            return Ok(());
        };
        let role = match record.kind.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => {
                intake.leave_out(LeftOut::Other, 1);
                return Ok(());
            }
        };
        if record.is_sidechain == Some(true) {
            intake.leave_out(LeftOut::Subagent, 1);
            return Ok(());
        }
        let (Some(id), Some(session), Some(message)) = (record.uuid, record.session_id, record.message) else {
            intake.fail("has no `uuid`, `sessionId` or `message`");
            return Ok(());
        };
        let notes = [
            record.is_meta,
            record.is_compact_summary,
            record.is_visible_in_transcript_only,
            record.is_api_error_message,
        ];
        let is_note = notes.contains(&Some(true));
        let text = if is_note {
            String::new()
        } else {
            blocks::text(message.content, intake)
        };
        if is_note || is_of_the_host(text.trim()) {
            intake.leave_out(LeftOut::System, 1);
            return Ok(());
        }
        // Of most lines nothing is left but what was counted: calls of tools, and their output.
        if text.trim().is_empty() {
            return Ok(());
        }
        let turn = Turn {
            id,
            session,
            at: record.timestamp,
            text,
        };
        let mut item = turn.message(role, self.position);
        if let Some(folder) = record.cwd {
            let identity = self
                .projects
                .entry(folder)
                .or_insert_with_key(|folder| project(Path::new(folder)));
            item.context.metadata.insert("project".to_owned(), json!(identity));
        }
        self.position += 1;
        intake.take(item)
    }
}

/// Returns the identity of the project of a folder of transcripts.
fn project_of(transcripts: &Path) -> Option<String> {
    let transcripts = files::find(transcripts, |file| files::ends_in(file, "jsonl")).ok()?;
    let folder = transcripts.iter().find_map(|transcript| {
        let lines = BufReader::new(File::open(transcript).ok()?).lines();
        // A transcript begins with some records about others.
        let mut lines = lines.map_while(Result::ok).take(FIRST_LINES);
        lines.find_map(|line| serde_json::from_str::<Record<'_>>(&line).ok()?.cwd)
    })?;
    Some(project(Path::new(&folder)))
}
