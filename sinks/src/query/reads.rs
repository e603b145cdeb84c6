//! What a query reads, without running it.

use super::{Binds, Engine, QueryError, current};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use std::collections::BTreeMap;

impl Engine {
    /// Whether there is a table at all.
    pub fn has_tables(&self) -> bool {
        !self.loaded().tables.is_empty()
    }

    /// The tables that a query reads, also through views, and the versions it sees of them.
    ///
    /// # Errors
    /// [`QueryError`], as [`Engine::sql`].
    pub async fn reads(&self, query: &str) -> Result<BTreeMap<String, u64>, QueryError> {
        let loaded = self.loaded();
        let explain = |error: DataFusionError| loaded.explain(error);
        let plan = self.plan(&loaded, query, &Binds::default()).await?;
        let mut versions = BTreeMap::new();
        let mut note_table = |name: &str| {
            if let Some((name, table)) = loaded.tables.get_key_value(name) {
                versions.insert((*name).to_owned(), table.version().unwrap_or(0));
            }
        };
        // Where a view stands, planning leaves its name as an alias. Those of the newest rows are read from tables that bear
        // other names in plans.
        let mut note = |name: &str| match current::served_by(name) {
            Some(which) => [which.source(), which.table()].into_iter().for_each(&mut note_table),
            None => note_table(name),
        };
        let walked = plan.apply_with_subqueries(|node| {
            match node {
                LogicalPlan::TableScan(scan) => note(scan.table_name.table()),
                LogicalPlan::SubqueryAlias(alias) => note(alias.alias.table()),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        walked.map_err(explain)?;
        Ok(versions)
    }
}
