//! Tables for people.

use super::cells::{Cells, Settings};
use super::numbers::{is_id, is_number};
use super::{BatchWriter, FormatError, FormatOptions};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Row, Table};
use std::io::Write;

/// Rows a table shows; the rest is counted. More is nothing a person reads, and would have to be held in memory.
pub const ROWS_SHOWN: usize = 5_000;
/// Characters of one value that a table shows where the terminal sets no tighter limit.
const CHARS_SHOWN: usize = 120;
/// Below this many characters per column a table says nothing; rows are then shown one field per line.
const NARROWEST: usize = 8;

/// Columns of the terminal that standard output is; `None` when it is none.
pub fn terminal_width() -> Option<u16> {
    // A terminal that does not know its size says 0.
    Table::new().width().filter(|width| *width > 0)
}

/// Writes an aligned table, or records one field per line when the terminal is too narrow for a table.
pub struct TableWriter<W> {
    out: W,
    schema: SchemaRef,
    width: Option<u16>,
    rows: Vec<Vec<Option<String>>>,
    seen: usize,
    settings: Settings,
}

impl<W: Write> TableWriter<W> {
    /// A writer of this schema.
    pub fn new(out: W, schema: &SchemaRef, options: &FormatOptions) -> Self {
        let schema = schema.clone();
        Self { out, schema, width: options.width, rows: Vec::new(), seen: 0, settings: Settings::default() }
    }

    fn too_narrow(&self) -> bool {
        let columns = self.schema.fields().len();
        columns > 1 && self.width.is_some_and(|w| usize::from(w) < columns * NARROWEST)
    }

    fn table(&mut self) -> Result<(), FormatError> {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED).set_truncation_indicator("…");
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        } else {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        table.set_header(self.schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>());
        for values in self.rows.drain(..) {
            let mut row = Row::from(values.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>());
            row.max_height(1);
            table.add_row(row);
        }
        for (i, field) in self.schema.fields().iter().enumerate() {
            if is_number(field.data_type())
                && !is_id(field.name())
                && let Some(column) = table.column_mut(i)
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// One field per line, nulls left out of the way as empty.
    fn records(&mut self) -> Result<(), FormatError> {
        let names = self.schema.fields().iter().map(|f| f.name().as_str());
        let widest = names.clone().map(|n| n.chars().count()).max().unwrap_or(0);
        let room = usize::from(self.width.unwrap_or(u16::MAX)).saturating_sub(widest + 3).max(NARROWEST);
        for (i, values) in self.rows.drain(..).enumerate() {
            writeln!(self.out, "─[ {} ]─", i + 1)?;
            for (name, value) in names.clone().zip(values) {
                let line = format!("{name:widest$} │ {}", cut(value.unwrap_or_default(), room));
                writeln!(self.out, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }

    fn foot(&mut self, shown: usize) -> Result<(), FormatError> {
        let unit = if self.seen == 1 { "row" } else { "rows" };
        match shown == self.seen {
            true => writeln!(self.out, "({} {unit})", self.seen)?,
            false => writeln!(self.out, "({} {unit}, {shown} shown: use another format to see all)", self.seen)?,
        }
        Ok(())
    }
}

impl<W: Write + Send> BatchWriter for TableWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let take = ROWS_SHOWN.saturating_sub(self.rows.len()).min(batch.num_rows());
        self.seen += batch.num_rows();
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut columns =
            columns.map(|(f, array)| Cells::of(f, array, &self.settings)).collect::<Result<Vec<_>, FormatError>>()?;
        for row in 0..take {
            let cells = columns.iter_mut().map(|c| Ok(c.get(row)?.map(|text| cut(text, CHARS_SHOWN))));
            self.rows.push(cells.collect::<Result<_, FormatError>>()?);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), FormatError> {
        let shown = self.rows.len();
        if self.schema.fields().is_empty() {
            return Ok(self.out.flush()?);
        }
        if self.too_narrow() {
            self.records()?
        } else {
            self.table()?
        }
        self.foot(shown)?;
        Ok(self.out.flush()?)
    }
}

/// One line of at most so many characters; what is cut ends in `…`.
fn cut(text: String, chars: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars + 1).collect();
    match flat.char_indices().nth(chars.saturating_sub(1)) {
        Some((at, _)) if flat.chars().count() > chars => format!("{}…", &flat[..at]),
        _ => flat,
    }
}
