use super::*;
use proptest::prelude::*;

fn config(per_second: f64, burst: f64) -> RateConfig {
    RateConfig { per_second, burst, ..RateConfig::default() }
}

fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

#[test]
fn a_burst_then_the_rate() {
    let start = Instant::now();
    let mut bucket = Bucket::new(config(2.0, 3.0), start);
    assert_eq!([(); 4].map(|()| bucket.try_take(start).is_ok()), [true, true, true, false]);
    assert_eq!(bucket.try_take(start), Err(secs(0.5)));
    assert!(bucket.try_take(start + secs(0.5)).is_ok());
    assert!(bucket.try_take(start + secs(0.6)).is_err());
}

#[test]
fn the_rate_is_halved_once_per_event_and_grows_back() {
    let start = Instant::now();
    let mut bucket = Bucket::new(RateConfig { recovery: secs(100.0), ..config(10.0, 1.0) }, start);
    for _ in 0..5 {
        bucket.feed(Feedback::Overloaded, start);
    }
    assert_eq!(bucket.rate(), 5.0);
    bucket.feed(Feedback::Overloaded, start + secs(1.0));
    assert_eq!(bucket.rate(), 2.5);
    bucket.feed(Feedback::Answered(TICK), start + secs(26.0));
    assert!((bucket.rate() - 5.0).abs() < 1e-9);
    bucket.feed(Feedback::Answered(TICK), start + secs(500.0));
    assert_eq!(bucket.rate(), 10.0);
}

#[test]
fn the_rate_has_a_floor() {
    let start = Instant::now();
    let mut bucket = Bucket::new(RateConfig { floor: 0.1, ..config(10.0, 1.0) }, start);
    (0..20).for_each(|n| bucket.feed(Feedback::Overloaded, start + secs(f64::from(n))));
    assert_eq!(bucket.rate(), 1.0);
}

#[test]
fn slow_answers_cut_the_rate_but_one_does_not() {
    let start = Instant::now();
    let slow = RateConfig { slow: secs(1.0), percentile: 0.8, window: 5, ..config(10.0, 1.0) };
    let mut bucket = Bucket::new(slow, start);
    for took in [0.1, 0.1, 5.0, 0.1, 0.1] {
        bucket.feed(Feedback::Answered(secs(took)), start);
    }
    assert_eq!(bucket.rate(), 10.0);
    bucket.feed(Feedback::Answered(secs(5.0)), start);
    assert_eq!(bucket.rate(), 5.0);
    let snapshot = bucket.snapshot(start);
    assert_eq!((snapshot.per_second, snapshot.effective_per_second), (10.0, 5.0));
}

#[test]
fn a_pause_holds_everyone_and_is_not_followed_by_a_burst() {
    let start = Instant::now();
    let mut bucket = Bucket::new(config(1.0, 10.0), start);
    bucket.hold_until(start + secs(30.0), start);
    assert_eq!(bucket.try_take(start), Err(secs(30.0)));
    assert_eq!(bucket.snapshot(start).held_ms, 30_000);
    // A shorter pause does not end a longer one.
    bucket.hold_until(start + secs(5.0), start);
    assert!(bucket.try_take(start + secs(29.0)).is_err());
    assert!(bucket.try_take(start + secs(30.0)).is_ok());
    assert!(bucket.try_take(start + secs(30.0)).is_err());
}

#[test]
fn a_limit_only_lowers() {
    let start = Instant::now();
    let mut bucket = Bucket::new(config(2.0, 10.0), start);
    bucket.limit(5.0, start);
    assert_eq!(bucket.rate(), 2.0);
    bucket.limit(0.5, start);
    assert!(bucket.try_take(start).is_ok());
    assert_eq!(bucket.try_take(start), Err(secs(2.0)));
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_as_long_as_it_must() {
    let limiter = RateLimiter::new(config(10.0, 1.0));
    let start = Instant::now();
    for _ in 0..11 {
        limiter.acquire().await;
    }
    let took = start.elapsed();
    assert!(took >= secs(1.0) && took < secs(1.1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_a_deadline() {
    let limiter = RateLimiter::new(config(1.0, 1.0));
    limiter.acquire().await;
    let start = Instant::now();
    limiter.bucket().hold_until(start + secs(60.0), start);
    assert_eq!(limiter.acquire_by(start + secs(10.0)).await, Err(secs(60.0)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(limiter.acquire_by(start + secs(61.0)).await.is_ok());
}

proptest! {
    /// S27: in any interval no more than the burst and the rate times the interval.
    #[test]
    fn never_more_than_burst_plus_rate(steps in prop::collection::vec((0u64..2_000, any::<bool>()), 1..200)) {
        let start = Instant::now();
        let mut bucket = Bucket::new(config(3.0, 4.0), start);
        let (mut now, mut taken) = (start, 0.0);
        for (wait, overloaded) in steps {
            now += Duration::from_millis(wait);
            taken += f64::from(u8::from(bucket.try_take(now).is_ok()));
            let feedback = if overloaded { Feedback::Overloaded } else { Feedback::Answered(TICK) };
            bucket.feed(feedback, now);
            prop_assert!(taken <= 4.0 + 3.0 * (now - start).as_secs_f64() + 1e-6);
        }
    }

    /// Who waits as long as told is served.
    #[test]
    fn the_wait_is_enough(per_second in 0.01f64..1000.0, taken in 1usize..20) {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(config(per_second, 2.0), now);
        for _ in 0..taken {
            if let Err(wait) = bucket.try_take(now) {
                now += wait;
                prop_assert!(bucket.try_take(now).is_ok());
            }
        }
    }
}
