//! `SET`, `SHOW` and `RESET`: PostgreSQL's settings that clients ask for, and the session's own. Others are refused.

use super::{VERSION, error, told};
use crate::core::Client;
use crate::error::ServeError;
use arrow::array::timezone::Tz;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Reset, Set, Statement as Ast, Value};
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::error::PgWireResult;
use std::sync::Arc;
use std::time::Duration;

/// What may be set, and what it is if it is not: a value, and whether another may be set.
const KNOWN: &[(&str, &str, bool)] = &[
    ("application_name", "", true),
    ("bytea_output", "hex", true),
    ("client_encoding", "UTF8", false),
    ("client_min_messages", "notice", true),
    ("datestyle", "ISO, MDY", true),
    ("default_transaction_isolation", "repeatable read", true),
    ("default_transaction_read_only", "on", false),
    ("escape_string_warning", "on", true),
    ("extra_float_digits", "1", true),
    ("idle_in_transaction_session_timeout", "0", true),
    ("integer_datetimes", "on", false),
    ("intervalstyle", "postgres", true),
    ("is_superuser", "off", false),
    ("jit", "off", true),
    ("lock_timeout", "0", true),
    ("max_identifier_length", "63", false),
    ("row_security", "on", true),
    ("search_path", "public", true),
    ("server_encoding", "UTF8", false),
    ("server_version", VERSION, false),
    ("server_version_num", "150000", false),
    ("standard_conforming_strings", "on", false),
    ("statement_timeout", "0", true),
    ("timezone", "UTC", true),
    ("transaction_isolation", "repeatable read", true),
    ("transaction_read_only", "on", false),
];

/// The lower-case name of what is shown.
pub(super) fn name(variable: &[Ident]) -> String {
    let words: Vec<String> = variable.iter().map(|word| word.value.to_lowercase()).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["time", "zone"] => "timezone".to_owned(),
        ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
        ["session", "authorization"] => "session_authorization".to_owned(),
        _ => words.join("."),
    }
}

/// Whether `SHOW` of this is answered here; else DataFusion is asked.
pub(super) fn is_shown(variable: &[Ident]) -> bool {
    let name = name(variable);
    name == "session_authorization" || KNOWN.iter().any(|(known, ..)| *known == name)
}

/// The value of a setting.
pub(super) fn show<C: ClientInfo>(of: &C, client: &Client, name: &str) -> String {
    match name {
        "statement_timeout" => format!("{}ms", client.timeout().as_millis()),
        "session_authorization" => of.metadata().get("user").cloned().unwrap_or_default(),
        _ => {
            let default = KNOWN.iter().find(|(known, ..)| *known == name).map(|(_, value, _)| (*value).to_owned());
            of.metadata().get(name).cloned().or(default).unwrap_or_default()
        }
    }
}

/// `SET`, `RESET`. Gives the settings that the client is told of, by the names it knows them by.
pub(super) async fn set<C: ClientInfo>(
    of: &mut C,
    client: &Client,
    statement: &Ast,
) -> PgWireResult<Option<(&'static str, String)>> {
    let (name, values) = match statement {
        Ast::Set(Set::SingleAssignment { hivevar: false, variable, values, .. }) => {
            (variable.to_string().to_lowercase(), values.iter().map(text).collect::<Vec<_>>())
        }
        Ast::Set(Set::SetTimeZone { value, .. }) => ("timezone".to_owned(), vec![text(value)]),
        Ast::Set(Set::SetNames { charset_name, .. }) => {
            ("client_encoding".to_owned(), vec![charset_name.value.clone()])
        }
        // Nothing is written, so every transaction is as isolated as it asks to be, within each of its statements.
        Ast::Set(Set::SetTransaction { .. }) => return Ok(None),
        Ast::Reset(reset) => match &reset.reset {
            Reset::ALL => return reset_all(of, client).await.map(|()| None),
            Reset::ConfigurationParameter(name) => (name.to_string().to_lowercase(), vec!["default".to_owned()]),
        },
        other => return Err(told("ERROR", "42501", format!("{other} is not for this server: one user, one role"))),
    };
    let name = name.trim_matches('"').to_owned();
    if name.starts_with("datafusion.") {
        let sql = statement.to_string();
        let rows = client.sql(&sql).await.map_err(|e| error(&e))?;
        drop(rows);
        return Ok(None);
    }
    let value = values.join(", ");
    let Some((_, default, may)) = KNOWN.iter().find(|(known, ..)| *known == name) else {
        let why = format!("unrecognized configuration parameter {name:?}");
        return Err(told("ERROR", "42704", why));
    };
    let value = if value.eq_ignore_ascii_case("default") { (*default).to_owned() } else { value };
    if !may && !is_same(&value, default) {
        let code = if name.ends_with("read_only") { "25006" } else { "55P02" };
        return Err(told("ERROR", code, format!("parameter {name:?} is always {default} here")));
    }
    match name.as_str() {
        "statement_timeout" => client.set_timeout(timeout(&value)?),
        "timezone" => time_zone(client, &value).await?,
        "datestyle" if !value.to_ascii_uppercase().starts_with("ISO") => {
            return Err(told("ERROR", "22023", format!("DateStyle {value:?}: dates are ISO here")));
        }
        _ => {}
    }
    of.metadata_mut().insert(name.clone(), value.clone());
    Ok(reported(&name).map(|name| (name, value)))
}

