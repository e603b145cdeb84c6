//! Routes at work, with sources that are scripted.

use super::*;
use async_trait::async_trait;
use serde_json::Value;
use tidelake_connectors::client::ClientFault;
use tidelake_connectors::{Capabilities, CycleContext, FaultClass, Page, Probe};

struct Named(&'static str);

#[async_trait]
impl Source for Named {
    fn capabilities(&self) -> Capabilities {
        Capabilities { connector: self.0, routes: &["r"], zone: "web", repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        Err(Fault::new(FaultClass::Request, "probe", "not here", "Do not ask."))
    }

    async fn poll(&self, _: &CycleContext, _: Option<&Value>) -> Result<Page, Fault> {
        Ok(Page::default())
    }
}

pub(in super::super) fn routes(names: &[&'static str]) -> Routes {
    let mut routes = Routes::one(Box::new(Named(names[0])));
    names[1..].iter().for_each(|name| routes.then(Box::new(Named(name))));
    routes
}

fn fault(class: Class, retry_at: Option<Timestamp>) -> Fault {
    let fault = ClientFault::new(class, Route::Web, "web video", "https://www.tiktok.com/".into(), "a sign");
    ClientFault { retry_at, ..fault }.into()
}

#[test]
fn a_block_takes_the_next_official_route_and_never_a_browser() {
    let until = now().plus_secs(6 * 3600);
    for class in [Class::Captcha, Class::Waf, Class::LoginWall, Class::EmptyAnswer, Class::Resting, Class::Forbidden] {
        let mut routes = routes(&["web", "browser", "oembed"]);
        let mut cursor = Cursor::default();
        let reaction = routes.react(&fault(class, Some(until)), 1, &mut cursor);
        assert_eq!((reaction.decision, routes.connector()), (Decision::Next(Route::Oembed), "oembed"), "{class}");
        assert_eq!(cursor.rests, [RouteRest { connector: "web".into(), until }]);
        assert!(reaction.told.starts_with("Going on by oembed; web rests until "), "{}", reaction.told);

        let mut pages = self::routes(&["web", "browser"]);
        let reaction = pages.react(&fault(class, Some(until)), 1, &mut Cursor::default());
        assert_eq!((reaction.decision, reaction.resume_at), (Decision::Wait, until), "{class}");
        assert_eq!(pages.connector(), "web");
    }
}

#[test]
fn trouble_is_asked_again_and_then_gone_around() {
    let mut routes = routes(&["web", "browser"]);
    let mut cursor = Cursor::default();
    for faults in 1..POLLS {
        let reaction = routes.react(&fault(Class::Server, None), faults, &mut cursor);
        assert_eq!((reaction.decision, routes.connector()), (Decision::Retry, "web"));
    }
    let reaction = routes.react(&fault(Class::Server, None), POLLS, &mut cursor);
    assert_eq!((reaction.decision, routes.connector()), (Decision::Next(Route::Browser), "browser"));
    // Nothing is left: the last route waits.
    let reaction = routes.react(&fault(Class::Server, None), POLLS, &mut cursor);
    assert_eq!((reaction.decision, routes.connector()), (Decision::Wait, "browser"));
}

#[test]
fn limits_are_waited_for_and_people_are_asked() {
    let mut routes = routes(&["research-api", "oembed"]);
    let midnight = now().plus_secs(5000);
    let mut act = |class, at| routes.react(&fault(class, at), 1, &mut Cursor::default()).decision;
    assert_eq!(act(Class::Quota, Some(midnight)), Decision::Wait);
    assert_eq!(act(Class::Tls, None), Decision::Stop);
    assert_eq!(act(Class::Deleted, None), Decision::Accept);
    assert_eq!(act(Class::AuthExpired, None), Decision::Next(Route::Oembed));
    assert!(pause(Decision::Stop, 1) == MEND && pause(Decision::Stop, 99) == MEND_MAX);
    assert!(pause(Decision::Retry, 99) == BACKOFF);
}

#[test]
fn a_route_that_rests_is_passed_over_and_preferred_again_afterwards() {
    let rest = |connector: &str, seconds: i64| RouteRest {
        connector: connector.into(),
        until: Timestamp(now().0 + seconds * 1_000_000),
    };
    let mut routes = routes(&["web", "oembed", "short-link"]);
    routes.begin(&[rest("web", 60)]);
    assert_eq!(routes.connector(), "oembed");
    routes.begin(&[rest("web", -60)]);
    assert_eq!(routes.connector(), "web");
    let all = [rest("web", 60), rest("oembed", 30), rest("short-link", 90)];
    routes.begin(&all);
    assert_eq!(routes.connector(), "oembed");
    assert_eq!(routes.all_rest_until(&all), Some(all[1].until));
    assert_eq!(routes.all_rest_until(&all[..2]), None);
    assert!(routes.resume("short-link") && routes.connector() == "short-link");
    assert!(!routes.resume("browser") && routes.connector() == "web");
    let mut cursor = Cursor { rests: vec![rest("oembed", 60), rest("short-link", -1)], ..Cursor::default() };
    let reaction = routes.react(&fault(Class::Captcha, None), 1, &mut cursor);
    assert_eq!(reaction.decision, Decision::Next(Route::ShortLink));
    assert_eq!(cursor.rests.len(), 2, "{:?}", cursor.rests);
}
