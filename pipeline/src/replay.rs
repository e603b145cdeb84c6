//! Stages run again over history: what they find goes into columns of their own, named `stage@version`.
//!
//! The lake holds every caption as it was observed, so that nothing but the lake is needed. A stage is a pure function:
//! whichever process runs it again, and however often, finds the same, and [`rewrite`](tidelake_sinks::lake::rewrite)
//! gives each row its value exactly once. What the row was landed with stays.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::json::{LineDelimitedWriter, ReaderBuilder};
use std::sync::Arc;
use tidelake_schemas::arrow_schema::arrow_schema;
use tidelake_schemas::codec::SchemaName;
use tidelake_schemas::projection::CaptionFields;
use tidelake_sinks::lake::rewrite::{replayed, replayed_field};
use tidelake_stages::{Caption, Stages};

/// The columns of a video that stages read.
const READ: [&str; 4] = ["caption", "caption_entities", "region", "source_language"];
/// The column that holds what a row was landed with.
const FINDINGS: &str = "findings";

/// Stages that are to be run again.
pub(crate) struct Replay {
    stages: Arc<Stages>,
    /// `stage@version`, as asked for.
    labels: Vec<String>,
    /// All findings of a caption.
    findings: Field,
}

impl Replay {
    /// `wanted` are names of stages, with or without `@version`.
    pub(crate) fn of(stages: Arc<Stages>, wanted: &[String]) -> Result<Self, String> {
        let known = stages.labels();
        let labels: Result<Vec<String>, String> = wanted.iter().map(|name| label(name, known)).collect();
        let mut labels = labels?;
        labels.sort();
        labels.dedup();
        let findings = arrow_schema(SchemaName::EnrichedVideo)
            .and_then(|schema| schema.field_with_name(FINDINGS).cloned())
            .map_err(|e| e.to_string())?;
        Ok(Self { stages, labels, findings })
    }

    /// `stage@version` of each stage that is run again.
    pub(crate) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The columns that rows gain.
    pub(crate) fn columns(&self) -> Result<Vec<Field>, ArrowError> {
        let own = self.labels.iter().map(|label| {
            let kind = self.kind(stage_of(label))?;
            Ok(Field::new(label, kind.clone(), true))
        });
        own.chain([Ok(replayed_field())]).collect()
    }

    /// The type of what a stage finds.
    fn kind(&self, stage: &str) -> Result<&DataType, ArrowError> {
        let DataType::Struct(fields) = self.findings.data_type() else {
            return Err(ArrowError::SchemaError("findings are no record".into()));
        };
        let field = fields.find(stage).map(|(_, field)| field.data_type());
        field.ok_or_else(|| ArrowError::SchemaError(format!("findings have no field of stage {stage}")))
    }

