use super::super::lease::Book;
use super::Priority::{High, Normal};
use super::*;
use proptest::prelude::*;

/// 2024-01-05T23:00:00Z.
const EVENING: Timestamp = Timestamp(1_704_495_600_000_000);

async fn spend(budget: &Budget, priority: Priority, now: Timestamp) -> bool {
    budget.take(priority, now).await.is_ok()
}

/// Spends as often as asked, or as long as there is something; how often.
async fn spend_all(budget: &Budget, priority: Priority, now: Timestamp, times: usize) -> usize {
    let mut spent = 0;
    while spent < times && spend(budget, priority, now).await {
        spent += 1;
    }
    spent
}

fn config(daily: u32, reserve: f64) -> BudgetConfig {
    BudgetConfig { reserve, ..BudgetConfig::new(daily) }
}

fn budget(daily: u32, reserve: f64) -> Budget {
    Budget::alone(config(daily, reserve))
}

/// Another process with the same credential, or the same one after a restart.
fn sharing(daily: u32, reserve: f64, lender: &Arc<LocalLender>) -> Budget {
    Budget::new(config(daily, reserve), "research-api/ab12/requests".into(), Arc::clone(lender) as Arc<dyn Lender>)
}

#[tokio::test]
async fn a_new_day_is_a_new_budget() {
    let budget = budget(2, 0.0);
    assert_eq!(spend_all(&budget, Normal, EVENING, 9).await, 2);
    let midnight = reset_after(EVENING);
    assert_eq!(midnight.to_string(), "2024-01-06T00:00:00Z");
    assert!(!spend(&budget, Normal, Timestamp(midnight.0 - 1)).await);
    assert!(spend(&budget, Normal, midnight).await);
    // A clock that is set back gives nothing back.
    assert!(spend(&budget, Normal, EVENING).await);
    assert!(!spend(&budget, Normal, EVENING).await);
}

#[tokio::test]
async fn the_reserve_is_for_high_priority() {
    let budget = budget(10, 0.2);
    assert_eq!(spend_all(&budget, Normal, EVENING, 12).await, 8);
    let denied = budget.take(Normal, EVENING).await.expect_err("the reserve");
    assert_eq!(denied, Denied::Exhausted { resets_at: reset_after(EVENING), reserve_left: 2 });
    assert_eq!(spend_all(&budget, High, EVENING, 12).await, 2);
    assert_eq!(config(1, 0.9).share(Normal), 1, "no reserve without a whole request in it");
}

#[tokio::test]
async fn a_restart_goes_on_and_wastes_less_than_a_lease() {
    let lender = Arc::default();
    let mut spent = 0;
    // Five processes that die in the middle of a lease of two, and one that lives.
    for _ in 0..5 {
        let dies = sharing(1000, 0.0, &lender);
        spent += spend_all(&dies, Normal, EVENING, 101).await;
    }
    let lives = sharing(1000, 0.0, &lender);
    spent += spend_all(&lives, Normal, EVENING, 1000).await;
    assert_eq!(spent, 995);
    assert_eq!((lives.snapshot(EVENING).spent, lives.snapshot(EVENING).left), (1000, 0));
}

#[tokio::test]
async fn units_are_taken_together() {
    let budget = budget(250, 0.2);
    budget.take_units(150, Normal, EVENING).await.expect("150 of 200");
    assert_eq!(budget.snapshot(EVENING).spent, 150);
    let short = budget.take_units(100, Normal, EVENING).await.expect_err("50 are left");
    assert!(matches!(short, Denied::Exhausted { reserve_left: 100, .. }), "{short:?}");
    budget.take_units(50, Normal, EVENING).await.expect("as many as are left");
    budget.take_units(50, High, EVENING).await.expect("the reserve");
    assert!(!spend(&budget, High, EVENING).await);
}

/// Google's day is the Pacific coast's, by winter and by summer.
#[tokio::test]
async fn the_day_ends_at_midnight_of_the_zone() {
    let instant = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant"));
    for (now, reset) in [
        ("2026-01-05T07:59:59Z", "2026-01-05T08:00:00Z"),
        ("2026-01-05T08:00:00Z", "2026-01-06T08:00:00Z"),
        ("2026-07-05T12:00:00Z", "2026-07-06T07:00:00Z"),
        // The clocks go forward in the night to the 8th of March, and back in that to the 1st of November.
        ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
        ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"),
    ] {
        let zone = Tz::America__Los_Angeles;
        let budget = Budget::alone(BudgetConfig { zone, ..BudgetConfig::new(1) });
        let (now, reset) = (instant(now), instant(reset));
        assert!(spend(&budget, Normal, now).await);
        let empty = budget.take(Normal, Timestamp(reset.0 - 1)).await.expect_err("the same day");
        assert_eq!(empty, Denied::Exhausted { resets_at: reset, reserve_left: 0 });
        assert_eq!(budget.snapshot(now).resets_at, reset);
        assert!(spend(&budget, Normal, reset).await, "{reset}");
    }
    // Where summer time begins at midnight, the day begins at one.
    let config = BudgetConfig { zone: Tz::Africa__Cairo, ..BudgetConfig::new(1) };
    assert_eq!(config.resets_at(instant("2026-04-23T12:00:00Z")), instant("2026-04-23T22:00:00Z"));
}

#[tokio::test]
async fn an_orderly_end_wastes_nothing() {
    let lender = Arc::default();
    let (first, second) = (sharing(1000, 0.01, &lender), sharing(1000, 0.01, &lender));
    assert_eq!(spend_all(&first, Normal, EVENING, 7).await + spend_all(&second, Normal, EVENING, 5).await, 12);
    first.give_back(EVENING).await.expect("given back");
    first.give_back(EVENING).await.expect("nothing left to give back");
    assert_eq!(spend_all(&second, Normal, EVENING, 2000).await, 978);
    assert_eq!(spend_all(&second, High, EVENING, 2000).await, 10);
    assert_eq!(spend_all(&first, High, EVENING, 2000).await, 0);
}

