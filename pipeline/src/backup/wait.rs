//! Until everything that stands in the log now has landed.

use crate::daemon::{Daemon, StartError};
use crate::drained::{self, Ends};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(200);

/// How far behind a wait is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Observations that are not enriched yet.
    ToEnrich(i64),
    /// Messages that have not landed yet.
    ToLand(i64),
}

/// Waits; `Err` holds what was left when time was up. What is published meanwhile is not waited for.
pub(crate) async fn until_landed(
    daemon: &Daemon,
    at_most: Duration,
    mut told: impl FnMut(Behind),
) -> Result<Result<(), Behind>, StartError> {
    let (begun, partitions) = (Instant::now(), daemon.config.layout().partitions());
    let observed = drained::observed_ends(&daemon.connection, partitions).await?;
    loop {
        match drained::to_enrich(&daemon.connection, &observed).await? {
            0 => break,
            left if begun.elapsed() > at_most => return Ok(Err(Behind::ToEnrich(left))),
            left => told(Behind::ToEnrich(left)),
        }
        tokio::time::sleep(PAUSE).await;
    }
    // Asked only now: what was enriched of those is below.
    let ends: Ends = drained::landed_ends(&daemon.connection, partitions).await?;
    loop {
        match drained::to_land(&daemon.lake, &ends).await? {
            0 => return Ok(Ok(())),
            left if begun.elapsed() > at_most => return Ok(Err(Behind::ToLand(left))),
            left => told(Behind::ToLand(left)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
