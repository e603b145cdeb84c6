//! Graphs of edges, as the view `graph_edges` has them: nodes first, then edges, so that a writer needs to hold nothing back.

use crate::query::{Answer, Engine, QueryError};
use arrow::datatypes::Schema;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// The nodes, then the edges, of a query whose rows are edges: `source` and `target`, and where there are any `kind`,
/// `weight`, `first_posted`, `last_posted`, and `platform`, by which equal names on several platforms are several nodes. The query runs
/// twice over the same versions of the tables; what it must gather (the nodes, each once) spills to disk as any query's
/// rows do.
///
/// # Errors
/// [`QueryError`], also when the rows are no edges.
pub async fn graph(engine: &Engine, query: &str) -> Result<Answer, QueryError> {
    let columns = engine.sql(query).await?.schema;
    let missing = ["source", "target"].into_iter().find(|name| !has(&columns, name));
    if let Some(name) = missing {
        let why = format!(
            "a graph is made of edges, and the answer has no column {name}. Export the view graph_edges, or name columns so: \
             SELECT a AS source, b AS target, count(*) AS weight …"
        );
        return Err(QueryError::Plan(why));
    }
    let nodes = engine.sql(&nodes(query, &columns)).await?;
    let (engine, edges) = (engine.clone(), edges(query, &columns));
    // Begun when the nodes are through: until then it would take memory from them.
    let edges = async move {
        let answer = engine.sql(&edges).await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok::<_, DataFusionError>(answer.stream)
    };
    let rows = nodes.stream.chain(futures::stream::once(edges).try_flatten());
    Ok(Answer {
        schema: Arc::clone(&nodes.schema),
        stream: Box::pin(RecordBatchStreamAdapter::new(nodes.schema, rows)),
    })
}

/// Whether edges have days; without, the last two of GEXF's columns are left out.
fn dated(columns: &Schema) -> bool {
    has(columns, "first_posted") && has(columns, "last_posted")
}

/// The query of the nodes, in the columns of [`crate::format::gexf`]. A sound's label is its title.
fn nodes(query: &str, columns: &Schema) -> String {
    let days = if dated(columns) { ", CAST(NULL AS DATE) AS first_day, CAST(NULL AS DATE) AS last_day" } else { "" };
    let platform = if has(columns, "platform") { "CAST(platform AS VARCHAR)" } else { "CAST(NULL AS VARCHAR)" };
    let id = id("name");
    format!(
        "SELECT {id} AS source, CAST(NULL AS VARCHAR) AS target, coalesce(nullif(s.title, ''), name) AS label,
                CASE WHEN name LIKE '#%' THEN 'tag' WHEN name LIKE 'sound:%' THEN 'sound'
                     WHEN name LIKE '@%' OR regexp_like(name, '^[0-9]+$') THEN 'creator' ELSE 'other' END AS kind,
                CAST(NULL AS DOUBLE) AS weight{days}
         FROM (SELECT on_platform, name
               FROM (SELECT {platform} AS on_platform,
                            unnest(make_array(CAST(source AS VARCHAR), CAST(target AS VARCHAR))) AS name
                     FROM (\n{query}\n))
               WHERE name IS NOT NULL GROUP BY on_platform, name) AS n
         LEFT JOIN (SELECT platform AS of_platform, 'sound:' || CAST(sound_id AS VARCHAR) AS sound, max(title) AS title
                    FROM sounds GROUP BY 1, 2) AS s
           ON s.sound = n.name AND s.of_platform = n.on_platform"
    )
}

/// The query of the edges, in the same columns.
fn edges(query: &str, columns: &Schema) -> String {
    let or_null = |name: &str, kind: &str| match has(columns, name) {
        true => format!("CAST({name} AS {kind})"),
        false => format!("CAST(NULL AS {kind})"),
    };
    let days = match dated(columns) {
        true => ", CAST(first_posted AS DATE) AS first_day, CAST(last_posted AS DATE) AS last_day",
        false => "",
    };
    let (source, target) = (id("CAST(source AS VARCHAR)"), id("CAST(target AS VARCHAR)"));
    let (platform, kind, weight) =
        (or_null("platform", "VARCHAR"), or_null("kind", "VARCHAR"), or_null("weight", "DOUBLE"));
    format!(
        "SELECT {source} AS source, {target} AS target, CAST(NULL AS VARCHAR) AS label, {kind} AS kind, {weight} AS weight{days}
         FROM (SELECT *, {platform} AS on_platform FROM (\n{query}\n))
         WHERE source IS NOT NULL AND target IS NOT NULL"
    )
}

/// The id of a node: what its name is on a platform, or the name alone.
fn id(name: &str) -> String {
    format!("concat(coalesce(on_platform || '/', ''), {name})")
}

fn has(columns: &Schema, name: &str) -> bool {
    columns.column_with_name(name).is_some()
}

/// Whether an answer is that of [`graph`].
pub(super) fn is_graph(columns: &Schema) -> bool {
    ["source", "target", "label", "kind", "weight"]
        .iter()
        .zip(columns.fields())
        .all(|(name, field)| field.name() == name)
        && columns.fields().len() >= 5
}
