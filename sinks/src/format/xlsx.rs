//! Excel workbooks: rows go to files on disk as they come, so that memory does not grow with them.
//!
//! Ids, instants, dates and nested values (as JSON) are text cells; numbers that a double holds are numbers, others text.
//! A sheet that is full is followed by another with the same header.

use super::cells::{Cells, Settings};
use super::csv::is_formula;
use super::numbers::{is_exact, is_id, is_number, is_text};
use super::{BatchWriter, FormatError};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows that fit on a sheet below its header.
pub(crate) const SHEET_ROWS: u32 = 1_048_575;
/// Characters, in UTF-16, that fit into a cell.
const CELL_CHARS: usize = 32_767;

/// Writes one workbook.
pub(crate) struct XlsxWriter<W> {
    out: W,
    schema: SchemaRef,
    settings: Settings,
    workbook: Workbook,
    /// Rows per sheet.
    limit: u32,
    /// Rows on the last sheet.
    rows: u32,
    sheets: usize,
    guarded: Option<Format>,
    cut: Arc<AtomicU64>,
}

/// How a workbook is written.
pub(crate) struct XlsxOptions<'a> {
    /// Rows per sheet; at most [`SHEET_ROWS`].
    pub sheet_rows: u32,
    /// Texts that look like formulas stay texts when they are edited.
    pub guarding: bool,
    /// Where rows wait for the end.
    pub scratch: Option<&'a Path>,
    /// Counts the texts that were longer than a cell.
    pub cut: Arc<AtomicU64>,
}

impl<W: Write + Send> XlsxWriter<W> {
    /// A writer of this schema.
    pub(crate) fn new(out: W, schema: &SchemaRef, options: &XlsxOptions<'_>) -> Result<Self, FormatError> {
        let mut workbook = Workbook::new();
        if let Some(dir) = options.scratch {
            workbook.set_tempdir(dir).map_err(failed)?;
        }
        let mut writer = Self {
            out,
            schema: schema.clone(),
            settings: Settings::default(),
            workbook,
            limit: options.sheet_rows.clamp(1, SHEET_ROWS),
            rows: 0,
            sheets: 0,
            guarded: options.guarding.then(|| Format::new().set_quote_prefix()),
            cut: Arc::clone(&options.cut),
        };
        writer.begin_sheet()?;
        Ok(writer)
    }

    fn begin_sheet(&mut self) -> Result<(), FormatError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(failed)?;
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        for (column, field) in (0..).zip(self.schema.fields()) {
            sheet.write_string(0, column, field.name().as_str()).map_err(failed)?;
        }
        self.sheets += 1;
        self.rows = 0;
        Ok(())
    }
}

impl<W: Write + Send> BatchWriter for XlsxWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let mut begin = 0;
        while begin < batch.num_rows() {
            if self.rows == self.limit {
                self.begin_sheet()?;
            }
            let room = usize::try_from(self.limit - self.rows).unwrap_or(usize::MAX);
            let part = batch.slice(begin, room.min(batch.num_rows() - begin));
            let sheet = self.workbook.worksheet_from_index(self.sheets - 1).map_err(failed)?;
            let (guarded, cut) = (self.guarded.as_ref(), self.cut.as_ref());
            rows(sheet, &part, self.rows + 1, &self.settings, &Texts { guarded, cut })?;
            begin += part.num_rows();
            self.rows += u32::try_from(part.num_rows()).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), FormatError> {
        self.workbook.save_to_writer(&mut self.out).map_err(failed)?;
        Ok(self.out.flush()?)
    }
}

/// How texts become cells.
struct Texts<'a> {
    guarded: Option<&'a Format>,
    cut: &'a AtomicU64,
}

/// What the values of a column become.
enum Kind {
    Number { whole: bool },
    Truth,
    Text { free: bool },
}

fn kind(field: &FieldRef) -> Kind {
    match field.data_type() {
        DataType::Boolean => Kind::Truth,
        // More digits than a double has.
        kind if kind.is_decimal() => Kind::Text { free: false },
        kind if is_number(kind) && !is_id(field.name()) => Kind::Number { whole: kind.is_integer() },
        kind => Kind::Text { free: is_text(kind) },
    }
}

/// Writes rows from one on; on a sheet that is written as it comes they have to be in order.
fn rows(
    sheet: &mut Worksheet,
    batch: &RecordBatch,
    first: u32,
    settings: &Settings,
    texts: &Texts<'_>,
) -> Result<(), FormatError> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let mut columns = columns
        .map(|(field, array)| Ok((kind(field), Cells::of(field, array, settings)?)))
        .collect::<Result<Vec<_>, FormatError>>()?;
    for (at, row) in (first..).zip(0..batch.num_rows()) {
        for (column, (kind, cells)) in (0..).zip(columns.iter_mut()) {
            if let Some(text) = cells.get(row)? {
                cell(sheet, (at, column), kind, text, texts).map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    kind: &Kind,
    text: String,
    texts: &Texts<'_>,
) -> Result<(), XlsxError> {
    match kind {
        Kind::Truth => return sheet.write_boolean(row, column, text == "true").map(drop),
        Kind::Number { whole } => {
            let exact = !whole || text.trim_start_matches('-').parse().is_ok_and(is_exact);
            if let Some(number) = text.parse::<f64>().ok().filter(|n| exact && n.is_finite()) {
                return sheet.write_number(row, column, number).map(drop);
            }
        }
        Kind::Text { .. } => {}
    }
    let text = fitting(text, texts.cut);
    match texts.guarded {
        Some(format) if matches!(kind, Kind::Text { free: true }) && is_formula(&text) => {
            sheet.write_string_with_format(row, column, text, format).map(drop)
        }
        _ => sheet.write_string(row, column, text).map(drop),
    }
}

/// The text, or as much of it as a cell holds.
fn fitting(mut text: String, cut: &AtomicU64) -> String {
    if text.len() <= CELL_CHARS {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > CELL_CHARS
    });
    if let Some((at, _)) = end {
        cut.fetch_add(1, Ordering::Relaxed);
        text.truncate(at);
    }
    text
}

fn failed(error: XlsxError) -> FormatError {
    match error {
        XlsxError::IoError(io) => FormatError::Io(io),
        other => FormatError::Io(std::io::Error::other(other)),
    }
}
