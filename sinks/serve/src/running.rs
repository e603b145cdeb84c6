//! What runs at this moment, as a table: `tidelake.running_queries`.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use tidelake_schemas::Timestamp;

/// The name of the table.
pub(crate) const TABLE: &str = "running_queries";

/// A statement that runs.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub user: String,
    pub role: String,
    pub door: &'static str,
    pub address: Option<SocketAddr>,
    pub started_at: Timestamp,
    pub sql: String,
}

/// The statements that run: as many at the most as the doors let run.
#[derive(Debug, Default)]
pub(crate) struct Running {
    entries: Mutex<BTreeMap<u64, (Entry, Arc<AtomicU64>)>>,
    next: AtomicU64,
}

/// On the list as long as it lives.
#[derive(Debug)]
pub(crate) struct Listed {
    id: u64,
    list: Arc<Running>,
    /// Rows sent so far.
    pub rows: Arc<AtomicU64>,
}

impl Running {
    pub(crate) fn enter(self: &Arc<Self>, entry: Entry) -> Listed {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let rows = Arc::default();
        self.lock().insert(id, (entry, Arc::clone(&rows)));
        Listed { id, list: Arc::clone(self), rows }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (Entry, Arc<AtomicU64>)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self, user: &str) -> Result<RecordBatch, ArrowError> {
        let entries = self.lock();
        let text = |of: &dyn Fn(&Entry) -> Option<String>| -> ArrayRef {
            Arc::new(entries.values().map(|(entry, _)| of(entry)).collect::<StringArray>())
        };
        let ids = entries.keys().map(|id| i64::try_from(*id).ok()).collect::<Int64Array>();
        let started = entries.values().map(|(e, _)| Some(e.started_at.0)).collect::<TimestampMicrosecondArray>();
        let rows = entries.values().map(|(_, rows)| i64::try_from(rows.load(Ordering::Relaxed)).ok());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids),
            text(&|e| Some(e.user.clone())),
            text(&|e| Some(e.role.clone())),
            text(&|e| Some(e.door.to_owned())),
            text(&|e| e.address.map(|address| address.to_string())),
            Arc::new(started.with_timezone("UTC")),
            Arc::new(rows.collect::<Int64Array>()),
            text(&|e| (e.user == user).then(|| e.sql.clone())),
        ];
        RecordBatch::try_new(Arc::clone(&SCHEMA), columns)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.lock().remove(&self.id);
    }
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        Field::new("query_id", DataType::Int64, false),
        text("user", false),
        text("role", false),
        text("door", false),
        text("address", true),
        Field::new("started_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("rows_sent", DataType::Int64, false),
        text("sql", true),
    ]))
});

/// The table as a user sees it: everybody's queries, but the text of one's own alone.
pub(crate) fn table(running: &Arc<Running>, user: &str) -> Result<StreamingTable, DataFusionError> {
    let seen = Seen { running: Arc::clone(running), user: user.to_owned() };
    StreamingTable::try_new(Arc::clone(&SCHEMA), vec![Arc::new(seen)])
}

#[derive(Debug)]
struct Seen {
    running: Arc<Running>,
    user: String,
}

impl PartitionStream for Seen {
    fn schema(&self) -> &SchemaRef {
        &SCHEMA
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batch = self.running.batch(&self.user).map_err(DataFusionError::from);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&SCHEMA), futures::stream::iter([batch])))
    }
}
