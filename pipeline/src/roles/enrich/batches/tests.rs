use super::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tidelake_schemas::arrow_schema::decoder;
use tidelake_schemas::topics::{DEAD_LETTERS, VIDEO_ENRICHED};
use tidelake_schemas::{SchemaName, VideoObservation};
use tidelake_stages::Stages;

/// Models that find each caption's length, when they are allowed to; they remember the batches.
#[derive(Default)]
struct Lengths {
    allowed: Rc<Cell<bool>>,
    batches: Rc<RefCell<Vec<Vec<String>>>>,
}

struct Answer {
    texts: Vec<String>,
    allowed: Rc<Cell<bool>>,
}

impl Models for Lengths {
    type Pending = Answer;

    fn label(&self) -> &str {
        "transformers@1+lengths@0"
    }

    fn submit(&self, texts: Vec<String>) -> Result<Answer, TransformersError> {
        self.batches.borrow_mut().push(texts.clone());
        Ok(Answer { texts, allowed: Rc::clone(&self.allowed) })
    }

    fn poll(pending: &Answer) -> Option<Outcome> {
        pending.allowed.get().then(|| Ok(lengths(&pending.texts)))
    }

    fn wait(pending: Answer) -> Outcome {
        Ok(lengths(&pending.texts))
    }
}

fn lengths(texts: &[String]) -> Vec<TransformerFindings> {
    let found = |text: &String| TransformerFindings { embedding: vec![text.len() as f32], ..Default::default() };
    texts.iter().map(found).collect()
}

fn place(offset: i64) -> Place {
    Place { partition: 0, offset, written: None }
}

fn caption(offset: i64, text: &str) -> Item {
    let video = VideoObservation { video_id: offset, caption: Some(text.to_owned()), ..VideoObservation::default() };
    let observed = codec::encode(&video).expect("encodes");
    let (text, findings) = crate::roles::enrich::output::find(&Stages::standard(), &observed).expect("finds");
    Item::Caption { place: place(offset), lineage: Lineage::default(), observed, text, findings: findings.into() }
}

fn letter(offset: i64) -> Item {
    Item::Ready(Output { place: place(offset), topic: DEAD_LETTERS, payload: None, lineage: Lineage::default() })
}

fn offsets(outputs: &[Output]) -> Vec<i64> {
    outputs.iter().map(|output| output.place.offset).collect()
}

/// The length that was found of an enriched message, and its last stage.
fn found(output: &Output) -> (Option<f32>, String) {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Float32Type;
    let mut decoder = decoder(SchemaName::EnrichedVideo, 1).expect("a decoder");
    decoder.decode(output.payload.as_deref().expect("a message")).expect("decodes");
    let row = decoder.flush().expect("flushes").expect("a row");
    let models = row["findings"].as_struct()["transformers"].as_struct();
    let length = models
        .is_valid(0)
        .then(|| models["embedding"].as_list::<i32>().value(0).as_primitive::<Float32Type>().value(0));
    let stages = row["stages"].as_list::<i32>().value(0);
    let stages = stages.as_string::<i32>();
    (length, stages.value(stages.len() - 1).to_owned())
}

#[test]
fn outputs_leave_in_the_order_of_their_inputs() {
    let models = Lengths::default();
    let (allowed, seen) = (Rc::clone(&models.allowed), Rc::clone(&models.batches));
    let mut batches = Batches::new(models, 3, 4);
    for item in [caption(7, "four"), letter(8), caption(9, " "), caption(10, "éé"), letter(11)] {
        batches.push(item).expect("is taken");
    }
    assert!(batches.ready().expect("works").is_none(), "the models are still at it");
    allowed.set(true);
    let first = batches.ready().expect("works").expect("a batch");
    assert_eq!(offsets(&first), [7, 8, 9]);
    assert_eq!((first[0].topic, first[1].topic), (VIDEO_ENRICHED, DEAD_LETTERS));
    let label = "transformers@1+lengths@0".to_owned();
    assert_eq!((found(&first[0]), found(&first[2])), ((Some(4.0), label.clone()), (None, label.clone())));

    let rest = batches.finish().expect("works").expect("a batch");
    assert_eq!((offsets(&rest), found(&rest[0])), (vec![10, 11], (Some(4.0), label)));
    assert!(batches.finish().expect("works").is_none());
    assert_eq!(*seen.borrow(), [vec!["four".to_owned()], vec!["éé".to_owned()]], "only captions with words");
}

#[test]
fn a_full_queue_is_waited_for() {
    let mut batches = Batches::new(Lengths::default(), 1, 2);
    for offset in 0..3 {
        batches.push(caption(offset, "a")).expect("is taken");
    }
    let outputs = batches.ready().expect("works").expect("three are more than two");
    assert_eq!(offsets(&outputs), [0]);
    assert!(batches.ready().expect("works").is_none());
}

#[test]
fn the_first_of_a_batch_waits_so_long_and_no_longer() {
    let models = Lengths::default();
    models.allowed.set(true);
    let mut batches = Batches::new(models, 100, 2);
    let longest = Duration::from_secs(9);
    assert_eq!(batches.patience(longest), longest);
    batches.push(caption(0, "a")).expect("is taken");
    assert!(batches.patience(longest) <= GATHER);
    std::thread::sleep(GATHER);
    assert_eq!(batches.patience(longest), Duration::ZERO);
    assert_eq!(offsets(&batches.ready().expect("works").expect("a batch")), [0]);
    assert_eq!(batches.patience(longest), longest);
}

#[test]
fn what_is_forgotten_never_leaves() {
    let models = Lengths::default();
    models.allowed.set(true);
    let mut batches = Batches::new(models, 2, 2);
    for offset in 0..3 {
        batches.push(caption(offset, "a")).expect("is taken");
    }
    batches.clear();
    assert!(batches.ready().expect("works").is_none());
    assert!(batches.finish().expect("works").is_none());
}
