//! A column that becomes wider, while writers and readers of the old type are at work.

use super::lake::*;
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, DataType, MetadataExt, StructField, StructType};
use deltalake::protocol::DeltaOperation;
use std::collections::BTreeMap;
use tidelake_sinks::lake::commit::{self, Proposal};
use tidelake_sinks::lake::upkeep::{Widened, widen};
use tidelake_sinks::lake::{CommitRecord, Lake, LakeError, Outcome};

fn schema(table: &deltalake::DeltaTable) -> StructType {
    table.snapshot().expect("loaded").metadata().parse_schema().expect("a schema")
}

/// The columns, one of them of another type.
fn with(columns: &StructType, name: &str, kind: &DataType) -> StructType {
    let fields = columns.fields().map(|field| match field.name() == name {
        true => StructField::new(name, kind.clone(), field.is_nullable()),
        false => field.clone(),
    });
    StructType::try_new(fields).expect("columns")
}

/// Says that a column has another type; fits only while the table holds no rows.
async fn declare(lake: &Lake, name: &str, kind: DataType) {
    let table = lake.open(TABLE).await.expect("opens").expect("is there");
    let metadata = table.snapshot().expect("loaded").metadata().clone();
    let metadata = metadata.with_schema(&with(&schema(&table), name, &kind)).expect("columns");
    let operation = DeltaOperation::UpdateFieldMetadata { fields: Vec::new() };
    let commit = CommitBuilder::default().with_actions(vec![Action::Metadata(metadata)]);
    commit.build(Some(table.snapshot().expect("loaded")), table.log_store(), operation).await.expect("commits");
}

/// A table as an older release made it: `likes` are integers of 32 bits. Its writer takes them.
async fn old_lake() -> (TestLake, Lander) {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    declare(&test.lake, "likes", DataType::INTEGER).await;
    // It opened the table before that: now it sees the columns as they were for the older release.
    lander.append(10, 0).await;
    assert!(matches!(lander.commit(10).await, Outcome::Fenced { .. }), "its files have another type");
    lander.writer.reload([APP.to_owned()]).await.expect("reloads");
    (test, lander)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_type_rewrites_the_files() {
    let (test, mut lander) = old_lake().await;
    for part in 0..3 {
        lander.land(20, part % 2).await;
    }
    let parts = [(20, 0), (20, 1), (20, 0)];
    let narrow = test.lake.open_or_create(&landed()).await.expect_err("messages have more");
    assert!(matches!(&narrow, LakeError::Narrow { column, .. } if column == "likes"), "{narrow}");
    assert!(narrow.to_string().contains("tidelake maintain evolve --table comments"), "{narrow}");

    let reader = test.lake.open(TABLE).await.expect("opens").expect("is there");
    let old_files = data_files(&test);
    // An old writer has written and is about to commit.
    lander.append(5, 0).await;
    let would = widen(&test.lake, &landed(), &options(), true).await.expect("looks");
    assert_eq!(would, Widened { columns: vec!["likes".into()], files: 3, rows: 0 });
    let did = widen(&test.lake, &landed(), &options(), false).await.expect("widens");
    assert_eq!(did, Widened { columns: vec!["likes".into()], files: 3, rows: 60 });
    assert_eq!(
        schema(&test.lake.open(TABLE).await.expect("opens").expect("is there"))
            .field("likes")
            .expect("a column")
            .data_type(),
        &DataType::LONG
    );
    assert_eq!(data_files(&test), old_files + 2, "of each date one");
    // The reader goes on with its version.
    let session = datafusion::prelude::SessionContext::new();
    reader.update_datafusion_session(&session.state()).expect("a session");
    let provider = reader.table_provider().with_eager_snapshot(reader.snapshot().expect("loaded").snapshot().clone());
    let frame = session.read_table(provider.await.expect("a table")).expect("a frame");
    assert_eq!(
        frame.schema().field_with_unqualified_name("likes").expect("a column").data_type(),
        &arrow::datatypes::DataType::Int32
    );
    assert_eq!(frame.count().await.expect("counts"), 60);
    // The writer looks at the table, reads again and goes on with the new type.
    assert!(matches!(lander.commit(5).await, Outcome::Fenced { .. }));
    let stored = lander.writer.reload([APP.to_owned()]).await.expect("reloads")[APP];
    assert_eq!(stored, Some(60), "nothing of it landed");
    lander.land(5, 0).await;
    let all: Vec<_> = parts.into_iter().chain([(5, 0)]).collect();
    assert_eq!(rows(&test.lake).await, expected(&all));
    balances(&test.lake, 65).await;
    let nothing = widen(&test.lake, &landed(), &options(), false).await.expect("looks");
    assert_eq!(nothing, Widened::default());
    test.lake.open_or_create(&landed()).await.expect("opens");
}

/// While others go on landing in the old type, every row is rewritten, and none twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_land_while_a_column_becomes_wider() {
    let (test, mut lander) = old_lake().await;
    lander.land(2000, 0).await;
    let lake = test.lake.clone();
    let widening = tokio::spawn(async move { widen(&lake, &landed(), &options(), false).await });
    let mut parts = vec![(2000, 0)];
    let mut fenced = 0;
    while parts.len() < 12 || !widening.is_finished() {
        // Land commits at intervals; one that never rests would have the column wait for ever.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        lander.append(10, 0).await;
        match lander.commit(10).await {
            Outcome::Landed => parts.push((10, 0)),
            Outcome::Fenced { .. } => {
                fenced += 1;
                lander.writer.reload([APP.to_owned()]).await.expect("reloads");
            }
        }
    }
    assert_eq!(widening.await.expect("ends").expect("widens").columns, ["likes"]);
    assert!(fenced <= 1, "once at most: {fenced}");
    assert_eq!(rows(&test.lake).await, expected(&parts));
    let rows = parts.iter().map(|(rows, _)| rows).sum();
    balances(&test.lake, rows).await;
}

/// Files of other columns are never offered, also when it is somebody else who has changed them.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_other_columns_is_refused() {
    let test = lake();
    Lander::start(&test.lake).await.land(1, 0).await;
    let mut table = test.lake.open(TABLE).await.expect("opens").expect("is there");
    let columns = with(&schema(&table), "likes", &DataType::INTEGER);
    let from = BTreeMap::from([(APP.to_owned(), Some(1))]);
    let to = BTreeMap::from([(APP.to_owned(), 2)]);
    declare(&test.lake, "replies", DataType::DOUBLE).await;
    let record = CommitRecord { operation: "x".into(), ..CommitRecord::default() };
    let proposal = Proposal { files: &[], columns: &columns, from: &from, to: &to, record: &record };
    let outcome = commit::commit(&mut table, TABLE, &proposal).await.expect("an outcome");
    assert!(matches!(outcome, Outcome::Fenced { .. }), "{outcome:?}");
}
