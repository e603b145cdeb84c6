//! `tidelake diff`: what two versions of a stage find, row by row.

use super::Failure;
use super::dates::Dates;
use crate::config::Config;
use crate::replay::stage_of;
use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::json::LineDelimitedWriter;
use futures::TryStreamExt;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidelake_sinks::lake::rewrite::REPLAYED;
use tidelake_sinks::query::Engine;

#[derive(clap::Args)]
pub(crate) struct DiffArgs {
    /// A version of a stage: prices@1.
    left: String,
    /// Another version of the same stage: prices@2.
    right: String,
    #[command(flatten)]
    dates: Dates,
    /// How many rows that differ are shown.
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// table or json.
    #[arg(short, long, default_value = "table")]
    format: Shape,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Shape {
    Table,
    Json,
}

/// What came of the comparison.
#[derive(Debug, Default, Serialize)]
struct Difference {
    /// Rows on which both versions ran.
    rows: u64,
    /// On which they found the same.
    same: u64,
    /// Where only the left one found something.
    only_left: u64,
    /// Where only the right one did.
    only_right: u64,
    /// Where both did, and not the same.
    changed: u64,
    /// Of those that differ, by the language of the caption.
    by_language: BTreeMap<String, u64>,
    /// Some of them.
    examples: Vec<Example>,
}

#[derive(Debug, Serialize)]
struct Example {
    video_id: String,
    caption: String,
    left: Value,
    right: Value,
}

#[allow(clippy::print_stdout, reason = "this is what the command says")]
pub(crate) async fn run(args: &DiffArgs, config: &Config) -> Result<(), Failure> {
    let DiffArgs { left, right, .. } = args;
    if stage_of(left) != stage_of(right) || left == right {
        return Err(
            format!("{left} and {right} are not two versions of one stage, as prices@1 and prices@2 are").into()
        );
    }
    let engine = super::lake::engine(config).await?;
    let query = query(&engine, args).await?;
    let mut stream = engine.sql(&query).await?.stream;
    let mut found = Difference::default();
    while let Some(batch) = stream.try_next().await? {
        found.add(&batch, args.limit)?;
    }
    if found.rows == 0 {
        return Err(format!(
            "no row has both {left} and {right}. `tidelake replay --stages {}` runs this release's version over history",
            stage_of(left)
        )
        .into());
    }
    match args.format {
        Shape::Json => println!("{}", serde_json::to_string_pretty(&found)?),
        Shape::Table => print!("{}", found.for_people(left, right)),
    }
    Ok(())
}

/// Rows on which both ran, with what each found: what the row was landed with, or a column of its own.
async fn query(engine: &Engine, args: &DiffArgs) -> Result<String, Failure> {
    let columns: Vec<String> = engine.columns("video_observations").await?.into_iter().map(|c| c.name).collect();
    let has = |name: &str| columns.iter().any(|column| column == name);
    let text = |label: &str| format!("'{}'", label.replace('\'', "''"));
    let column = |label: &str| format!("\"{}\"", label.replace('"', "\"\""));
    let landed = |label: &str| format!("coalesce(array_has(stages, {}), false)", text(label));
    let ran = |label: &str| {
        let again = format!(" OR coalesce(array_has({REPLAYED}, {}), false)", text(label));
        format!("({}{})", landed(label), if has(label) { again.as_str() } else { "" })
    };
    let value = |label: &str| {
        let own = format!("findings['{}']", stage_of(label));
        if has(label) { format!("CASE WHEN {} THEN {own} ELSE {} END", landed(label), column(label)) } else { own }
    };
    let (left, right) = (&args.left, &args.right);
    let (first, last) = args.dates.range();
    Ok(format!(
        "SELECT video_id, caption, findings['language']['code'] AS language, {} AS l, {} AS r FROM video_observations
         WHERE observed_date BETWEEN DATE '{first}' AND DATE '{last}' AND {} AND {}",
        value(left),
        value(right),
        ran(left),
        ran(right),
    ))
}

impl Difference {
    fn add(&mut self, batch: &RecordBatch, limit: usize) -> Result<(), Failure> {
        let (left, right) = (batch.column(3), arrow::compute::cast(batch.column(4), batch.column(3).data_type())?);
        let texts = |i: usize| arrow::compute::cast(batch.column(i), &DataType::Utf8);
        let (captions, languages) = (texts(1)?, texts(2)?);
        let video_ids = batch.column(0).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            self.rows += 1;
            let (l, r) = (left.slice(row, 1), right.slice(row, 1));
            if l.to_data() == r.to_data() {
                self.same += 1;
                continue;
            }
            *match (is_nothing(&l), is_nothing(&r)) {
                (false, true) => &mut self.only_left,
                (true, false) => &mut self.only_right,
                _ => &mut self.changed,
            } += 1;
            let text = |column: &dyn Array| column.as_string::<i32>().value(row).to_owned();
            *self.by_language.entry(text(&languages)).or_default() += 1;
            if self.examples.len() < limit {
                let (left, right) = (json(&l)?, json(&r)?);
                let video_id = video_ids.value(row).to_string();
                self.examples.push(Example { video_id, caption: text(&captions), left, right });
            }
        }
        Ok(())
    }

    fn for_people(&self, left: &str, right: &str) -> String {
        let Self { rows, same, only_left, only_right, changed, .. } = self;
        let mut out = format!(
            "{rows} rows have both: {same} the same, {only_left} only {left}, {only_right} only {right}, {changed} changed\n"
        );
        if !self.by_language.is_empty() {
            let parts: Vec<String> = self.by_language.iter().map(|(code, n)| format!("{code} {n}")).collect();
            out.push_str(&format!("by language: {}\n", parts.join(", ")));
        }
        for Example { video_id, caption, left: l, right: r } in &self.examples {
            out.push_str(&format!("\n{video_id}  {}\n  {left}: {l}\n  {right}: {r}\n", caption.replace('\n', " ")));
        }
        out
    }
}

/// Null, or a list of nothing.
fn is_nothing(value: &dyn Array) -> bool {
    value.is_null(0) || value.as_list_opt::<i32>().is_some_and(|list| list.value_length(0) == 0)
}

/// The one value of an array.
fn json(value: &Arc<dyn Array>) -> Result<Value, Failure> {
    let field = arrow::datatypes::Field::new("v", value.data_type().clone(), true);
    let one = RecordBatch::from(StructArray::from(vec![(Arc::new(field), Arc::clone(value))]));
    let mut line = Vec::new();
    LineDelimitedWriter::new(&mut line).write(&one)?;
    Ok(serde_json::from_slice::<Value>(&line)?["v"].take())
}
