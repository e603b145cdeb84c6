//! Deletes a topic from tansu's SQLite store. Tansu's own deletion (0.6.0, `topic_delete_by.sql`) takes all the other
//! topics of the cluster along.

use libsql::{Builder, TransactionBehavior};
use std::path::Path;
use std::time::Duration;
use tansu_storage::Error;
use uuid::Uuid;

/// How long tansu's own writes are waited for.
const BUSY: Duration = Duration::from_secs(10);
/// The tables that say something of partitions. Those of transactions are empty: there are none.
const OF_PARTITIONS: [&str; 5] = ["header", "record", "watermark", "consumer_offset", "producer_detail"];

/// Deletes a topic and all that is said of it, in one transaction.
///
/// # Errors
///
/// SQLite failed, or was kept busy for too long; nothing is deleted then.
pub(super) async fn delete(database: &Path, topic: Uuid) -> Result<(), Error> {
    let connection = Builder::new_local(database).build().await?.connect()?;
    connection.busy_timeout(BUSY)?;
    // All that refers to the topic goes with it, and to check that would read every header for every record.
    connection.execute("pragma foreign_keys = off", ()).await?;
    let id = topic.to_string();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).await?;
    for table in OF_PARTITIONS {
        let partitions = "select p.id from topition p join topic t on t.id = p.topic where t.uuid = ?1";
        let sql = format!("delete from {table} where topition in ({partitions})");
        transaction.execute(&sql, [id.as_str()]).await?;
    }
    for table in ["topic_configuration", "topition"] {
        let sql = format!("delete from {table} where topic in (select id from topic where uuid = ?1)");
        transaction.execute(&sql, [id.as_str()]).await?;
    }
    transaction.execute("delete from topic where uuid = ?1", [id.as_str()]).await?;
    Ok(transaction.commit().await?)
}
