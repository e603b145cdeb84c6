//! What functions answer, through SQL.