    /// What the stages find in each row of a batch of the table, in the order of [`Self::columns`].
    pub(crate) fn values(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, ArrowError> {
        let captions = captions(batch)?;
        let mut found = Vec::new();
        for fields in &captions {
            let findings = self.stages.run(&Caption::from(fields)).findings;
            found.extend_from_slice(b"{\"findings\":");
            serde_json::to_writer(&mut found, &findings).map_err(|e| ArrowError::JsonError(e.to_string()))?;
            found.extend_from_slice(b"}\n");
        }
        let schema = Arc::new(Schema::new(vec![self.findings.clone()]));
        let mut reader = ReaderBuilder::new(schema).with_batch_size(captions.len().max(1)).build(found.as_slice())?;
        let found = reader.next().transpose()?;
        let found = found.as_ref().map(|batch| batch.column(0).as_struct());
        let column = |label: &String| {
            let own = found.and_then(|found| found.column_by_name(stage_of(label)));
            own.cloned().map_or_else(|| Ok(arrow::array::new_empty_array(self.kind(stage_of(label))?)), Ok)
        };
        self.labels.iter().map(column).chain([replayed(batch, &self.labels)]).collect()
    }
}

/// The stage of a label.
pub(crate) fn stage_of(label: &str) -> &str {
    label.split('@').next().unwrap_or(label)
}

/// The label of a stage that is named with its version or without.
fn label(wanted: &str, known: &[String]) -> Result<String, String> {
    // A catalogue's fingerprint stands behind the version: products@1+052fee81.
    let names =
        |label: &&String| wanted == stage_of(label) || *label == wanted || label.split('+').next() == Some(wanted);
    if let Some(label) = known.iter().find(names) {
        return Ok(label.clone());
    }
    match known.iter().find(|label| stage_of(label) == stage_of(wanted)) {
        Some(label) => Err(format!(
            "this release has {label}, not {wanted}; other versions are other releases', which can replay them"
        )),
        None => Err(format!("there is no stage {wanted:?}; stages are {}", known.join(", "))),
    }
}

/// What stages read of each row.
fn captions(batch: &RecordBatch) -> Result<Vec<CaptionFields>, ArrowError> {
    let columns: Vec<usize> = READ.iter().map(|name| batch.schema().index_of(name)).collect::<Result<_, _>>()?;
    let mut lines = Vec::new();
    LineDelimitedWriter::new(&mut lines).write(&batch.project(&columns)?)?;
    let read = |line: &[u8]| serde_json::from_slice(line).map_err(|e| ArrowError::JsonError(e.to_string()));
    // No line feed stands within a line: JSON writes it as \n.
    lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, Decimal128Array, ListArray};
    use arrow::datatypes::{Decimal128Type, Float64Type};
    use tidelake_schemas::{Enrichment, VideoObservation, arrow_schema, codec};

    /// Videos as enrich publishes them, without any findings.
    fn batch(captions: &[Option<&str>]) -> RecordBatch {
        let mut decoder = arrow_schema::decoder(SchemaName::EnrichedVideo, 100).expect("decoder");
        for caption in captions {
            let caption = caption.map(str::to_owned);
            let video = VideoObservation { caption, region: Some("CA".into()), ..VideoObservation::default() };
            let observed = codec::encode(&video).expect("encodes");
            let enriched = codec::append_enrichment(&observed, &Enrichment::default()).expect("appends");
            decoder.decode(&enriched).expect("decodes");
        }
        decoder.flush().expect("flushes").expect("rows")
    }

    fn replay(stages: &[&str]) -> Result<Replay, String> {
        let stages: Vec<String> = stages.iter().map(|&stage| stage.to_owned()).collect();
        Replay::of(Arc::new(Stages::standard()), &stages)
    }

    #[test]
    fn rows_gain_what_the_stages_find_now() {
        let replay = replay(&["sentiment", "prices"]).expect("stages");
        let batch = batch(&[Some("only $19.90 – love it"), None, Some("nothing\nat all")]);
        let columns = replay.columns().expect("columns");
        let values = replay.values(&batch).expect("values");
        let names: Vec<_> = columns.iter().map(|field| stage_of(field.name()).to_owned()).collect();
        assert_eq!(names, ["prices", "sentiment", "replayed"]);
        assert!(columns.iter().zip(&values).all(|(field, value)| field.data_type() == value.data_type()));
        assert!(values.iter().all(|value| value.len() == 3));
        let prices: &ListArray = values[0].as_list();
        let amounts: &Decimal128Array = prices.values().as_struct().column(0).as_primitive::<Decimal128Type>();
        assert_eq!(amounts.values(), &[19_900_000]);
        assert_eq!(prices.value_length(1), 0);
        let sentiment = values[1].as_struct();
        let compound = sentiment.column_by_name("compound").expect("has it").as_primitive::<Float64Type>();
        assert!(compound.value(0) > 0.5 && sentiment.is_null(1));
    }

    #[test]
    fn only_stages_of_this_release() {
        let prices = Stages::standard().labels().iter().find(|l| stage_of(l) == "prices").expect("a stage").clone();
        assert_eq!(replay(&["prices", &prices]).expect("stages").labels(), std::slice::from_ref(&prices));
        let refused = |stage: &str| replay(&[stage]).err().expect("is refused");
        assert!(refused("prices@99").contains(&prices));
        assert!(refused("price").contains("stages are"));
    }
}
