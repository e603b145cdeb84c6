//! Tampering, torn writes, and every instant at which a rotation may end.

use super::files::{self, Place};
use super::*;
use proptest::prelude::*;
use std::fs;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn key(text: &str) -> VaultKey {
    VaultKey::read(text.as_bytes()).expect("a key")
}

fn name(text: &str) -> AccountName {
    text.parse().expect("a name")
}

struct Bench {
    dir: tempfile::TempDir,
    vault: Vault,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let vault = Vault::new(dir.path().join("accounts"), key(KEY));
        Self { dir, vault }
    }

    fn lock(&self) -> Locked {
        take(&self.vault)
    }

    /// An account with these versions stored one after the other.
    fn with(versions: &[&str]) -> Self {
        let bench = Self::new();
        let locked = bench.lock();
        for (at, text) in (1..).zip(versions) {
            assert_eq!(locked.store(text.as_bytes()).expect("stored"), at);
        }
        drop(locked);
        bench
    }

    fn place(&self) -> Place {
        self.vault.place(&name("anna"))
    }

    fn recovered(&self) -> Option<(u64, String)> {
        self.lock().read().expect("readable").map(text)
    }
}

/// Takes the lock. A test beside this one starts processes, and between fork and exec they hold what we held.
fn take(vault: &Vault) -> Locked {
    let mut looks = (0..1_000).map(|_| {
        std::thread::sleep(Duration::from_millis(1));
        vault.try_lock(&name("anna")).expect("a disk")
    });
    looks.find_map(|locked| locked).expect("nobody holds it")
}

fn text(stored: Stored) -> (u64, String) {
    (stored.version, String::from_utf8(stored.payload.to_vec()).expect("text"))
}

#[test]
fn what_is_stored_is_read_and_stands_nowhere_in_the_clear() {
    let bench = Bench::with(&["rft.first", "rft.second"]);
    assert_eq!(bench.recovered(), Some((2, "rft.second".into())));
    assert_eq!(bench.lock().previous().expect("readable").map(text), Some((1, "rft.first".into())));
    for entry in fs::read_dir(bench.dir.path().join("accounts")).expect("lists") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("reads");
        assert!(!bytes.windows(4).any(|part| part == b"rft."), "{}", path.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
    }
    bench.lock().confirm().expect("confirmed");
    assert!(bench.lock().previous().expect("readable").is_none());
    assert_eq!(Vault::names(&bench.dir.path().join("accounts")).expect("lists"), [name("anna")]);
    bench.lock().remove().expect("removed");
    assert_eq!(bench.recovered(), None);
    assert!(Vault::names(&bench.dir.path().join("nowhere")).expect("lists").is_empty());
}

#[test]
fn two_seals_of_the_same_differ() {
    let (key, anna) = (key(KEY), name("anna"));
    let (one, two) = (seal::seal(&key, &anna, 1, b"same"), seal::seal(&key, &anna, 1, b"same"));
    assert_ne!(one.expect("sealed"), two.expect("sealed"), "the nonce is drawn anew");
}

