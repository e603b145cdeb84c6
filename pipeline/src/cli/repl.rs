//! The SQL prompt.
//!
//! The line editor blocks, so it lives on a thread of its own: the prompt asks it for one input at a time. Between
//! inputs the terminal is in its usual mode, and Ctrl-C reaches the running query instead of the editor.

use super::{Failure, sql};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper, Highlighter, Hinter};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::time::Instant;
use tidelake_sinks::format::Format;
use tidelake_sinks::query::functions::FUNCTIONS;
use tidelake_sinks::query::{Binds, Engine, TableInfo, split};
use tokio::sync::oneshot;

const HELP: &str = "\
A query ends with `;` and may take several lines. Ctrl-C stops a running query or drops what is typed; Ctrl-D leaves.

  \\dt              tables and views
  \\d [NAME]        columns of a table or view
  \\df              functions
  \\format FORMAT   table, json, ndjson or csv
  \\set [NAME VALUE] values for :NAME in queries; :now is the current instant unless it is set
  \\timing          say how long queries take, or stop saying so
  \\q               leave

  SELECT author_handle, views, caption FROM videos ORDER BY views DESC LIMIT 10;
  SELECT tag, count(*) FROM video_hashtags GROUP BY tag ORDER BY 2 DESC LIMIT 20;";
const COMMANDS: [&str; 9] = ["\\d", "\\df", "\\dt", "\\format", "\\help", "\\q", "\\quit", "\\set", "\\timing"];
const KEYWORDS: &str = "all and as asc between by case cast count cross date desc describe distinct else end except exists \
                        explain extract false filter from full group having ilike in inner intersect interval is join left \
                        like limit max min not null nulls offset on or order outer over partition right select show sum \
                        table tables then timestamp true union unnest using values when where with";

/// Reads, answers, repeats until told to leave.
pub(crate) async fn run(
    engine: Engine,
    history: &Path,
    (format, timing): (Format, bool),
    binds: Binds,
) -> Result<(), Failure> {
    let names = Names::default();
    names.load(&engine).await?;
    let prompt = Prompt::start(history.to_owned(), names.clone())?;
    say(&format!("tidelake {} on {}. `help` helps.", env!("CARGO_PKG_VERSION"), engine.lake().root()))?;
    let mut session = Session { engine, names, format: Format::Table, timing, binds };
    session.set_format(format.name())?;
    while let Some(input) = prompt.next().await? {
        if !session.answer(input.trim()).await? {
            break;
        }
    }
    Ok(())
}

/// What a prompt keeps between inputs.
struct Session {
    engine: Engine,
    names: Names,
    format: Format,
    timing: bool,
    binds: Binds,
}

impl Session {
    /// Answers one input; `false` when it asks to leave.
    async fn answer(&mut self, input: &str) -> Result<bool, Failure> {
        let mut words = input.trim_end_matches(';').split_whitespace();
        match (words.next().unwrap_or_default(), words.next()) {
            ("", _) => {}
            ("\\q" | "\\quit" | "quit" | "exit", None) => return Ok(false),
            ("\\?" | "\\h" | "\\help" | "help", None) => say(HELP)?,
            ("\\dt", None) | ("\\d", None) => self.list().await?,
            ("\\d", Some(name)) => self.describe(name).await?,
            ("\\df", None) => functions()?,
            ("\\set", None) => self.show_binds()?,
            ("\\set", Some(_)) => self.set_bind(input)?,
            ("\\format", Some(name)) => self.set_format(name)?,
            ("\\format", None) => say(self.format.name())?,
            ("\\timing", None) => {
                self.timing = !self.timing;
                say(if self.timing { "timing on" } else { "timing off" })?;
            }
            (command, _) if command.starts_with('\\') => {
                say(&format!("there is no command {command}; `help` lists them"))?
            }
            _ => self.queries(input).await?,
        }
        Ok(true)
    }