#[tokio::test]
async fn the_source_has_the_last_word_for_everyone() {
    let lender = Arc::default();
    let (told, other) = (sharing(1000, 0.5, &lender), sharing(1000, 0.5, &lender));
    assert!(spend(&told, Normal, EVENING).await && spend(&other, Normal, EVENING).await);
    told.close(EVENING).await;
    assert!(!spend(&told, High, EVENING).await);
    // The other one has a request of its lease left, and then hears of it.
    assert_eq!(spend_all(&other, High, EVENING, 9).await, 1);
    let snapshot = other.snapshot(EVENING);
    assert_eq!((snapshot.left, snapshot.enough, snapshot.empty_at), (0, false, Some(EVENING)));
    assert!(spend(&other, Normal, reset_after(EVENING)).await);
}

/// A lender that cannot be reached.
#[derive(Debug)]
struct Gone;

#[async_trait::async_trait]
impl Lender for Gone {
    async fn lend(&self, _: &Wish) -> Result<Lease, LendError> {
        Err(LendError("no broker".into()))
    }

    async fn take_back(&self, _: &str, _: NaiveDate, _: u32) -> Result<(), LendError> {
        Err(LendError("no broker".into()))
    }

    async fn close(&self, _: &str, _: NaiveDate) -> Result<(), LendError> {
        Err(LendError("no broker".into()))
    }
}

#[tokio::test]
async fn without_a_lender_nothing_is_spent() {
    let budget = budget(5, 0.0).with_lender(Arc::new(Gone));
    assert_eq!(budget.take(High, EVENING).await, Err(Denied::Unknown(LendError("no broker".into()))));
    budget.close(EVENING).await;
    assert_eq!((budget.snapshot(EVENING).spent, budget.give_back(EVENING).await), (0, Ok(())));
}

#[tokio::test]
async fn the_forecast() {
    let budget = budget(100, 0.1);
    assert!(budget.snapshot(EVENING).enough);
    let start = EVENING.plus_secs(-2 * 3600);
    for n in 0..20 {
        assert!(spend(&budget, Normal, start.plus_secs(n * 60)).await);
    }
    let now = start.plus_secs(19 * 60);
    let snapshot = budget.snapshot(now);
    assert_eq!((snapshot.spent, snapshot.left, snapshot.left_normal, snapshot.reserve), (20, 80, 70, 10));
    assert_eq!(snapshot.per_hour, 60.0);
    assert_eq!(snapshot.empty_at, Some(now.plus_secs(80 * 60)));
    assert!(!snapshot.enough);
    // An hour of silence later, nothing says that it will be empty.
    assert!(budget.snapshot(now.plus_secs(3600)).enough);
    budget.close(now).await;
    assert_eq!(budget.snapshot(now).empty_at, Some(now));
}

#[test]
fn what_comes_back_was_not_sent() {
    let mut pace = Pace::default();
    pace.add(4, EVENING);
    pace.add(2, EVENING.plus_secs(60));
    pace.take_back(3);
    assert_eq!(pace.per_hour(EVENING.plus_secs(119)), 90.0);
}

/// Lends late, so that many ask at the same time.
#[derive(Debug, Default)]
struct Slow(Mutex<Book>);

#[async_trait::async_trait]
impl Lender for Slow {
    async fn lend(&self, wish: &Wish) -> Result<Lease, LendError> {
        tokio::task::yield_now().await;
        let mut book = self.0.lock().expect("unpoisoned");
        let granted = book.lend(wish.amount, wish.share);
        Ok(book.lease(granted))
    }

    async fn take_back(&self, _: &str, _: NaiveDate, amount: u32) -> Result<(), LendError> {
        self.0.lock().expect("unpoisoned").take_back(amount);
        Ok(())
    }

    async fn close(&self, _: &str, _: NaiveDate) -> Result<(), LendError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_of_many_processes_never_spend_more() {
    let lender: Arc<dyn Lender> = Arc::new(Slow::default());
    let processes: Vec<_> =
        (0..4).map(|_| Arc::new(Budget::new(config(2000, 0.25), "k".into(), Arc::clone(&lender)))).collect();
    let tasks = (0..64).map(|n| {
        let budget = Arc::clone(&processes[n % 4]);
        tokio::spawn(async move { spend_all(&budget, if n % 8 < 4 { High } else { Normal }, EVENING, 40).await })
    });
    let spent: usize = futures::future::join_all(tasks).await.into_iter().map(|spent| spent.expect("a count")).sum();
    let rest = futures::future::join_all(processes.iter().map(|budget| spend_all(budget, High, EVENING, 2000))).await;
    assert_eq!(spent + rest.into_iter().sum::<usize>(), 2000);
}

proptest! {
    #[test]
    fn never_more_than_the_day_has(
        daily in 0u32..50,
        reserve in 0.0f64..1.0,
        steps in prop::collection::vec((any::<bool>(), 0i64..20_000), 0..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let budget = budget(daily, reserve);
        let mut now = EVENING;
        let mut spent = std::collections::HashMap::<NaiveDate, u32>::new();
        for (high, wait) in steps {
            now = now.plus_secs(wait);
            if runtime.block_on(spend(&budget, if high { High } else { Normal }, now)) {
                *spent.entry(now.date()).or_default() += 1;
            }
        }
        prop_assert!(spent.values().all(|spent| *spent <= daily));
    }
}
