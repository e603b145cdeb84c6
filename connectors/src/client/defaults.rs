//! Settings for each route, before configuration changes them.

use super::breaker::BreakerConfig;
use super::budget::BudgetConfig;
use super::http::ClientConfig;
use super::profile::Route;
use super::rate::RateConfig;
use super::retry::RetryConfig;
use super::transport::TransportConfig;
use std::time::Duration;

impl ClientConfig {
    /// The usual settings of a route, with the credential of this name.
    pub fn of(route: Route, credential: impl Into<String>) -> Self {
        let usual = Self { credential: credential.into(), rate: rate(route), ..Self::default() };
        match route {
            // 1000 requests per day and project (tiktok-surfaces §3.2).
            Route::ResearchApi => Self { budget: Some(BudgetConfig::new(1000)), ..usual },
            // Low rates, one request at a time, and hours of rest after a block (DESIGN, "Allowed routes").
            Route::Web | Route::Browser => Self {
                transport: TransportConfig { in_flight: 1, ..TransportConfig::default() },
                retry: RetryConfig { attempts: 2, ..RetryConfig::default() },
                breaker: BreakerConfig { blocked: Duration::from_secs(6 * 3600), ..BreakerConfig::default() },
                ..usual
            },
            // 10,000 units per day and project, of the Pacific coast
            // (developers.google.com/youtube/v3/determine_quota_cost).
            Route::Youtube => Self { budget: Some(BudgetConfig::of(route, 10_000)), ..usual },
            Route::DisplayApi | Route::Oembed | Route::ShortLink | Route::Import | Route::Facebook => usual,
        }
    }
}

fn rate(route: Route) -> RateConfig {
    let (per_second, burst) = match route {
        // Half of what is allowed: 600 per minute and endpoint (tiktok-surfaces §4).
        Route::DisplayApi | Route::Youtube => (5.0, 10.0),
        // No throttling was seen at 40 in a row (§5), which is no invitation.
        Route::Oembed | Route::ResearchApi | Route::Import => (2.0, 5.0),
        Route::ShortLink | Route::Facebook => (1.0, 5.0),
        Route::Web | Route::Browser => (0.2, 1.0),
    };
    RateConfig { per_second, burst, ..RateConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_pages_are_asked_for_slowly_and_research_has_its_quota() {
        for route in Route::ALL {
            let config = ClientConfig::of(route, "main");
            assert_eq!(config.credential, "main");
            let daily = match route {
                Route::ResearchApi => Some(1000),
                Route::Youtube => Some(10_000),
                _ => None,
            };
            assert_eq!(config.budget.map(|budget| budget.daily), daily);
            assert!(!route.is_web() || (config.rate.per_second <= 0.2 && config.transport.in_flight == 1));
        }
    }
}
