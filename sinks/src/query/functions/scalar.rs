//! Scalar functions as a name, the types they take, and what they do to whole columns.

use super::FunctionInfo;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use std::hash::{Hash, Hasher};

/// What a function does: columns of the types it takes, all of one length, to a column of that length.
type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// An instant, as every table here has them.
pub(super) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Makes a function; arguments of other types are cast.
pub(super) fn function(info: &FunctionInfo, takes: Vec<DataType>, gives: DataType, body: Body) -> ScalarUDF {
    let section = DocSection { include: true, label: "Tidelake", description: None };
    let documentation = Documentation::builder(section, info.about, info.syntax).build();
    // The exact types are for SHOW FUNCTIONS; what is to be cast goes by `coerce_types`.
    let types = vec![TypeSignature::Exact(takes.clone()), TypeSignature::UserDefined];
    let signature = Signature::one_of(types, Volatility::Immutable);
    ScalarUDF::new_from_impl(Function { name: info.name, signature, takes, gives, body, documentation })
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    signature: Signature,
    takes: Vec<DataType>,
    gives: DataType,
    body: Body,
    documentation: Documentation,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if given.len() == self.takes.len() {
            return Ok(self.takes.clone());
        }
        plan_err!(
            "{} takes {} values, not {}: {}",
            self.name,
            self.takes.len(),
            given.len(),
            self.documentation.syntax_example
        )
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let column = (self.body)(&ColumnarValue::values_to_arrays(&args.args)?)?;
        Ok(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?),
            false => ColumnarValue::Array(column),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
