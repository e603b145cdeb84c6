//! Which rows of a batch are somebody's who is erased, and what others' rows say of them.

use super::classes::{Class, classify};
use super::payload;
use super::suppressions::Suppressions;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray, StringBuilder,
    StructArray,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use std::collections::HashMap;
use std::sync::Arc;

/// What is left of a batch.
#[derive(Debug)]
pub struct Judged {
    /// Rows that go, by number.
    pub goes: BooleanArray,
    /// How many those are.
    pub gone: usize,
    /// Rows in which a text named somebody, by number.
    pub named: BooleanArray,
    /// How many rows stay without the names.
    pub redacted: usize,
    /// The rows that stay.
    pub batch: RecordBatch,
}

/// Judges a batch of a table (or of some of its columns); `None` when it may stay as it is.
///
/// A row goes when the account or video it is about is erased. Of the others, notes and titles lose the names.
///
/// # Errors
/// When a column has another type than its table's.
pub fn judge(erased: &Suppressions, table: &str, batch: &RecordBatch) -> Result<Option<Judged>, ArrowError> {
    if erased.is_empty() || batch.num_rows() == 0 {
        return Ok(None);
    }
    let platforms = batch.column_by_name("platform").map(|column| cast(column, &DataType::Utf8)).transpose()?;
    let mut judge = Judge {
        erased,
        table,
        platforms: platforms.as_ref().map(|column| column.as_string::<i32>().clone()),
        goes: vec![false; batch.num_rows()],
        named: vec![false; batch.num_rows()],
        known: HashMap::new(),
    };
    let mut columns = Vec::with_capacity(batch.num_columns());
    let schema = batch.schema();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        columns.push(judge.column(&mut vec![field.name().as_str()], column)?);
    }
    let (goes, named) = (BooleanArray::from(judge.goes), BooleanArray::from(judge.named));
    let stays = arrow::compute::not(&goes)?;
    let (gone, redacted) = (goes.true_count(), arrow::compute::and(&named, &stays)?.true_count());
    if gone == 0 && redacted == 0 {
        return Ok(None);
    }
    let batch = filter_record_batch(&RecordBatch::try_new(batch.schema(), columns)?, &stays)?;
    Ok(Some(Judged { batch, goes, gone, named, redacted }))
}

/// The columns of a table that [`judge`] looks at, and the platform.
pub fn judged_columns(table: &str, schema: &Schema) -> Vec<String> {
    let looks = |field: &Field| {
        field.name() == "platform"
            || of_field(field).iter().any(|path| {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                !matches!(how(classify(table, &path)), How::Pass)
            })
    };
    schema.fields().iter().filter(|field| looks(field)).map(|field| field.name().clone()).collect()
}

/// The paths of all columns of a schema down to what is neither struct nor list.
pub fn leaves(schema: &Schema) -> Vec<Vec<String>> {
    schema.fields().iter().flat_map(|field| of_field(field)).collect()
}

fn of_field(field: &Field) -> Vec<Vec<String>> {
    let named = |below: Vec<Vec<String>>| {
        let name = field.name().clone();
        below.into_iter().map(|path| std::iter::once(name.clone()).chain(path).collect()).collect()
    };
    named(below(field.data_type()))
}

fn below(kind: &DataType) -> Vec<Vec<String>> {
    match kind {
        DataType::Struct(fields) => fields.iter().flat_map(|field| of_field(field)).collect(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::FixedSizeList(item, _) => below(item.data_type()),
        _ => vec![Vec::new()],
    }
}

/// What is done with a column.
#[derive(Clone, Copy)]
enum How {
    /// A row with a name of theirs goes.
    Exact,
    /// As [`Self::Exact`], and when it names them as data does.
    Entity,
    /// A row with bytes about them goes.
    Bytes,
    /// Names of theirs are taken out; of titles only where they are marked.
    Redact {
        strictly: bool,
    },
    Pass,
}

fn how(class: Option<Class>) -> How {
    match class {
        Some(Class::Handle | Class::Id | Class::NativeId | Class::VideoId | Class::VideoNativeId) => How::Exact,
        Some(Class::Entity) => How::Entity,
        Some(Class::Raw) => How::Bytes,
        Some(Class::Note) => How::Redact { strictly: false },
        Some(Class::Title) => How::Redact { strictly: true },
        _ => How::Pass,
    }
}

struct Judge<'a> {
    erased: &'a Suppressions,
    table: &'a str,
    platforms: Option<StringArray>,
    goes: Vec<bool>,
    named: Vec<bool>,
    /// Texts of this batch, and what is left of those that name somebody: most are the same in every row.
    known: HashMap<(String, bool), Option<String>>,
}

