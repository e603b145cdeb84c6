//! CSV: RFC 4180 with `\n`, a header, ids quoted.

use super::cells::{Cells, Settings};
use super::numbers::{is_exact, is_id, is_text};
use super::{BatchWriter, FormatError};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use std::io::Write;

/// Writes CSV.
pub(crate) struct CsvWriter<W> {
    out: W,
    schema: SchemaRef,
    settings: Settings,
    header_due: bool,
    guarding: bool,
    line: String,
}

impl<W: Write> CsvWriter<W> {
    /// A writer of this schema.
    pub(crate) fn new(out: W, schema: &SchemaRef) -> Self {
        let (schema, settings, line) = (schema.clone(), Settings::default(), String::new());
        Self { out, schema, settings, header_due: true, guarding: false, line }
    }

    /// Puts `'` before texts that a spreadsheet would take for a formula.
    pub(crate) fn guarding(self, guarding: bool) -> Self {
        Self { guarding, ..self }
    }

    fn header(&mut self) -> Result<(), FormatError> {
        if !std::mem::take(&mut self.header_due) {
            return Ok(());
        }
        let names: Vec<_> = self.schema.fields().iter().map(|f| field(f.name(), false)).collect();
        Ok(writeln!(self.out, "{}", names.join(","))?)
    }
}

impl<W: Write + Send> BatchWriter for CsvWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        self.header()?;
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut columns = columns
            .map(|(f, array)| {
                let guarded = self.guarding && is_text(f.data_type());
                Ok((rule(f.name(), f.data_type()), guarded, Cells::of(f, array, &self.settings)?))
            })
            .collect::<Result<Vec<_>, FormatError>>()?;
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (i, (quoting, guarded, cells)) in columns.iter_mut().enumerate() {
                if i > 0 {
                    self.line.push(',');
                }
                if let Some(mut text) = cells.get(row)? {
                    if *guarded && is_formula(&text) {
                        text.insert(0, '\'');
                    }
                    self.line.push_str(&field(&text, quoting.applies(&text)));
                }
            }
            self.line.push('\n');
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), FormatError> {
        self.header()?;
        Ok(self.out.flush()?)
    }
}

/// When a column's values stand in quotes though CSV does not ask for it.
enum Quoting {
    /// Ids: so that a spreadsheet's importer can take them as text.
    Always,
    /// Integers that a double cannot hold.
    WhenLarge,
    /// As CSV asks.
    AsNeeded,
}

impl Quoting {
    fn applies(&self, text: &str) -> bool {
        match self {
            Self::Always => true,
            Self::WhenLarge => !text.trim_start_matches('-').parse().is_ok_and(is_exact),
            Self::AsNeeded => false,
        }
    }
}

fn rule(name: &str, kind: &DataType) -> Quoting {
    match kind {
        kind if kind.is_integer() && is_id(name) => Quoting::Always,
        DataType::Int64 | DataType::UInt64 => Quoting::WhenLarge,
        kind if kind.is_decimal() => Quoting::Always,
        _ => Quoting::AsNeeded,
    }
}

/// Would a spreadsheet that opens the file compute this text? (OWASP, "CSV injection".)
pub(crate) fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A value as a CSV field. An empty text is `""`: nothing at all is null.
fn field(text: &str, always: bool) -> String {
    let special = |c: char| matches!(c, '"' | ',' | '\n' | '\r');
    let edge = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    if always || text.is_empty() || edge || text.contains(special) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
