//! The newest observation per key from the tables that keep it, and what has landed since.
//!
//! Of the kept rows ([`crate::lake::current`]) those whose key gained nothing are taken as they are; those whose key did
//! are compared with what it gained. So the answer is that of the whole history, whatever the table has seen of it.

use super::{QueryError, tables};
use crate::lake::LakeError;
use crate::lake::current::gain::{self, Gained, Seen, Since};
use crate::lake::current::{AGE_COLUMN, Current};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use deltalake::DeltaTable;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The view that a table serves.
fn view(which: Current) -> &'static str {
    match which {
        Current::Videos => "newest_videos",
        Current::Creators => "newest_creators",
        Current::Ages => "newest_at_ages",
    }
}

/// The tables behind a view, if it is one of these.
pub(super) fn served_by(name: &str) -> Option<Current> {
    Current::ALL.into_iter().find(|which| view(*which) == name)
}

/// Registers the views that tables serve. The others are left to their definition over the whole history.
pub(super) async fn register(session: &SessionContext, loaded: &BTreeMap<&'static str, DeltaTable>) {
    for which in Current::ALL {
        let (Some(source), Some(current)) = (loaded.get(which.source()), loaded.get(which.table())) else { continue };
        match served(session, which, source, current).await {
            Ok(Some(rows)) => {
                if let Err(error) = session.register_table(view(which), rows) {
                    tracing::warn!(view = view(which), %error, "served from the whole history");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(view = view(which), %error, "served from the whole history"),
        }
    }
}

/// The rows of the view; `None` when the table cannot serve it.
async fn served(
    session: &SessionContext,
    which: Current,
    source: &DeltaTable,
    current: &DeltaTable,
) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
    let Some(seen) = Seen::by(current, which).await? else { return Ok(None) };
    let gained = match gain::since(source, which.source(), Some(seen)).await? {
        Since::Gained(gained) => gained,
        Since::Changed { why } => {
            tracing::debug!(view = view(which), why, "served from the whole history");
            return Ok(None);
        }
    };
    let observed = session.table_provider(which.source()).await.map_err(QueryError::running)?.schema();
    let wanted = kept_of(which, &observed);
    // Their names are nobody's business but this view's.
    let hidden = SessionContext::new_with_config_rt(session.copied_config(), session.runtime_env());
    let kept = tables::of_snapshot(which.table(), current, &hidden).await?;
    let kept = tables::completed_to(kept, &wanted, &hidden)?;
    if !fits(&kept.schema(), &wanted) {
        return Ok(None);
    }
    hidden.register_table("kept", kept).map_err(QueryError::running)?;
    if !gained.files.is_empty() {
        let rows = gained.rows(source, &hidden).await.map_err(LakeError::delta(which.source()))?;
        let rows = tables::completed_to(rows.into_view(), &observed, &hidden)?;
        hidden.register_table("observed", rows).map_err(QueryError::running)?;
        let gained = hidden.sql(&which.counted("observed")).await.map_err(QueryError::running)?;
        hidden.register_table("gained", gained.into_view()).map_err(QueryError::running)?;
    }
    let frame = hidden.sql(&definition(which, &wanted, &gained)).await.map_err(QueryError::running)?;
    Ok(Some(frame.into_view()))
}

/// The columns that are kept of observations.
fn kept_of(which: Current, observed: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<_> = observed.fields().iter().filter(|field| which.keeps(field.name())).cloned().collect();
    if which == Current::Ages {
        fields.push(Arc::new(Field::new(AGE_COLUMN, DataType::Int32, true)));
    }
    Arc::new(Schema::new(fields))
}

/// Whether the kept columns are what the observations have: their types may have been widened since.
fn fits(kept: &SchemaRef, wanted: &SchemaRef) -> bool {
    let plain = |kind: &DataType| match kind {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        other => other.clone(),
    };
    wanted.fields().iter().all(|field| {
        kept.field_with_name(field.name()).is_ok_and(|has| plain(has.data_type()) == plain(field.data_type()))
    })
}

fn definition(which: Current, wanted: &SchemaRef, gained: &Gained) -> String {
    let columns: Vec<_> =
        wanted.fields().iter().map(|field| format!("\"{}\"", field.name().replace('"', "\"\""))).collect();
    let columns = columns.join(", ");
    let kept = format!("SELECT {columns}, first_observed_at, observations");
    let newest = "arrow_cast(1, 'UInt64') AS newest";
    if gained.files.is_empty() {
        return format!("{kept}, {newest} FROM kept");
    }
    let touched = format!("EXISTS (SELECT 1 FROM gained WHERE {})", which.same("gained", "kept"));
    let key = which.key("rows").join(", ");
    format!(
        "{kept}, {newest} FROM kept WHERE NOT {touched}
         UNION ALL
         {kept}, newest FROM (
           SELECT {columns}, min(first_observed_at) OVER same AS first_observed_at,
                  CAST(sum(observations) OVER same AS BIGINT) AS observations,
                  row_number() OVER (PARTITION BY {key}
                                     ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
           FROM ({kept} FROM kept WHERE {touched}
                 UNION ALL SELECT {columns}, observed_at AS first_observed_at, 1 AS observations FROM gained) rows
           WINDOW same AS (PARTITION BY {key}))
         WHERE newest = 1"
    )
}