impl Judge<'_> {
    /// Marks the rows that go by this column; gives the column without names.
    fn column<'p>(&mut self, path: &mut Vec<&'p str>, column: &'p ArrayRef) -> Result<ArrayRef, ArrowError> {
        if let Some(nested) = column.as_struct_opt() {
            return self.nested(path, nested);
        }
        match how(classify(self.table, path)) {
            How::Pass => Ok(column.clone()),
            How::Redact { strictly } => self.redact(column, strictly),
            How::Bytes => {
                let bytes = cast(column, &DataType::Binary)?;
                let bytes: &BinaryArray = bytes.as_binary();
                self.mark(|erased, _, row| bytes.is_valid(row) && payload::is_theirs(erased, bytes.value(row)));
                Ok(column.clone())
            }
            exact @ (How::Exact | How::Entity) => {
                if let Some(ids) =
                    column.data_type().is_integer().then(|| cast(column, &DataType::Int64)).transpose()?
                {
                    let ids: &Int64Array = ids.as_primitive();
                    self.mark(|erased, platform, row| ids.is_valid(row) && erased.holds_id(platform, ids.value(row)));
                } else {
                    let texts = cast(column, &DataType::Utf8)?;
                    let texts: &StringArray = texts.as_string();
                    self.mark(|erased, platform, row| {
                        let named = |text: &str| matches!(exact, How::Entity) && erased.marked_in(text);
                        texts.is_valid(row) && (erased.holds(platform, texts.value(row)) || named(texts.value(row)))
                    });
                }
                Ok(column.clone())
            }
        }
    }

    fn nested<'p>(&mut self, path: &mut Vec<&'p str>, nested: &'p StructArray) -> Result<ArrayRef, ArrowError> {
        let mut below = Vec::with_capacity(nested.num_columns());
        for (field, column) in nested.fields().iter().zip(nested.columns()) {
            path.push(field.name());
            below.push(self.column(path, column)?);
            path.pop();
        }
        Ok(Arc::new(StructArray::try_new_with_length(
            nested.fields().clone(),
            below,
            nested.nulls().cloned(),
            nested.len(),
        )?))
    }

    fn mark(&mut self, is_theirs: impl Fn(&Suppressions, Option<&str>, usize) -> bool) {
        for (row, goes) in self.goes.iter_mut().enumerate() {
            let platform = self.platforms.as_ref().map(|platforms| platforms.value(row));
            *goes = *goes || is_theirs(self.erased, platform, row);
        }
    }

    fn redact(&mut self, column: &ArrayRef, strictly: bool) -> Result<ArrayRef, ArrowError> {
        let texts = cast(column, &DataType::Utf8)?;
        let texts: &StringArray = texts.as_string();
        let mut new = StringBuilder::new();
        let mut changed = false;
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else {
                new.append_null();
                continue;
            };
            let known = self.known.entry((text.to_owned(), strictly)).or_insert_with(|| {
                let redacted = self.erased.redact(text, strictly);
                (redacted != text).then(|| redacted.into_owned())
            });
            self.named[row] |= known.is_some();
            changed |= known.is_some();
            new.append_value(known.as_deref().unwrap_or(text));
        }
        if changed { cast(&new.finish(), column.data_type()) } else { Ok(column.clone()) }
    }
}
