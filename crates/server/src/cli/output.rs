//! Standard output of commands: tables and colour for people, JSON for programs.

use std::io::{self, IsTerminal as _, Stdout, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use console::{Term, truncate_str};
use context_manager_client::wire::Context;
use context_manager_core::ports::{Clock as _, SystemClock};
use indicatif::{HumanCount, HumanDuration};
use jiff::Timestamp;
use serde::Serialize;

use super::safe::{safe, safe_json, safe_line};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();

/// Choices of every command that prints data.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Print JSON: the API's own objects, one a line for lists.
    #[arg(long)]
    json: bool,
    /// Print control characters of texts as they are, where standard output is no terminal.
    #[arg(long)]
    raw: bool,
}

/// Standard output.
#[derive(Debug)]
pub(super) struct Output {
    stdout: Stdout,
    is_json: bool,
    is_raw: bool,
    has_colour: bool,
    /// Width of the terminal; `None` elsewhere.
    width: Option<u16>,
    now: Timestamp,
}

impl OutputArgs {
    pub(super) fn open(self) -> Output {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Output {
            is_json: self.json,
            is_raw: self.raw && !is_terminal,
            has_colour: AutoStream::choice(&stdout) != ColorChoice::Never,
            width: is_terminal.then(|| Term::stdout().size().1),
            now: SystemClock.now(),
            stdout,
        }
    }
}

impl Output {
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Returns the number of columns of the terminal, or of a usual one.
    pub(super) fn columns(&self) -> usize {
        usize::from(self.width.unwrap_or(100))
    }

    /// Prints a line, or several.
    pub(super) fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(&self.stdout, "{}", text.as_ref())
    }

    /// Prints an object as one line of JSON.
    pub(super) fn object(&self, object: &impl Serialize) -> anyhow::Result<()> {
        let json = serde_json::to_string(object)?;
        Ok(self.line(if self.is_raw { json.into() } else { safe_json(&json) })?)
    }

    /// Returns a text of others, as it may be printed.
    pub(super) fn text(&self, text: &str) -> String {
        if self.is_raw {
            text.to_owned()
        } else {
            safe(text).into_owned()
        }
    }

    /// Returns a text in a style, where there is colour.
    pub(super) fn paint(&self, style: Style, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if self.has_colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// Prints rows below a header.
    pub(super) fn table<const N: usize>(
        &self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> io::Result<()> {
        for line in self.table_lines(header, rows) {
            self.line(line)?;
        }
        Ok(())
    }

    /// Returns the lines of a table, the header first.
    pub(super) fn table_lines<const N: usize>(
        &self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(header);
        table.add_rows(rows.into_iter().map(|row| row.map(|cell| safe_line(&cell))));
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if let Some(width) = self.width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        if let Some(header) = lines.first_mut() {
            *header = self.paint(BOLD, &header);
        }
        lines
    }

    /// Prints names with their values, aligned.
    pub(super) fn facts<'n>(&self, facts: impl IntoIterator<Item = (&'n str, String)>) -> io::Result<()> {
        for (name, value) in facts {
            let value = self.text(&value);
            let mut lines = value.lines();
            let first = lines.next().unwrap_or_default();
            self.line(format!("{} {first}", self.paint(DIM, format!("{name:14}"))))?;
            for line in lines {
                self.line(format!("{:15}{line}", ""))?;
            }
        }
        Ok(())
    }

    /// Prints a context: its text on at most so many lines of the terminal, and what places it.
    pub(super) fn context(&self, context: &Context, score: Option<f32>, lines: usize) -> io::Result<()> {
        let margin = if score.is_some() { 6 } else { 2 };
        let mut text = if self.is_raw {
            context.text.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            safe_line(&context.text)
        };
        if self.is_terminal() {
            let room = (lines * self.columns()).saturating_sub(margin + 1).max(20);
            text = truncate_str(&text, room, "…").into_owned();
        }
        let head = score.map(|score| self.paint(GOOD, format!("{score:.2}")) + "  ");
        self.line(format!("{}{text}", head.unwrap_or_default()))?;
        let mut place = vec![context.level.as_str().to_owned(), self.ago(context.occurred_at.0)];
        let owners = [
            ("user", &context.user_id),
            ("agent", &context.agent_id),
            ("session", &context.session_id),
            ("scope", &context.scope),
            ("key", &context.key),
        ];
        place.extend(
            owners
                .into_iter()
                .filter_map(|(name, id)| Some(format!("{name} {}", safe_line(id.as_deref()?)))),
        );
        place.extend(context.tags.iter().map(|tag| format!("#{}", safe_line(tag))));
        if context.pinned {
            place.push("pinned".to_owned());
        }
        if context.superseded_by.is_some() {
            place.push("replaced".to_owned());
        }
        place.push(context.id.to_string());
        let place = self.paint(DIM, place.join(" · "));
        self.line(format!("{:margin$}{place}", ""))
    }

    /// Returns the distance of a time from now.
    pub(super) fn ago(&self, time: impl TryInto<Timestamp>) -> String {
        let Ok(time) = time.try_into() else {
            return "far away".to_owned();
        };
        let distance = self.now.duration_since(time);
        let shown = HumanDuration(distance.unsigned_abs());
        match distance.as_secs() {
            0..10 => "just now".to_owned(),
            10.. => format!("{shown} ago"),
            _ => format!("in {shown}"),
        }
    }
}

/// Returns a number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Returns a count with its noun, in the plural unless it is one.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// Tells the user something that is no result.
pub(super) fn note(text: impl AsRef<str>) {
    anstream::eprintln!("{DIM}{}{DIM:#}", safe(text.as_ref()));
}

/// Tells the user that a result is not what it could be.
pub(super) fn warn(text: impl AsRef<str>) {
    anstream::eprintln!("{WARNING}warning:{WARNING:#} {}", safe(text.as_ref()));
}
