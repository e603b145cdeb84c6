use super::Priority::{High, Normal};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;

/// 2024-01-05T23:00:00Z.
const EVENING: Timestamp = Timestamp(1_704_495_600_000_000);

fn spend(budget: &Budget, priority: Priority, now: Timestamp) -> bool {
    budget.take(priority, now).map(Charge::keep).is_ok()
}

fn budget(daily: u32, reserve: f64) -> Budget {
    Budget::new(BudgetConfig { reserve, ..BudgetConfig::new(daily) })
}

#[test]
fn a_new_day_is_a_new_budget() {
    let budget = budget(2, 0.0);
    assert_eq!([EVENING; 3].map(|now| spend(&budget, Normal, now)), [true, true, false]);
    let midnight = reset_after(EVENING);
    assert_eq!(midnight.to_string(), "2024-01-06T00:00:00Z");
    assert!(!spend(&budget, Normal, Timestamp(midnight.0 - 1)));
    assert!(spend(&budget, Normal, midnight));
    // A clock that is set back gives nothing back.
    assert!(spend(&budget, Normal, EVENING));
    assert!(!spend(&budget, Normal, EVENING));
}

#[test]
fn the_reserve_is_for_high_priority() {
    let budget = budget(10, 0.2);
    assert_eq!((0..12).filter(|_| spend(&budget, Normal, EVENING)).count(), 8);
    let exhausted = budget.take(Normal, EVENING).map(Charge::keep).expect_err("the reserve");
    assert_eq!(exhausted, Exhausted { resets_at: reset_after(EVENING), reserve_left: 2 });
    assert_eq!((0..12).filter(|_| spend(&budget, High, EVENING)).count(), 2);
}

#[test]
fn what_is_not_sent_is_given_back() {
    let budget = budget(1, 0.0);
    drop(budget.take(Normal, EVENING).expect("one is left"));
    assert_eq!((budget.snapshot(EVENING).spent, budget.snapshot(EVENING).per_hour), (0, 0.0));
    // Not to another day, though.
    let yesterday = budget.take(Normal, EVENING).expect("one is left");
    let midnight = reset_after(EVENING);
    assert!(spend(&budget, Normal, midnight));
    drop(yesterday);
    assert!(!spend(&budget, Normal, midnight));
}

#[test]
fn units_are_taken_and_given_back_together() {
    let budget = budget(250, 0.2);
    let charge = budget.take_units(100, Normal, EVENING).expect("100 of 200");
    assert_eq!(budget.snapshot(EVENING).spent, 100);
    drop(charge);
    assert_eq!(budget.snapshot(EVENING).spent, 0);
    budget.take_units(150, Normal, EVENING).expect("150 of 200").keep();
    let short = budget.take_units(100, Normal, EVENING).map(Charge::keep).expect_err("50 are left");
    assert_eq!(short.reserve_left, 100);
    budget.take_units(50, Normal, EVENING).expect("as many as are left").keep();
}

/// Google's day is the Pacific coast's, by winter and by summer.
#[test]
fn the_day_ends_at_midnight_of_the_zone() {
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
        let budget = Budget::new(BudgetConfig { zone, ..BudgetConfig::new(1) });
        let (now, reset) = (instant(now), instant(reset));
        assert!(spend(&budget, Normal, now));
        let empty = budget.take(Normal, Timestamp(reset.0 - 1)).map(Charge::keep).expect_err("the same day");
        assert_eq!((empty.resets_at, budget.snapshot(now).resets_at), (reset, reset));
        assert!(spend(&budget, Normal, reset), "{reset}");
    }
    // Where summer time begins at midnight, the day begins at one.
    let budget = Budget::new(BudgetConfig { zone: Tz::Africa__Cairo, ..BudgetConfig::new(1) });
    assert_eq!(budget.resets_at(instant("2026-04-23T12:00:00Z")), instant("2026-04-23T22:00:00Z"));
}

