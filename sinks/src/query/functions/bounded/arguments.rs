//! What a function is given, and how large it is.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

/// The arguments of a batch of rows.
pub(super) struct Arguments {
    all: Vec<Argument>,
    rows: usize,
}

/// One argument: a value for each row, or one for all.
pub(super) struct Argument {
    /// The values.
    pub values: ArrayRef,
    constant: bool,
}

impl Arguments {
    /// Constants stay as they are: nothing is copied.
    pub(super) fn of(given: &ScalarFunctionArgs) -> Result<Self> {
        let argument = |value: &ColumnarValue| {
            Ok(match value {
                ColumnarValue::Array(values) => Argument { values: values.clone(), constant: false },
                ColumnarValue::Scalar(value) => Argument { values: value.to_array()?, constant: true },
            })
        };
        let all: Vec<Argument> = given.args.iter().map(argument).collect::<Result<_>>()?;
        // Constants give one constant.
        let rows = all.iter().find(|argument| !argument.constant).map_or(1, |argument| argument.values.len());
        Ok(Self { all, rows })
    }

    /// How many results there are to be.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// All of them, in their order.
    pub(super) fn all(&self) -> &[Argument] {
        &self.all
    }
}

impl Argument {
    /// The place of a row's value; `None` for null.
    pub(super) fn at(&self, row: usize) -> Option<usize> {
        let at = if self.constant { 0 } else { row };
        self.values.is_valid(at).then_some(at).filter(|_| !self.values.data_type().is_null())
    }

    /// The bytes of a row's text; of null, none.
    pub(super) fn length(&self, row: usize) -> u128 {
        self.at(row).map_or(0, |at| text_length(&self.values, at))
    }

    /// A row's text.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        let at = self.at(row)?;
        match self.values.data_type() {
            DataType::Utf8 => Some(self.values.as_string::<i32>().value(at)),
            DataType::LargeUtf8 => Some(self.values.as_string::<i64>().value(at)),
            DataType::Utf8View => Some(self.values.as_string_view().value(at)),
            _ => None,
        }
    }

    /// A row's value alone.
    pub(super) fn value(&self, row: usize) -> Option<ArrayRef> {
        self.at(row).map(|at| self.values.slice(at, 1))
    }
}

/// The bytes of a text; of what is none, of all that it is.
fn text_length(values: &ArrayRef, at: usize) -> u128 {
    match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().value(at).len() as u128,
        DataType::LargeUtf8 => values.as_string::<i64>().value(at).len() as u128,
        DataType::Utf8View => values.as_string_view().value(at).len() as u128,
        DataType::Binary => values.as_binary::<i32>().value(at).len() as u128,
        DataType::LargeBinary => values.as_binary::<i64>().value(at).len() as u128,
        DataType::BinaryView => values.as_binary_view().value(at).len() as u128,
        _ => bytes(values.slice(at, 1).as_ref()),
    }
}

/// The bytes that copies of all these values take.
pub(super) fn bytes(values: &dyn Array) -> u128 {
    match values.data_type() {
        DataType::Utf8View => values.as_string_view().iter().map(|text| 16 + text.map_or(0, str::len) as u128).sum(),
        DataType::BinaryView => values.as_binary_view().iter().map(|b| 16 + b.map_or(0, <[u8]>::len) as u128).sum(),
        DataType::Dictionary(_, kind) => cast(values, kind).map_or(0, |values| bytes(values.as_ref())),
        DataType::Struct(_) => values.as_struct().columns().iter().map(|column| bytes(column.as_ref())).sum(),
        _ => match items(values) {
            Some(items) => 8 * values.len() as u128 + bytes(items.as_ref()),
            None => {
                let data = values.to_data();
                data.get_slice_memory_size().unwrap_or_else(|_| data.get_array_memory_size()) as u128
            }
        },
    }
}

/// What is in the lists, if these are lists.
pub(super) fn items(values: &dyn Array) -> Option<ArrayRef> {
    match values.data_type() {
        DataType::List(_) => {
            let lists = values.as_list::<i32>();
            let (from, to) = (*lists.offsets().first()?, *lists.offsets().last()?);
            Some(lists.values().slice(usize::try_from(from).ok()?, usize::try_from(to - from).ok()?))
        }
        DataType::LargeList(_) => {
            let lists = values.as_list::<i64>();
            let (from, to) = (*lists.offsets().first()?, *lists.offsets().last()?);
            Some(lists.values().slice(usize::try_from(from).ok()?, usize::try_from(to - from).ok()?))
        }
        DataType::FixedSizeList(..) => Some(values.as_fixed_size_list().values().clone()),
        _ => None,
    }
}
