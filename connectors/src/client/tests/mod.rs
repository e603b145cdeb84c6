//! The client against a server that answers from a script.

mod faults;
mod flow;
pub(super) mod server;

use super::breaker::BreakerConfig;
use super::rate::RateConfig;
use super::retry::RetryConfig;
use super::{Acknowledgement, ClientConfig, Clock, HttpClient, Profile, Request, Route};
use server::Server;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// 2024-03-10T14:30:00Z.
const NOW: Timestamp = Timestamp(1_710_081_000_000_000);

/// A secret that nothing may show.
const SECRET: &str = "hush-hush";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Fast and impatient.
fn quick() -> ClientConfig {
    ClientConfig {
        credential: "main".into(),
        rate: RateConfig { per_second: 1e6, burst: 1e6, ..RateConfig::default() },
        retry: RetryConfig { attempts: 3, base: millis(2), cap: millis(4), ..RetryConfig::default() },
        breaker: BreakerConfig { open: millis(100), open_max: millis(100), ..BreakerConfig::default() },
        ..ClientConfig::default()
    }
}

/// One request, no second chance.
fn once() -> ClientConfig {
    ClientConfig { retry: RetryConfig { attempts: 1, ..RetryConfig::default() }, ..quick() }
}

fn client(route: Route, config: ClientConfig) -> HttpClient {
    let words = Acknowledgement { approval: "letter 17".into() };
    let profile = match route {
        Route::ResearchApi => Profile::Research,
        _ => Profile::Web,
    };
    let grant = profile.grant(route, Some(&words)).expect("a grant");
    HttpClient::new(grant, config, Clock::starting_at(NOW)).expect("a client")
}

fn get(server: &Server) -> Request {
    Request::get("test get", server.url("/data"))
}