#[test]
fn a_restart_goes_on() {
    let before = budget(5, 0.0);
    (0..4).for_each(|_| assert!(spend(&before, Normal, EVENING)));
    let kept = serde_json::to_string(&before.state(EVENING)).expect("JSON");
    assert!(kept.contains("\"2024-01-05\""), "{kept}");
    let after = budget(5, 0.0);
    after.restore(serde_json::from_str(&kept).expect("a state"));
    assert_eq!(after.snapshot(EVENING), before.snapshot(EVENING));
    assert_eq!((0..9).filter(|_| spend(&after, Normal, EVENING)).count(), 1);
    // A kept day in the far future is a broken clock.
    after.restore(BudgetState { day: NaiveDate::MAX, spent: 5, ..BudgetState::default() });
    assert!(spend(&after, Normal, EVENING));
}

#[test]
fn the_forecast() {
    let budget = budget(100, 0.1);
    assert!(budget.snapshot(EVENING).enough);
    let start = EVENING.plus_secs(-2 * 3600);
    (0..20).for_each(|n| assert!(spend(&budget, Normal, start.plus_secs(n * 60))));
    let now = start.plus_secs(19 * 60);
    let snapshot = budget.snapshot(now);
    assert_eq!((snapshot.spent, snapshot.left, snapshot.left_normal, snapshot.reserve), (20, 80, 70, 10));
    assert_eq!(snapshot.per_hour, 60.0);
    assert_eq!(snapshot.empty_at, Some(now.plus_secs(80 * 60)));
    assert!(!snapshot.enough);
    // An hour of silence later, nothing says that it will be empty.
    assert!(budget.snapshot(now.plus_secs(3600)).enough);
    budget.exhaust(now);
    assert_eq!(budget.snapshot(now).empty_at, Some(now));
}

#[test]
fn how_many_days_a_job_takes() {
    let quota = budget(1000, 0.0);
    assert_eq!(quota.days_for(2340, Normal, EVENING), Some(3));
    assert_eq!(quota.days_for(0, Normal, EVENING), Some(0));
    quota.charge(900, EVENING);
    assert_eq!([100, 101, 1100, 1101].map(|n| quota.days_for(n, Normal, EVENING)), [1, 2, 2, 3].map(Some));
    assert_eq!(budget(10, 1.0).days_for(1, Normal, EVENING), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_never_spend_more() {
    let budget = Arc::new(budget(200, 0.25));
    let tasks = (0..64).map(|n| {
        let budget = Arc::clone(&budget);
        tokio::spawn(async move {
            let mut kept = 0;
            for step in 0..20 {
                let Ok(charge) = budget.take(if n % 2 == 0 { High } else { Normal }, EVENING) else { break };
                tokio::task::yield_now().await;
                if (n + step) % 3 == 0 {
                    drop(charge);
                } else {
                    charge.keep();
                    kept += 1;
                }
            }
            kept
        })
    });
    let kept: u32 = futures::future::join_all(tasks).await.into_iter().map(|kept| kept.expect("a count")).sum();
    assert_eq!(budget.snapshot(EVENING).spent, kept);
    assert!(kept <= 200);
}

proptest! {
    #[test]
    fn never_more_than_the_day_has(
        daily in 0u32..50,
        reserve in 0.0f64..1.0,
        steps in prop::collection::vec((any::<bool>(), any::<bool>(), 0i64..20_000), 0..200),
    ) {
        let budget = budget(daily, reserve);
        let mut now = EVENING;
        let mut spent = std::collections::HashMap::<NaiveDate, u32>::new();
        for (high, keep, wait) in steps {
            now = now.plus_secs(wait);
            let Ok(charge) = budget.take(if high { High } else { Normal }, now) else { continue };
            if keep {
                charge.keep();
                *spent.entry(now.date()).or_default() += 1;
            }
        }
        prop_assert!(spent.values().all(|spent| *spent <= daily));
        prop_assert!(budget.state(now).recent.len() <= 61);
    }
}
