//! Leases on the embedded broker: several processes' lenders at once.

use super::*;
use crate::log::embedded::Embedded;
use crate::log::topics::{self, Layout};
use std::time::Duration;
use tidelake_connectors::client::budget::{Budget, BudgetConfig, Priority};

const KEY: &str = "research-api/5f0c2e9a41d7/requests";

struct Broker {
    broker: Embedded,
    _dir: tempfile::TempDir,
}

impl Broker {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let broker = Self { broker: Embedded::start(dir.path(), None).await.expect("starts"), _dir: dir };
        let layout = Layout { lanes: 1, replication: 1, retention: Duration::from_secs(3600) };
        topics::ensure(&broker.connection(), &layout).await.expect("topics");
        broker
    }

    fn connection(&self) -> Connection {
        Connection::new(self.broker.bootstrap(), BTreeMap::new())
    }

    /// Another process.
    fn lender(&self) -> Arc<TopicLender> {
        Arc::new(TopicLender::new(self.connection()))
    }

    fn budget(&self, daily: u32, reserve: f64) -> Budget {
        Budget::new(BudgetConfig { reserve, ..BudgetConfig::new(daily) }, KEY.into(), self.lender())
    }

    async fn day(&self) -> BudgetDay {
        let connection = self.connection();
        let read = tokio::task::spawn_blocking(move || budgets_of(&connection, |_| now().date())).await;
        read.expect("no panic").expect("reads").remove(KEY).unwrap_or_default()
    }
}

fn wish(amount: u32, share: u32) -> Wish {
    Wish { key: KEY.into(), day: now().date(), amount, share, daily: 100 }
}

async fn spend_all(budget: &Budget, priority: Priority, times: usize) -> usize {
    let mut spent = 0;
    while spent < times && budget.take(priority, now()).await.is_ok() {
        spent += 1;
    }
    spent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_together_never_exceed_the_quota() {
    let broker = Broker::start().await;
    let processes: Vec<Budget> = (0..4).map(|_| broker.budget(60, 0.1)).collect();
    let normal = futures::future::join_all(processes.iter().map(|p| spend_all(p, Priority::Normal, 100))).await;
    assert_eq!(normal.iter().sum::<usize>(), 54, "{normal:?}");
    let high = futures::future::join_all(processes.iter().map(|p| spend_all(p, Priority::High, 100))).await;
    assert_eq!(high.iter().sum::<usize>(), 6, "{high:?}");
    let day = broker.day().await;
    assert_eq!((day.book.taken(), day.daily, day.book.is_closed()), (60, 60, false));
    assert!(day.pace.per_hour(now()) > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_survives_processes_that_die_and_gets_back_from_those_that_end() {
    let broker = Broker::start().await;
    let mut spent = 0;
    for _ in 0..3 {
        // Leases of 2: the fourth is cut in half by the end of its process.
        spent += spend_all(&broker.budget(1000, 0.0), Priority::Normal, 7).await;
    }
    assert_eq!((spent, broker.day().await.book.taken()), (21, 24));
    let orderly = broker.budget(1000, 0.0);
    spent += spend_all(&orderly, Priority::Normal, 7).await;
    orderly.give_back(now()).await.expect("given back");
    assert_eq!((spent, broker.day().await.book.taken()), (28, 31));
    let told = broker.budget(1000, 0.0);
    told.close(now()).await;
    assert_eq!(spend_all(&broker.budget(1000, 0.0), Priority::High, 5).await, 0, "the day is closed for everybody");
    assert!(broker.day().await.book.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_nobody_waited_for_is_not_lost() {
    let broker = Broker::start().await;
    let lender = broker.lender();
    assert_eq!(lender.lend(&wish(5, 90)).await, Ok(Lease { granted: 5, taken: 5, closed: false }));
    // Whoever asked has gone away in the middle of it.
    let entry = BudgetEntry {
        key: KEY.into(),
        day: now().date().to_string(),
        amount: 7,
        share: 90,
        daily: 100,
        ..BudgetEntry::default()
    };
    lender.append(entry).await.expect("appended");
    assert_eq!(lender.lend(&wish(5, 90)).await, Ok(Lease { granted: 7, taken: 12, closed: false }));
    assert_eq!(broker.lender().lend(&wish(500, 90)).await, Ok(Lease { granted: 78, taken: 90, closed: false }));
    let before = lender.lend(&wish(1, 90)).await.expect("an answer");
    assert_eq!((before.granted, lender.lend(&wish(1, 91)).await.expect("an answer").granted), (0, 1));
    let tomorrow = Wish { day: now().date() + Days::new(1), ..wish(1, 90) };
    assert_eq!(lender.lend(&tomorrow).await.expect("an answer").granted, 1);
}
