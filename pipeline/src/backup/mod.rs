//! What a backup knows of the log, and how a fresh log is made of it.
//!
//! Tables are copied by [`tidelake_sinks::backup`]. They hold what was landed and how far the log was read; what the log
//! alone knows – tasks, cursors, budgets, baselines – is a [`state::LogState`]. The two are taken so that together they are
//! a state in which the process might have been killed:
//!
//! 1. the next offsets of the landed topics are noted (`before`),
//! 2. then the cursors are read. A cursor says that the pages before it were published, so
//! 3. everything that stood in the topics when they had been read is waited for ([`wait`]) until it has landed,
//! 4. and only then are the tables copied: they hold every record that a cursor speaks of.
//!
//! Tables also hold records that came after. Of a cycle that a cursor knows as running they are recognised by their ids
//! when its pages are polled again. Those of later cycles are not: they would be published a second time, under the same
//! ids. Their offsets are not below `before`, and their cycle is above their cursor's; [`beyond`] takes them out.
//!
//! A fresh log begins at offset 0. So positions in the tables are set to its ends, the lineages and epochs of the old log
//! are forgotten, it is noted which rows stand in that one ([`tidelake_sinks::lake::earlier`]), and each lane is planted ([`crate::roles::collect::plant`]): claimed anew, with the ids of running cycles
//! before the tables' positions – where a collector that takes the lane over looks for what was published already – and the
//! cursors after them.

pub(crate) mod beyond;
pub(crate) mod restore;
pub(crate) mod state;
pub(crate) mod wait;