#[test]
fn every_changed_byte_is_noticed() {
    let (key, anna) = (key(KEY), name("anna"));
    let sealed = seal::seal(&key, &anna, 3, b"rft.x").expect("sealed");
    assert!(seal::open(&key, &anna, &sealed).is_ok());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(seal::open(&key, &anna, &changed).is_err(), "byte {at}");
        assert!(seal::open(&key, &anna, &sealed[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(seal::open(&key, &name("berta"), &sealed).map(|s| s.version), Err(Broken::Changed));
}

#[test]
fn a_file_that_was_changed_or_swapped_is_refused() {
    let bench = Bench::with(&["one"]);
    let current = bench.place().current;
    let good = fs::read(&current).expect("reads");
    let mut bad = good.clone();
    *bad.last_mut().expect("bytes") ^= 0x80;
    fs::write(&current, &bad).expect("writes");
    assert!(matches!(bench.vault.load(&name("anna")), Err(VaultError::Damaged { .. })));
    fs::write(bench.vault.place(&name("berta")).current, &good).expect("writes");
    assert!(matches!(bench.vault.load(&name("berta")), Err(VaultError::Damaged { .. })));
}

#[test]
fn a_wrong_key_is_named_and_destroys_nothing() {
    let bench = Bench::with(&["one", "two"]);
    let wrong = Vault::new(bench.dir.path().join("accounts"), key(&KEY.replace("1f", "ff")));
    let error = wrong.load(&name("anna")).expect_err("refused").to_string();
    assert!(error.contains("another key") && error.contains("key_file"), "{error}");
    let locked = take(&wrong);
    assert!(matches!(locked.read(), Err(VaultError::WrongKey { .. })));
    assert!(matches!(locked.store(b"three"), Err(VaultError::WrongKey { .. })));
    drop(locked);
    assert_eq!(bench.recovered(), Some((2, "two".into())));
}

#[test]
fn a_rotation_may_end_anywhere() {
    // Before anything was written.
    assert_eq!(Bench::with(&["one"]).recovered(), Some((1, "one".into())));
    // While the room was reserved, or in the middle of the write: any prefix of the new file.
    let bench = Bench::with(&["one"]);
    bench.lock().write_new(2, b"two").expect("written");
    let whole = fs::read(bench.place().new).expect("reads");
    for cut in 0..whole.len() {
        let bench = Bench::with(&["one"]);
        let torn = seal::seal(&key(KEY), &name("anna"), 2, b"two").expect("sealed");
        fs::write(bench.place().new, &torn[..cut]).expect("writes");
        assert_eq!(bench.recovered(), Some((1, "one".into())), "cut at {cut}");
        assert!(!bench.place().new.exists());
    }
    let reserved = Bench::with(&["one"]);
    reserved.lock().reserve(400).expect("room");
    assert_eq!(reserved.recovered(), Some((1, "one".into())));
    // The new one is complete, and has no place yet.
    assert_eq!(bench.recovered(), Some((2, "two".into())));
    assert_eq!(bench.lock().previous().expect("readable").map(text), Some((1, "one".into())));
    // The one before was moved away, and the new one is not in its place.
    let bench = Bench::with(&["one"]);
    let locked = bench.lock();
    locked.write_new(2, b"two").expect("written");
    locked.retire().expect("moved");
    drop(locked);
    assert_eq!(bench.vault.load(&name("anna")).expect("readable").map(text), Some((1, "one".into())));
    assert_eq!(bench.recovered(), Some((2, "two".into())));
    // After the last step.
    assert_eq!(Bench::with(&["one", "two"]).recovered(), Some((2, "two".into())));
}

#[test]
fn the_first_version_may_be_torn_too() {
    let bench = Bench::new();
    let locked = bench.lock();
    locked.write_new(1, b"one").expect("written");
    drop(locked);
    assert_eq!(bench.recovered(), Some((1, "one".into())));
}

#[test]
fn a_damaged_version_falls_back_to_the_one_before() {
    let bench = Bench::with(&["one", "two"]);
    fs::write(bench.place().current, b"\0\0\0\0").expect("writes");
    assert_eq!(bench.recovered(), Some((1, "one".into())));
    let locked = bench.lock();
    assert_eq!(locked.store(b"three").expect("stored"), 2);
    assert_eq!(locked.previous().expect("readable").map(text), Some((1, "one".into())), "not the damaged one");
}

#[tokio::test(start_paused = true)]
async fn one_holder_at_a_time() {
    let bench = Bench::with(&["one"]);
    let held = bench.lock();
    assert!(bench.vault.try_lock(&name("anna")).expect("a disk").is_none());
    assert!(bench.vault.try_lock(&name("berta")).expect("a disk").is_some(), "each account has its own");
    let waits = bench.vault.lock_within(&name("anna"), Duration::from_secs(1)).await;
    assert!(matches!(waits, Err(VaultError::Busy { .. })));
    drop(held);
    assert!(bench.vault.lock(&name("anna")).await.is_ok());
}

#[tokio::test]
async fn keys_from_text_and_from_commands() {
    let id = key(KEY).id;
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let spelt = [KEY.to_owned(), format!("{KEY}\n"), KEY.to_uppercase(), base64.into(), format!(" {base64}\r\n")];
    for text in spelt {
        assert_eq!(KeySource::Given(text.into()).key().await.expect("a key").id, id);
    }
    let raw: Vec<u8> = (0..32).collect();
    assert_eq!(VaultKey::read(&raw).expect("a key").id, id);
    let command = |words: &[&str]| KeySource::Command(words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(command(&["printf", "%s", base64]).key().await.expect("a key").id, id);
    for (source, why) in [
        (KeySource::Given("short".into()), "5 bytes"),
        (KeySource::Given(KEY[..32].into()), "32 bytes"),
        (KeySource::Given(KEY.replace('0', "g").into()), "64 bytes"),
        (command(&[]), "key_command is empty"),
        (command(&["/nowhere/at/all"]), "cannot be run"),
        (command(&["sh", "-c", "echo denied >&2; exit 3"]), "denied"),
    ] {
        let error = source.key().await.expect_err("no key").to_string();
        assert!(error.contains(why) && error.contains("openssl rand -hex 32"), "{error}");
    }
    assert!(!format!("{:?} {:?}", key(KEY), KeySource::Given(KEY.into())).contains("0102"));
}

#[test]
fn names_are_names_of_files() {
    for good in ["a", "anna", "anna_b.c-1", "0", &"x".repeat(64)] {
        assert!(good.parse::<AccountName>().is_ok(), "{good}");
    }
    for bad in ["", ".", "..", "a/b", "../a", "A", "ä", "-a", "_a", "a b", "a\0", &"x".repeat(65)] {
        assert!(bad.parse::<AccountName>().is_err(), "{bad}");
    }
    let place = Place::of(std::path::Path::new("d"), &name("a.account"));
    assert_ne!(place.current, Place::of(std::path::Path::new("d"), &name("a")).current);
    assert!(files::read(&place.current).expect("readable").is_none());
}

proptest! {
    #[test]
    fn any_payload_comes_back_and_any_bytes_are_survived(
        payload in proptest::collection::vec(any::<u8>(), 0..400),
        version in any::<u64>(),
        noise in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let (key, anna) = (key(KEY), name("anna"));
        let sealed = seal::seal(&key, &anna, version, &payload).expect("sealed");
        let opened = seal::open(&key, &anna, &sealed).expect("opened");
        prop_assert_eq!((opened.version, opened.payload.as_slice()), (version, payload.as_slice()));
        prop_assert!(seal::open(&key, &anna, &noise).is_err());
    }
}
