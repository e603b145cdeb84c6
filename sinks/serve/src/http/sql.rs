//! `POST /api/v1/sql`: a statement as text, or `{"sql": …, "binds": {…}}`; rows as Arrow, JSON, NDJSON, CSV or Parquet.

use super::body::{self, Encoding};
use super::problem::Problem;
use super::{Caller, PATIENCE};
use crate::error::ServeError;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use datafusion::common::ScalarValue;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidelake_sinks::query::Binds;

/// A statement and the values for its `$name` or `:name`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sql: String,
    #[serde(default)]
    binds: BTreeMap<String, Value>,
}

/// Bytes of a statement and its values.
const LONGEST: usize = 2 << 20;

/// All of a request's body, which must not take forever.
async fn read(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, LONGEST)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            let why = format!("the statement did not arrive whole, or is longer than {LONGEST} bytes");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body", why))
        }
        Err(_) => {
            let why = format!("the statement did not arrive within {PATIENCE:?}");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body", why))
        }
    }
}

pub(super) async fn answer(Caller(client): Caller, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let encoding = Encoding::of(text(ACCEPT)).ok_or_else(|| {
        let why = format!("none of what Accept names can be given. There are: {}", Encoding::names());
        Problem::new(StatusCode::NOT_ACCEPTABLE, "accept", why)
    })?;
    let zipped = body::is_zipped(text(ACCEPT_ENCODING), encoding);
    let asked = asked(text(CONTENT_TYPE).unwrap_or_default(), &read(body).await?)?;
    let binds = asked.binds.iter().map(|(name, value)| Ok((name.clone(), scalar(name, value)?)));
    let binds = binds.collect::<Result<Vec<_>, Problem>>()?;
    let (session, sql) = (Arc::clone(client.session()), asked.sql.clone());
    let plan = async move {
        if binds.is_empty() {
            return session.plan(&sql).await;
        }
        // Whoever says what :now is has the last word.
        let says_now = binds.iter().any(|(name, _)| name == "now");
        let plan =
            if says_now { session.plan_with(&sql, &Binds::default()).await? } else { session.plan(&sql).await? };
        session.bind(plan, binds)
    };
    let mut rows = client.run(&asked.sql, plan).await?;
    let schema = Arc::clone(&rows.schema);
    // What fails before its first row still has an answer of its own.
    let first = rows.next().await.transpose()?;
    let rows = stream::iter(first.map(Ok)).chain(rows);
    let body = Body::from_stream(body::stream(rows, &schema, encoding, zipped)?);
    let mut response =
        ([(CONTENT_TYPE, encoding.content_type()), (VARY, "accept, accept-encoding")], body).into_response();
    if zipped {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn asked(content_type: &str, body: &[u8]) -> Result<Asked, Problem> {
    let wrong = |why: String| Problem::from(ServeError::Request(why));
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        "application/json" => serde_json::from_slice(body)
            .map_err(|error| wrong(format!("the body is not {{\"sql\": …, \"binds\": {{…}}}}: {error}"))),
        // curl's own when it is told nothing.
        "" | "text/plain" | "application/sql" | "application/x-www-form-urlencoded" => {
            let text = std::str::from_utf8(body).map_err(|_| wrong("the body is not UTF-8".to_owned()))?;
            Ok(Asked { sql: text.to_owned(), binds: BTreeMap::new() })
        }
        other => {
            let why = format!("{other:?} is not understood: send the statement as text/plain, or application/json");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", why))
        }
    }
}

/// A value to bind. A text that is an instant (RFC 3339) is one.
fn scalar(name: &str, value: &Value) -> Result<ScalarValue, Problem> {
    let wrong = |why: &str| Problem::from(ServeError::Request(format!("binds.{name}: {why}")));
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(truth) => ScalarValue::from(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => ScalarValue::from(integer),
            (None, Some(float)) => ScalarValue::from(float),
            (None, None) => return Err(wrong("is a number too large")),
        },
        Value::String(text) => instant(text).unwrap_or_else(|| ScalarValue::from(text.as_str())),
        Value::Array(_) | Value::Object(_) => return Err(wrong("is neither a text, a number, true, false nor null")),
    })
}

fn instant(text: &str) -> Option<ScalarValue> {
    let looks = text.len() >= 20 && text.as_bytes()[4] == b'-' && matches!(text.as_bytes()[10], b'T' | b't');
    let zoned = text.ends_with(['Z', 'z']) || text.rfind(['+', '-']).is_some_and(|at| at > 10);
    let nanos = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text).ok()?;
    (looks && zoned).then(|| ScalarValue::TimestampMicrosecond(Some(nanos / 1_000), Some("UTC".into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_text_or_json() {
        let json = br#"{"sql": "SELECT $a", "binds": {"a": 1}}"#;
        assert_eq!(asked("application/json; charset=utf-8", json).expect("reads").binds.len(), 1);
        assert_eq!(asked("text/plain", b"SELECT 1").expect("reads").sql, "SELECT 1");
        for (kind, body) in [
            ("application/json", &b"{}"[..]),
            ("application/json", br#"{"sql": "SELECT 1", "limit": 3}"#),
            ("text/html", b"SELECT 1"),
            ("text/plain", b"\xff"),
        ] {
            assert!(asked(kind, body).is_err(), "{kind}");
        }
    }

    #[test]
    fn values_are_what_they_look_like() {
        let bind = |value: Value| scalar("x", &value);
        let noon = ScalarValue::TimestampMicrosecond(Some(1_772_366_400_000_000), Some("UTC".into()));
        assert_eq!(bind(Value::from("2026-03-01T12:00:00Z")).expect("reads"), noon);
        assert_eq!(bind(Value::from("2026-03-01T13:00:00+01:00")).expect("reads"), noon);
        for text in ["2026-03-01", "2026-03-01T12:00:00", "skincare", ""] {
            assert_eq!(bind(Value::from(text)).expect("reads"), ScalarValue::from(text), "{text}");
        }
        assert_eq!(bind(Value::from(7)).expect("reads"), ScalarValue::from(7_i64));
        assert!(bind(Value::from(vec![1])).is_err());
    }
}
