//! Drivers and browsers that are killed, hang, or are no longer needed: nothing is lost, and no process is left.

use super::stage::{
    Collected, Family, TURN, busy_creator, client, config, poll, sandbox, signal, skipped, source, state, visible,
};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tidelake_connectors::browser::{BrowserConfig, BrowserSource};
use tidelake_connectors::{Fault, FaultClass, Source, StopReason};
use tidelake_sandbox::{Endpoint, Sandbox};

/// Polls to the end of the cycle.
async fn finish(source: &BrowserSource, mut at: Value, collected: &mut Collected) {
    for polls in 0.. {
        let page = poll(source, Some(&at)).await.expect("another browser");
        collected.take(&page);
        let Some(next) = state(&page) else { return };
        assert!(next["answers"].as_u64() > at["answers"].as_u64(), "every poll goes on: {next} after {at}");
        assert!(polls < 20, "{next}");
        at = next;
    }
}

fn assert_complete(collected: &Collected, sandbox: &Sandbox) {
    let found: HashSet<_> = collected.videos.keys().copied().collect();
    assert_eq!(found, visible(sandbox, &busy_creator(sandbox)));
    let events: HashSet<_> = collected.videos.values().collect();
    assert_eq!(events.len(), found.len(), "one event per video");
}

/// Reads a part of a profile, lets something happen to the processes, and expects the next poll to fail; then reads the
/// rest.
async fn interrupted(change: BrowserConfig, happens: impl FnOnce(&Family), says: (&str, &str)) {
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let change = BrowserConfig { base_url: sandbox.base_url(), ..change };
    let client = client(change);
    let source = source(&client, &json!({"kind": "user", "handles": [busy_creator(&sandbox).handle]}));
    let first = poll(&source, None).await.expect("a page");
    let mut collected = Collected::default();
    collected.take(&first);
    let at = state(&first).expect("there is more");
    assert_eq!((at["answers"].as_u64(), at["seen"].as_u64()), (Some(3), Some(90)), "{at}");
    let cursor = at["cursor"].as_str().and_then(|cursor| cursor.parse::<i64>().ok());
    assert!(cursor.is_some_and(|millis| millis > 1_700_000_000_000), "{at}");

    let family = Family::of(&client).await;
    happens(&family);
    let fault: Fault = poll(&source, Some(&at)).await.expect_err("it is gone");
    assert_eq!((fault.class, fault.operation.as_str()), (FaultClass::Transient, "browser session"), "{fault}");
    assert!(fault.message.contains(says.0) && fault.action.contains(says.1), "{fault}");

    finish(&source, at, &mut collected).await;
    assert_complete(&collected, &sandbox);
    assert_eq!(collected.repeated, 90, "what had been read is read again, under the same ids");
    let later = Family::of(&client).await;
    if later.driver() != family.driver() {
        family.has_ended().await;
    }
    drop((source, client));
    later.has_ended().await;
}

#[tokio::test]
async fn a_driver_that_is_killed_loses_nothing() {
    if skipped() {
        return;
    }
    let kill = |family: &Family| signal("KILL", family.driver());
    interrupted(config(""), kill, ("chromedriver is gone", "started again")).await;
}

#[tokio::test]
async fn a_browser_that_is_killed_loses_nothing() {
    if skipped() {
        return;
    }
    let kill = |family: &Family| signal("KILL", family.browser().expect("a browser"));
    interrupted(config(""), kill, ("the browser is gone", "another one is started")).await;
}

#[tokio::test]
async fn a_driver_that_hangs_is_replaced() {
    if skipped() {
        return;
    }
    let stop = |family: &Family| signal("STOP", family.driver());
    let hasty = BrowserConfig { page_timeout: Duration::from_secs(5), ..config("") };
    interrupted(hasty, stop, ("chromedriver does not answer", "ended and started again")).await;
}

#[tokio::test]
async fn a_driver_that_is_killed_in_the_middle_of_a_poll_loses_nothing() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let client = client(BrowserConfig { answers_per_poll: 100, ..config(&sandbox.base_url()) });
    let source = source(&client, &json!({"kind": "user", "handles": [busy_creator(&sandbox).handle]}));
    let killing = async {
        let begun = Instant::now();
        while sandbox.stats().requests.get(&Endpoint::ItemList).is_none_or(|asked| *asked < 4) {
            assert!(begun.elapsed() < Duration::from_secs(60), "no list was asked for");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let family = Family::of(&client).await;
        signal("KILL", family.driver());
        family
    };
    let (page, family) = tokio::join!(poll(&source, None), killing);
    let page = page.expect("what had been read by then");
    assert_eq!(page.ledger.stop_reason, StopReason::Fault);
    assert!(
        page.ledger.fault.as_deref().is_some_and(|told| told.contains("chromedriver is gone")),
        "{:?}",
        page.ledger
    );
    let mut collected = Collected::default();
    collected.take(&page);
    assert!((1..300).contains(&collected.videos.len()), "{}", collected.videos.len());
    finish(&source, state(&page).expect("there is more"), &mut collected).await;
    assert_complete(&collected, &sandbox);
    family.has_ended().await;
}

#[tokio::test]
async fn another_process_goes_on() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let task = json!({"kind": "user", "handles": [busy_creator(&sandbox).handle]});
    let (mut collected, mut at) = (Collected::default(), None);
    for _ in 0..2 {
        // Each with browsers of its own, which end with it, in the middle of a page.
        let client = client(config(&sandbox.base_url()));
        let page = poll(&source(&client, &task), at.as_ref()).await.expect("a page");
        collected.take(&page);
        at = state(&page);
        let family = Family::of(&client).await;
        assert!(family.browser().is_some());
        drop(client);
        family.has_ended().await;
    }
    let source = source(&client(config(&sandbox.base_url())), &task);
    finish(&source, at.expect("there is more"), &mut collected).await;
    assert_complete(&collected, &sandbox);
}

#[tokio::test]
async fn a_browser_that_nobody_uses_is_ended() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let client = client(BrowserConfig { idle_timeout: Duration::from_millis(500), ..config(&sandbox.base_url()) });
    let source = source(&client, &json!({"kind": "user", "handles": [busy_creator(&sandbox).handle]}));
    let begun = Instant::now();
    let page = poll(&source, None).await.expect("a page");
    let family = Family::of(&client).await;
    eprintln!("a poll of 3 answers took {:?}; driver and browser hold {} MB", begun.elapsed(), family.memory() >> 20);
    assert!(source.probe().await.is_ok_and(|probe| probe.summary.contains("in use")));
    // One with a page that waits, then one with none.
    for _ in 0..2 {
        while family.browser().is_some() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the browser still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while source.probe().await.expect("a browser").summary.contains("in use") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let mut collected = Collected::default();
    collected.take(&page);
    finish(&source, state(&page).expect("there is more"), &mut collected).await;
    assert_complete(&collected, &sandbox);
    assert_eq!(Family::of(&client).await.driver(), family.driver(), "the driver stays");
    drop((source, client));
    family.has_ended().await;
}