    /// The value is what stands behind the name, spaces included.
    fn set_bind(&mut self, input: &str) -> std::io::Result<()> {
        let named = input.trim_start_matches("\\set").trim().trim_end_matches(';');
        match named.split_once(char::is_whitespace).map(|(name, value)| Binds::read(&format!("{name}={value}"))) {
            Some(Ok((name, value))) => {
                self.binds.set(&name, value);
                Ok(())
            }
            _ => say("write \\set NAME VALUE, as in: \\set now 2026-05-01T00:00:00Z"),
        }
    }

    fn show_binds(&self) -> std::io::Result<()> {
        self.binds.iter().try_for_each(|(name, value)| say(&format!("{name}  {value}")))
    }

    fn set_format(&mut self, name: &str) -> std::io::Result<()> {
        match name.parse::<Format>() {
            Ok(format) if format.is_binary() => say("files are written by: tidelake sql --output FILE 'SELECT …'"),
            Ok(format) => {
                self.format = format;
                Ok(())
            }
            Err(error) => say(&error.to_string()),
        }
    }

    /// Runs statements; a failing one ends this input, not the prompt.
    async fn queries(&mut self, input: &str) -> Result<(), Failure> {
        for statement in split::statements(input) {
            let stopped = tokio::select! {
                answered = self.query(statement) => answered.err().map(|error| error.to_string()),
                _ = tokio::signal::ctrl_c() => Some("stopped".to_owned()),
            };
            if let Some(why) = stopped {
                say(&why)?;
                break;
            }
        }
        Ok(())
    }

    async fn query(&self, statement: &str) -> Result<(), Failure> {
        if self.engine.refresh().await? {
            self.names.load(&self.engine).await?;
        }
        let began = Instant::now();
        let answer = self.engine.ask(statement, &sql::with_now(&self.binds)).await?;
        let rows = match answer.schema.fields().is_empty() {
            true => 0,
            false => sql::to_stdout(answer, self.format).await?,
        };
        if self.timing {
            sql::timing(rows, began)?;
        }
        Ok(())
    }

    async fn list(&self) -> Result<(), Failure> {
        if let Err(error) = self.engine.refresh().await {
            say(&error.to_string())?;
        }
        match self.engine.tables().await {
            Ok(tables) => say(tables.iter().map(listed).collect::<Vec<_>>().join("\n").trim_end())?,
            Err(error) => say(&error.to_string())?,
        }
        Ok(())
    }

    async fn describe(&self, name: &str) -> Result<(), Failure> {
        match self.engine.columns(name).await {
            Ok(columns) => {
                let widest = columns.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
                for column in columns {
                    let null = if column.nullable { "" } else { " not null" };
                    say(&format!("{:widest$}  {}{null}", column.name, column.kind))?;
                }
            }
            Err(error) => say(&error.to_string())?,
        }
        Ok(())
    }
}

fn functions() -> std::io::Result<()> {
    FUNCTIONS.iter().try_for_each(|f| say(&format!("{:48} {}", f.syntax, f.about)))
}

fn listed(table: &TableInfo) -> String {
    let rows = match (table.kind, table.rows) {
        (tidelake_sinks::query::TableKind::View, _) => String::new(),
        (_, Some(rows)) => format!("{rows} rows"),
        (_, None) => "empty".to_owned(),
    };
    format!("{:22} {:6} {rows:>16}  {}", table.name, table.kind, table.about)
}

