use super::*;
use std::collections::BTreeSet;

fn fault(class: Class) -> ClientFault {
    ClientFault::new(class, Route::Oembed, "oembed", "https://host/".into(), "HTTP 418")
}

#[test]
fn every_class_says_what_happened_and_what_to_do() {
    let names: BTreeSet<_> = Class::ALL.iter().map(|class| class.name()).collect();
    assert_eq!(names.len(), Class::ALL.len());
    for class in Class::ALL {
        let context = fault(class).context;
        assert!(!context.message.ends_with('.') && context.message.len() > 10, "{class}");
        assert!(!context.recovery.is_empty() && !context.actions.is_empty(), "{class}");
        assert!(context.actions.iter().all(|action| action.ends_with('.')), "{class}");
        assert_eq!(serde_json::to_value(class).expect("JSON"), class.name());
    }
}

#[test]
fn conversion_keeps_what_matters() {
    use source::FaultClass::{Auth, Blocked, Format, Limited, Request, Transient};
    for (class, expected) in [
        (Class::Server, Transient),
        (Class::Captcha, Blocked),
        (Class::CircuitOpen, Transient),
        (Class::Resting, Blocked),
        (Class::Quota, Limited),
        (Class::AuthExpired, Auth),
        (Class::Deleted, Request),
        (Class::Policy, Request),
        (Class::FormatDrift, Format),
    ] {
        let ours = ClientFault { retry_at: Some(Timestamp(5)), requests: 3, ..fault(class) };
        let theirs = source::Fault::from(ours);
        assert_eq!((theirs.class, theirs.retry_at, theirs.requests), (expected, Some(Timestamp(5)), 3));
        assert_eq!(theirs.kind(), class);
        assert!(theirs.message.ends_with("HTTP 418") && theirs.action.ends_with('.'), "{theirs}");
    }
}

#[test]
fn long_texts_are_cut() {
    let long = ClientFault::new(Class::Server, Route::Oembed, "o", String::new(), &"ä".repeat(999));
    assert_eq!(long.context.details.chars().count(), 300);
}

#[test]
fn serialised_it_is_flat() {
    let json = serde_json::to_value(fault(Class::Waf)).expect("JSON");
    assert_eq!(
        (&json["class"], &json["route"], &json["details"]),
        (&"waf".into(), &"oembed".into(), &"HTTP 418".into())
    );
    assert_eq!(json["recovery"][0], "next_route");
}
