//! Only reading: what may run, decided on the statement's kind and again on its whole plan.

use super::{QueryError, dialect, widths};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{LogicalPlan, Statement};
use datafusion::sql::parser::Statement as DFStatement;

/// The words a statement that only reads starts with.
const READING: [&str; 10] = ["SELECT", "WITH", "VALUES", "TABLE", "FROM", "EXPLAIN", "DESCRIBE", "DESC", "SHOW", "("];
/// Session options start with this…
const OPTIONS: &str = "datafusion.";
/// …but these reach beyond the session.
const FIXED: [&str; 2] = ["datafusion.runtime.", "datafusion.catalog."];

/// Why a statement did not become a plan.
pub(super) enum Refusal {
    /// DataFusion does not understand it.
    Error(Box<DataFusionError>),
    /// It is not to run.
    Refused(QueryError),
}

impl From<DataFusionError> for Refusal {
    fn from(error: DataFusionError) -> Self {
        Self::Error(Box::new(error))
    }
}

impl Refusal {
    pub(super) fn explained(self, explain: impl Fn(DataFusionError) -> QueryError) -> QueryError {
        match self {
            Self::Error(error) => explain(*error),
            Self::Refused(refusal) => refusal,
        }
    }
}

/// The one statement of a text, if it may run by its kind.
pub(super) fn statement(query: &str) -> Result<DFStatement, Refusal> {
    let mut statements = dialect::parse(query)?;
    let statement = match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => statement,
        (None, _) => return Err(Refusal::Refused(QueryError::Empty)),
        (Some(_), more) => return Err(Refusal::Refused(QueryError::Several(more + 1))),
    };
    kind(&statement.to_string())?;
    Ok(statement)
}

/// The plan of a statement that only reads.
pub(super) async fn plan(state: &SessionState, statement: DFStatement) -> Result<LogicalPlan, Refusal> {
    let plan = state.statement_to_plan(statement).await?;
    check(&plan)?;
    Ok(plan)
}

fn kind(statement: &str) -> Result<(), Refusal> {
    let first: String = match statement.trim_start() {
        text if text.starts_with('(') => "(".to_owned(),
        text => text.chars().take_while(|c| c.is_alphanumeric()).collect::<String>().to_ascii_uppercase(),
    };
    if READING.contains(&first.as_str()) || first == "SET" || first == "RESET" {
        return Ok(());
    }
    Err(Refusal::Refused(QueryError::ReadOnly(first)))
}

fn check(plan: &LogicalPlan) -> Result<(), Refusal> {
    if let LogicalPlan::Statement(statement) = plan {
        return match statement {
            Statement::SetVariable(set) => option(&set.variable),
            Statement::ResetVariable(reset) => option(&reset.variable),
            other => Err(Refusal::Refused(QueryError::ReadOnly(other.name().to_owned()))),
        };
    }
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reading
        .verify_plan(plan)
        .map_err(|_| Refusal::Refused(QueryError::ReadOnly("that part of the query".to_owned())))?;
    widths::check(plan)?.map_or(Ok(()), |wide| Err(Refusal::Refused(wide)))
}

fn option(name: &str) -> Result<(), Refusal> {
    let lower = name.to_ascii_lowercase();
    // `SET TIME ZONE` has a name of its own.
    let session = lower.starts_with(OPTIONS) || matches!(lower.as_str(), "timezone" | "time.zone");
    if session && !FIXED.iter().any(|fixed| lower.starts_with(fixed)) {
        return Ok(());
    }
    Err(Refusal::Refused(QueryError::FixedOption(name.to_owned())))
}
