//! Whom a request asks for.

use super::batch::Batches;
use super::planner::Planner;
use tidelake_schemas::Timestamp;

/// A video whose gain has not reached this share of the price waits on: the price rose since its turn was set.
const TOO_SOON: f64 = 0.8;

/// One look passes over at most so many videos per id that is wanted.
const LOOK: usize = 4;

/// Of each era, so many are compared at least.
const FEW: usize = 16;

/// Where more floors are owed than so many calls can serve, the promise to the young cannot be kept.
const HOPELESS: usize = 2;

/// So many turns are set anew per id that is wanted.
const ANEW: usize = 2;

/// So many spans of publication are compared when a request is begun.
const SPANS: usize = 32;

/// What there is to spend: so many requests now, and as many again every so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Requests now.
    pub requests: usize,
    /// Seconds until there are as many again; what falls due until then is asked for now.
    pub every_s: u32,
}

/// A video that may be asked for.
#[derive(Clone, Copy)]
struct Candidate {
    /// Expected in the middle between this call and the next.
    gain: f64,
    turn: i64,
    id: i64,
    born: i64,
}

impl Planner {
    /// The ids to ask for now, request by request: the young that would otherwise come too late
    /// ([`RevisitConfig::fresh_gap_s`](super::RevisitConfig::fresh_gap_s)), then the greatest gains among those whose turn
    /// has come or is next. Each is then to be answered for by [`observe`](Self::observe) or [`missing`](Self::missing),
    /// and is not handed out again before.
    pub fn next(&mut self, now: Timestamp, pace: Pace) -> Vec<Vec<i64>> {
        let now = now.secs();
        let room = pace.requests.saturating_mul(self.state.config.batch as usize);
        let mut batches = Batches::new(&self.state.config, pace.requests);
        self.set_anew(now, ANEW.saturating_mul(room));
        self.take_young(now, room, i64::from(pace.every_s), &mut batches);
        self.take_best(now, room, i64::from(pace.every_s) / 2, &mut batches);
        batches.into_requests()
    }

    /// Sets some turns anew, all of them in the course of many calls: they were set when the price was another one.
    fn set_anew(&mut self, now: i64, count: usize) {
        let after = std::ops::Bound::Excluded(self.swept);
        let some = self.state.videos.range((after, std::ops::Bound::Unbounded)).take(count);
        let some: Vec<_> = some.map(|(&id, &video)| (id, video)).collect();
        self.swept = if some.len() < count { i64::MIN } else { some.last().map_or(i64::MIN, |(id, _)| *id) };
        for (id, mut video) in some.into_iter().filter(|(_, video)| video.ready <= now) {
            self.queue.remove(video.born, (video.due, id));
            self.set_turn(&mut video);
            self.queue.insert(video.born, (video.due, id));
            self.state.videos.insert(id, video);
        }
    }

    /// The earliest floors, as many as are owed.
    fn take_young(&mut self, now: i64, room: usize, every: i64, batches: &mut Batches) {
        let grown: Vec<_> = self.floors.until(now).filter(|(_, id)| !self.is_young(*id, now)).collect();
        for (floor, id) in grown {
            self.floors.remove(floor, id);
        }
        let owed = self.floors.owed(now, room, every, i64::from(self.state.config.fresh_gap_s));
        // Far too many to be kept: half of the budget stays with the gains.
        let mut owed = if owed > HOPELESS.saturating_mul(room) { room.div_ceil(2) } else { owed };
        let (mut last, mut look) = ((i64::MIN, i64::MIN), LOOK.saturating_mul(room));
        while owed > 0 && look > 0 && !batches.is_full() {
            let Some((floor, id)) = self.floors.after(last) else { return };
            (last, look) = ((floor, id), look - 1);
            let Some(video) = self.state.videos.get(&id).copied() else { continue };
            if video.ready <= now && batches.put_or_begin(id, video.born) {
                self.lend(id, now);
                owed -= 1;
            }
        }
    }

    /// The greatest gains: as they will be in the middle between this call and the next, since it is these two that a poll
    /// can be made at. What gains little now may have waited for too long by then.
    fn take_best(&mut self, now: i64, room: usize, ahead: i64, batches: &mut Batches) {
        let mut candidates = Vec::new();
        for era in self.queue.eras() {
            self.candidates(now, ahead, era, room.max(FEW), &mut candidates);
        }
        candidates.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(a.id.cmp(&b.id)));
        self.fill(now, &mut candidates, batches);
        while !candidates.is_empty() && batches.begin(best_span(&candidates, batches)) {
            self.fill(now, &mut candidates, batches);
        }
    }

    /// The first of an era that the source can have news of. One whose turn came too soon is given another.
    fn candidates(&mut self, now: i64, ahead: i64, era: i64, most: usize, found: &mut Vec<Candidate>) {
        let (mut passed, first) = (Vec::new(), found.len());
        for _ in 0..LOOK.saturating_mul(most) {
            if found.len() - first >= most {
                break;
            }
            let Some((turn, id)) = self.queue.pop_first(era) else { break };
            let Some(video) = self.state.videos.get(&id).copied() else { continue };
            if self.is_old(&video, now) {
                self.forget(id);
            } else if video.ready > now {
                passed.push((turn, id, video.born));
            } else {
                let gain = self.gain(&video, now + ahead);
                if turn <= now && gain < TOO_SOON * self.price() && self.postpone(id, video, now) {
                    continue;
                }
                found.push(Candidate { gain, turn, id, born: video.born });
            }
        }
        let found = found.iter().skip(first).map(|c| (c.turn, c.id, c.born));
        passed.into_iter().chain(found).for_each(|(turn, id, born)| self.queue.insert(born, (turn, id)));
    }

    /// Fills requests that have been begun; what finds no room stays a candidate.
    fn fill(&mut self, now: i64, candidates: &mut Vec<Candidate>, batches: &mut Batches) {
        candidates.retain(|candidate| {
            let taken = batches.put(candidate.id, candidate.born);
            if taken {
                self.learn_price(candidate.id, now);
                self.lend(candidate.id, now);
            }
            !taken
        });
    }
}

/// The start of the span of publication whose greatest gains, as many as a request holds, add up to most. The
/// candidates are in the order of gain.
fn best_span(candidates: &[Candidate], batches: &Batches) -> i64 {
    let mut starts: Vec<_> = candidates.iter().map(|candidate| candidate.born).collect();
    starts.sort_unstable();
    let worth = |start: i64| -> f64 {
        let within = candidates.iter().filter(|c| c.born >= start && c.born - start <= batches.span);
        within.take(batches.size).map(|c| c.gain).sum()
    };
    let compared = starts.iter().step_by(starts.len().div_ceil(SPANS).max(1));
    let best = compared.map(|&start| (worth(start), start)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(0, |(_, start)| start)
}
