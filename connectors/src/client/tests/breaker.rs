use super::*;

const TROUBLE: Outcome<'_> = Outcome::Trouble("server: HTTP 500");

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn tell(breaker: &Breaker, outcome: Outcome<'_>, now: Instant) {
    breaker.admit(now).expect("admitted").settle(outcome, now);
}

fn state(breaker: &Breaker, now: Instant) -> BreakerSnapshot {
    breaker.snapshot(&Clock::new(|| Timestamp(0)), now)
}

fn tripped(now: Instant) -> Breaker {
    let breaker = Breaker::new(BreakerConfig::default(), now);
    (0..5).for_each(|_| tell(&breaker, TROUBLE, now));
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_a_probe_closes_it() {
    let start = Instant::now();
    let breaker = tripped(start);
    let rejected = breaker.admit(start).expect_err("open");
    assert_eq!(rejected, Rejected { until: start + secs(30), reason: "server: HTTP 500".into(), refused: false });
    let snapshot = state(&breaker, start);
    assert_eq!((snapshot.state, snapshot.next_probe), (BreakerState::Open, Timestamp::from_secs(30)));
    assert_eq!(snapshot.reason.as_deref(), Some("server: HTTP 500"));

    let later = start + secs(30);
    let probe = breaker.admit(later).expect("a probe");
    assert_eq!(state(&breaker, later).state, BreakerState::HalfOpen);
    assert!(breaker.admit(later).is_err(), "one probe at a time");
    probe.settle(Outcome::Good, later);
    let snapshot = state(&breaker, later);
    assert_eq!((snapshot.state, snapshot.reason), (BreakerState::Closed, None));
}

#[test]
fn a_share_of_failures_opens_it() {
    let now = Instant::now();
    let breaker = Breaker::new(BreakerConfig::default(), now);
    for n in 0..9 {
        tell(&breaker, if n % 2 == 0 { TROUBLE } else { Outcome::Good }, now);
        assert_eq!(state(&breaker, now).state, BreakerState::Closed);
    }
    tell(&breaker, TROUBLE, now);
    assert_eq!(state(&breaker, now).state, BreakerState::Open);
}

#[test]
fn failed_probes_double_the_wait() {
    let mut now = Instant::now();
    let breaker = tripped(now);
    for expected in [30, 60, 120, 240, 480, 600, 600] {
        let until = breaker.admit(now).expect_err("open").until;
        assert_eq!(until - now, secs(expected));
        now = until;
        tell(&breaker, TROUBLE, now);
    }
}

#[test]
fn a_block_opens_at_once_and_for_longer() {
    let start = Instant::now();
    let breaker = Breaker::new(BreakerConfig::default(), start);
    let earlier = breaker.admit(start).expect("closed");
    let earlier_trouble = breaker.admit(start).expect("closed");
    tell(&breaker, Outcome::Blocked("captcha"), start);
    assert_eq!(breaker.admit(start).expect_err("open").until, start + secs(7200));
    // What was under way does not shorten or lengthen it.
    earlier.settle(Outcome::Good, start);
    earlier_trouble.settle(TROUBLE, start);
    assert_eq!(breaker.admit(start).expect_err("open").until, start + secs(7200));
    let later = start + secs(7200);
    tell(&breaker, Outcome::Blocked("captcha"), later);
    assert_eq!(breaker.admit(later).expect_err("open").until, later + secs(14_400));
}

#[test]
fn a_block_outlasts_an_opening_by_failures() {
    let start = Instant::now();
    let breaker = Breaker::new(BreakerConfig::default(), start);
    let earlier = breaker.admit(start).expect("closed");
    (0..5).for_each(|_| tell(&breaker, TROUBLE, start));
    earlier.settle(Outcome::Blocked("waf"), start);
    assert_eq!(state(&breaker, start).reason.as_deref(), Some("waf"));
    assert_eq!(breaker.admit(start).expect_err("open").until, start + secs(7200));
}

#[test]
fn a_dropped_or_neutral_probe_makes_room_for_the_next() {
    let start = Instant::now();
    let breaker = tripped(start);
    let later = start + secs(30);
    drop(breaker.admit(later).expect("a probe"));
    tell(&breaker, Outcome::Neutral, later);
    assert_eq!(state(&breaker, later).state, BreakerState::HalfOpen);
    tell(&breaker, Outcome::Good, later);
    assert_eq!(state(&breaker, later).state, BreakerState::Closed);
}

#[test]
fn neutral_outcomes_do_not_open_it() {
    let now = Instant::now();
    let breaker = Breaker::new(BreakerConfig::default(), now);
    (0..50).for_each(|_| tell(&breaker, Outcome::Neutral, now));
    assert_eq!(state(&breaker, now).state, BreakerState::Closed);
}
