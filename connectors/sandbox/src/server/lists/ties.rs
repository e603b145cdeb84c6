//! Who is in a list of accounts, and since when.

use super::List;
use crate::Endpoint;
use chrono::TimeDelta;

/// No list of accounts is longer; users report 4000 to 5000.
const LISTED: u64 = 4500;

/// Everybody was followed within so many seconds before the world began.
const SPAN: f64 = 3.0 * 365.0 * 86_400.0;

/// The ties of one list of accounts, numbered in the order of time.
pub(super) struct Ties<'l> {
    list: &'l List<'l>,
    /// The oldest one that is listed.
    pub(super) first: u64,
    /// One past the newest.
    end: u64,
    /// How many there were when the world began.
    early: u64,
    creators: u64,
    stride: u64,
}

impl<'l> Ties<'l> {
    pub(super) fn new(list: &'l List<'l>) -> Self {
        let config = list.shared.world.config();
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let (early, end) = match list.endpoint {
            Endpoint::Followers => {
                (number(list.owner.followers_at(config.epoch)), number(list.owner.followers_at(list.now)))
            }
            _ => (number(list.owner.following), number(list.owner.following)),
        };
        let listed = end.min(LISTED).min(config.creators);
        let stride = stride(list.draw(1), config.creators);
        Self { list, first: end - listed, end, early, creators: config.creators, stride }
    }

    /// Whose account it is; no two that are listed are the same.
    pub(super) fn account(&self, tie: u64) -> u64 {
        let place = u128::from(self.list.draw(2)) + u128::from(tie) * u128::from(self.stride);
        (place % u128::from(self.creators)) as u64
    }

    /// The second in which it began. Never falls from one to the next.
    pub(super) fn since(&self, tie: u64) -> i64 {
        let epoch = self.list.shared.world.config().epoch;
        if tie < self.early {
            let before = (self.early - tie) as f64 / self.early as f64 * SPAN;
            return epoch.timestamp() - before as i64;
        }
        let (mut low, mut high) = (0, (self.list.now - epoch).num_seconds().max(0));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.list.owner.followers_at(epoch + TimeDelta::seconds(middle)) > tie as i64 {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        epoch.timestamp() + low
    }

    /// One past the newest that began at this second or before.
    pub(super) fn older_than(&self, until: i64) -> u64 {
        let (mut low, mut high) = (self.first, self.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.since(middle) <= until {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// A step that visits every account before it comes back to the first: prime to their number.
fn stride(draw: u64, creators: u64) -> u64 {
    let gcd = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut stride = draw % creators.max(1) + 1;
    while gcd(stride, creators) != 1 {
        stride += 1;
    }
    stride
}
