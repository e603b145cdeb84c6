//! What can go wrong at a door, and how each protocol calls it.

use std::time::Duration;
use tidelake_sinks::query::QueryError;

/// Why a statement has no answer, or not a whole one.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The query is wrong, or the lake cannot be read.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// It took too long.
    #[error(
        "canceling statement due to statement timeout: it took longer than {0:?}. Ask for a shorter time or fewer columns, or \
         have the timeout of your role raised"
    )]
    Timeout(Duration),
    /// Its client asked for its end.
    #[error("canceling statement due to user request")]
    Cancelled,
    /// The answer has more rows than the role may have.
    #[error("the answer has more than {0} rows, which is all your role may have. Add a LIMIT, or group")]
    TooManyRows(u64),
    /// The doors are closing.
    #[error("the server is stopping: run the query again when it is back")]
    Stopping,
    /// Too many connections.
    #[error("there are {0} connections already, and no more are taken. Close one, or have serve.connections raised")]
    TooManyConnections(usize),
    /// User or password are wrong, or absent. Says no more than that on purpose.
    #[error("user name or password is wrong")]
    Credentials,
    /// What the protocol allows and this server does not do, or a request that makes no sense.
    #[error("{0}")]
    Request(String),
}

impl ServeError {
    /// The SQLSTATE, as PostgreSQL's clients know it.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Query(error) => match error {
                QueryError::Lake(_) | QueryError::SpillDir { .. } => "58000",
                QueryError::Storage(_) => "58030",
                QueryError::Empty | QueryError::Several(_) | QueryError::Syntax(_) => "42601",
                QueryError::ReadOnly(_) => "25006",
                QueryError::FixedOption(_) => "55P02",
                QueryError::UnknownTable { .. } => "42P01",
                QueryError::UnknownColumn { .. } => "42703",
                QueryError::BrokenView { .. } => "55000",
                QueryError::NotSupported(_) => "0A000",
                QueryError::Memory(_) => "53200",
                QueryError::Execution(_) => "22000",
                _ => "42000",
            },
            Self::Timeout(_) | Self::Cancelled => "57014",
            Self::TooManyRows(_) => "54000",
            Self::Stopping => "57P01",
            Self::TooManyConnections(_) => "53300",
            Self::Credentials => "28P01",
            Self::Request(_) => "0A000",
        }
    }

    /// One word for what became of a statement, for the audit trail and clients that look for a kind of error.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Query(QueryError::ReadOnly(_) | QueryError::FixedOption(_)) => "refused",
            Self::Query(error) if error.is_callers() => "wrong",
            Self::Query(_) => "failed",
            Self::Timeout(_) => "timeout",
            Self::Cancelled => "cancelled",
            Self::TooManyRows(_) => "too-many-rows",
            Self::Stopping => "stopping",
            Self::TooManyConnections(_) => "too-many-connections",
            Self::Credentials => "credentials",
            Self::Request(_) => "wrong",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Query(QueryError::ReadOnly(_) | QueryError::FixedOption(_)) => 403,
            Self::Query(error) if error.is_callers() => 400,
            Self::Query(QueryError::Memory(_)) => 507,
            Self::Query(_) => 500,
            Self::Timeout(_) => 504,
            Self::TooManyRows(_) => 413,
            Self::Cancelled | Self::Stopping | Self::TooManyConnections(_) => 503,
            Self::Credentials => 401,
            Self::Request(_) => 400,
        }
    }
}