async fn reset_all<C: ClientInfo>(of: &mut C, client: &Client) -> PgWireResult<()> {
    for (name, _, may) in KNOWN.iter().filter(|(_, _, may)| *may) {
        debug_assert!(may);
        of.metadata_mut().remove(*name);
    }
    client.set_timeout(None);
    time_zone(client, "UTC").await
}

/// Text output of instants always says its offset; the zone matters where a query works with dates.
async fn time_zone(client: &Client, zone: &str) -> PgWireResult<()> {
    let zone = if zone.eq_ignore_ascii_case("gmt") || zone.eq_ignore_ascii_case("etc/utc") { "UTC" } else { zone };
    if zone != "UTC" && zone.parse::<Tz>().is_err() {
        return Err(told("ERROR", "22023", format!("there is no time zone {zone:?}; write Europe/Berlin or +01:00")));
    }
    let sql = format!("SET datafusion.execution.time_zone = '{}'", zone.replace('\'', ""));
    let session = client.session();
    let memory = Arc::clone(&session.context().runtime_env().memory_pool);
    let set = async { session.run(session.plan(&sql).await?, memory).await };
    set.await.map(drop).map_err(|e| error(&ServeError::Query(e)))
}

fn is_same(value: &str, default: &str) -> bool {
    let plain = |text: &str| match text.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "true" | "1" | "yes" => "on".to_owned(),
        "unicode" => "utf8".to_owned(),
        other => other.to_owned(),
    };
    plain(value) == plain(default)
}

/// The name under which clients want to be told of a new value.
fn reported(name: &str) -> Option<&'static str> {
    Some(match name {
        "application_name" => "application_name",
        "datestyle" => "DateStyle",
        "intervalstyle" => "IntervalStyle",
        "search_path" => "search_path",
        "timezone" => "TimeZone",
        _ => return None,
    })
}

fn text(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

/// PostgreSQL's: milliseconds, or with a unit; 0 is none.
fn timeout(value: &str) -> PgWireResult<Option<Duration>> {
    let text = value.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match text[digits..].trim() {
        "" | "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let millis = text[..digits].parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    let millis = millis.ok_or_else(|| {
        told(
            "ERROR",
            "22023",
            format!("invalid value for parameter \"statement_timeout\": {value:?}; write 30s or 5min"),
        )
    })?;
    Ok((millis > 0).then(|| Duration::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_postgresql_reads_them() {
        for (text, millis) in [("0", None), ("250", Some(250)), ("5s", Some(5_000)), ("2 min", Some(120_000))] {
            assert_eq!(timeout(text).expect(text), millis.map(Duration::from_millis), "{text}");
        }
        for bad in ["", "soon", "-1", "5 parsecs", "99999999999999999999"] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_plain() {
        let words = |text: &str| text.split(' ').map(Ident::new).collect::<Vec<_>>();
        assert_eq!(name(&words("TIME ZONE")), "timezone");
        assert!(is_shown(&words("TRANSACTION ISOLATION LEVEL")) && is_shown(&words("DateStyle")));
        assert!(!is_shown(&words("tables")) && !is_shown(&words("datafusion.execution.batch_size")));
    }
}
