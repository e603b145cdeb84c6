//! DataFusion's functions whose results may be larger than all they are given, with a bound.
//!
//! What functions make is not counted by the memory pool: `repeat('x', 2000000000)` would take its two gigabytes whatever
//! limit a role has. Each of these says beforehand how large its results will be, and is refused where that is too
//! much; all else – name, signature, types, results – is DataFusion's. A value may be [`TEXT`] or [`LIST`] bytes, all of
//! a batch (8,192 rows by default) together [`BATCH`]. Texts are kept shorter than lists because texts are what
//! other operators copy beside every row.

mod arguments;
mod lists;
mod series;
mod texts;

use arguments::Arguments;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::functions::{regex, string, unicode};
use datafusion::functions_nested as nested;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

/// Bytes of one text.
const TEXT: u128 = 1 << 20;
/// Bytes of the values of one list.
const LIST: u128 = 16 << 20;
/// Bytes of all values that are made at once.
const BATCH: u128 = 256 << 20;

/// How many bytes the result of a row has at the most.
type Measure = for<'a> fn(&'a Arguments) -> Result<Size<'a>>;
type Size<'a> = Box<dyn Fn(usize) -> u128 + 'a>;

/// All of them, in the place of DataFusion's.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let text = |inner, measure| Bounded { inner, measure, most: TEXT, instead: "Ask for less" };
    let list = |inner, measure| Bounded { inner, measure, most: LIST, instead: "Ask for less" };
    let rows = "As a table, FROM generate_series(…), it keeps nothing in memory";
    let series = |inner| Bounded { inner, measure: series::size, most: LIST, instead: rows };
    [
        text(string::repeat(), texts::repeat as Measure),
        text(unicode::lpad(), texts::padded),
        text(unicode::rpad(), texts::padded),
        text(string::concat(), texts::concat),
        text(string::concat_ws(), texts::concat_ws),
        text(string::replace(), texts::replace),
        text(regex::regexp_replace(), texts::regexp_replace),
        text(nested::string::array_to_string_udf(), lists::to_string),
        list(nested::repeat::array_repeat_udf(), lists::repeat),
        list(nested::resize::array_resize_udf(), lists::resize),
        series(nested::range::range_udf()),
        series(nested::range::gen_series_udf()),
    ]
    .map(ScalarUDF::from)
    .into()
}

/// A function and how large its results are.
#[derive(Debug)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    measure: Measure,
    /// Bytes of a value.
    most: u128,
    /// What to do where it is too much.
    instead: &'static str,
}

impl Bounded {
    fn check(&self, arguments: &Arguments) -> Result<()> {
        let size = (self.measure)(arguments)?;
        let mut all = 0;
        for row in 0..arguments.rows() {
            let bytes = size(row);
            all += bytes;
            let (bytes, most, of) = match bytes > self.most {
                true => (bytes, self.most, "one value"),
                false => (all, BATCH, "the values of one batch of rows"),
            };
            if bytes > most {
                let (name, instead) = (self.inner.name(), self.instead);
                return exec_err!(
                    "{name} would make {bytes} bytes, and {of} may have {most}, since what functions make counts towards no \
                     limit on memory. {instead}"
                );
            }
        }
        Ok(())
    }
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Bounded {}

impl std::hash::Hash for Bounded {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

/// None of these functions says anything of itself beside what is here, but concat and concat_ws: they would simplify
/// themselves to DataFusion's own, which have no bound.
impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(given)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.inner.return_type(given)
    }

    fn return_field_from_args(&self, given: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(given)
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&Arguments::of(&given)?)?;
        self.inner.invoke_with_args(given)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

#[cfg(test)]
mod tests;