fn say(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

/// Asks for inputs.
struct Prompt(mpsc::Sender<oneshot::Sender<Typed>>);

type Typed = Result<Option<String>, ReadlineError>;

impl Prompt {
    fn start(history: PathBuf, names: Names) -> Result<Self, Failure> {
        let (asks, asked) = mpsc::channel::<oneshot::Sender<Typed>>();
        std::thread::Builder::new().name("prompt".into()).spawn(move || edit(&asked, &history, names))?;
        Ok(Self(asks))
    }

    /// The next input; `None` at the end.
    async fn next(&self) -> Result<Option<String>, Failure> {
        let (answer, answered) = oneshot::channel();
        let gone = || Failure::from("the terminal cannot be read; pipe the query in, or give it as an argument");
        self.0.send(answer).map_err(|_| gone())?;
        Ok(answered.await.map_err(|_| gone())??)
    }
}

/// The editor's thread: ends when nobody asks any more.
fn edit(asked: &mpsc::Receiver<oneshot::Sender<Typed>>, history: &Path, names: Names) {
    let mut editor = match Editor::<Assistant, FileHistory>::new() {
        Ok(editor) => editor,
        Err(error) => return drop(asked.recv().map(|answer| answer.send(Err(error)))),
    };
    editor.set_helper(Some(Assistant { names }));
    // There is none the first time.
    let _ = editor.load_history(history);
    for answer in asked {
        // Nobody listens any more when the program ends.
        let _ = answer.send(typed(&mut editor));
        if let Err(error) = editor.append_history(history) {
            tracing::debug!(%error, path = %history.display(), "history not kept");
        }
    }
}

fn typed(editor: &mut Editor<Assistant, FileHistory>) -> Typed {
    loop {
        match editor.readline("tidelake> ") {
            Ok(input) => {
                if !input.trim().is_empty() {
                    let _ = editor.add_history_entry(&input)?;
                }
                return Ok(Some(input));
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Names to complete: tables, views and columns.
#[derive(Clone, Default)]
struct Names(Arc<RwLock<BTreeSet<String>>>);

impl Names {
    async fn load(&self, engine: &Engine) -> Result<(), Failure> {
        let mut names = BTreeSet::new();
        for table in engine.tables().await? {
            // A view that does not fit its tables has no columns to offer.
            for column in engine.columns(&table.name).await.unwrap_or_default() {
                names.insert(column.name);
            }
            names.insert(table.name);
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names;
        Ok(())
    }

    /// What the word before the cursor may become, and where that word begins.
    fn complete(&self, line: &str, pos: usize) -> (usize, Vec<String>) {
        let before = line.get(..pos).unwrap_or(line);
        let outside = |c: char| !(c.is_alphanumeric() || c == '_' || c == '\\');
        let begin = before.rfind(outside).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = &before[begin..];
        if word.is_empty() {
            return (begin, Vec::new());
        }
        if word.starts_with('\\') {
            return (begin, COMMANDS.iter().filter(|c| c.starts_with(word)).map(|c| (*c).to_owned()).collect());
        }
        let lower = word.to_lowercase();
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<String> = names.iter().filter(|n| n.to_lowercase().starts_with(&lower)).cloned().collect();
        let upper = word.chars().any(char::is_uppercase);
        let keywords = KEYWORDS.split_whitespace().filter(|k| k.starts_with(&lower));
        found.extend(keywords.map(|k| if upper { k.to_uppercase() } else { k.to_owned() }));
        found.dedup();
        (begin, found)
    }
}

/// Completion, and Enter that goes on to the next line until a statement is finished.
#[derive(Helper, Hinter, Highlighter)]
struct Assistant {
    names: Names,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.names.complete(line, pos))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if finished(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

/// Whether an input needs no further line.
fn finished(input: &str) -> bool {
    let text = input.trim();
    let command = text.starts_with('\\') || matches!(text, "help" | "quit" | "exit");
    let split = split::split(text);
    command || (split.rest.is_empty() && !split.open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_finished_by_its_semicolon() {
        for input in ["", "\\dt", "help", "SELECT 1;", "SELECT ';';", "-- only this"] {
            assert!(finished(input), "{input}");
        }
        for input in ["SELECT", "SELECT ';", "SELECT 1; SELECT", "SELECT 1 /* ;"] {
            assert!(!finished(input), "{input}");
        }
    }

    #[test]
    fn completes_names_keywords_and_commands() {
        let names = Names::default();
        names.0.write().expect("no panic").extend(["videos".to_owned(), "views".to_owned()]);
        assert_eq!(names.complete("SELECT vi", 9), (7, vec!["videos".to_owned(), "views".to_owned()]));
        assert_eq!(names.complete("SEL", 3), (0, vec!["SELECT".to_owned()]));
        assert_eq!(names.complete("\\ti", 3), (0, vec!["\\timing".to_owned()]));
        assert_eq!(names.complete("é(vid", 6), (3, vec!["videos".to_owned()]));
        assert_eq!(names.complete("a ", 2), (2, Vec::<String>::new()));
    }
}
