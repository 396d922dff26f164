//! How often an address may send a wrong token: ten times, and once more each six seconds.
//!
//! What is guessed is a secret of 16 characters at least, so this is not what keeps it; it keeps
//! guesses from costing the process its time, and makes them a line in the log.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, Moment};
use crate::measure::Counter;

/// Wrong tokens that an address may send at once.
const TRIES: u32 = 10;
/// How long it takes until it may send one more.
pub(super) const ONE_BACK: Duration = Duration::from_secs(6);
/// Addresses that are told apart; all others share one bucket.
const MAX_ADDRESSES: usize = 10_000;
/// How often the log tells of wrong tokens.
const TOLD_EACH: Duration = Duration::from_secs(60);
/// How much later than that it tells at most of those that no other follows.
const TOLD_LATE: Duration = Duration::from_secs(5);

/// The buckets of one listener.
pub(super) struct Throttle {
    clock: Clock,
    state: Mutex<State>,
    /// Wrong tokens since the start, and those that were not looked at.
    pub(super) wrong: Counter,
    pub(super) refused: Counter,
}

#[derive(Default)]
struct State {
    /// When each address, a network of 64 bits for IPv6, has all its tries again; one that has them
    /// is not kept.
    full_at: HashMap<IpAddr, Moment>,
    /// The same for who finds no room there.
    others_full_at: Moment,
    swept_at: Moment,
    /// When the log may tell again, and how many wrong tokens and refusals it was not told of.
    quiet_until: Moment,
    wrong: u64,
    refused: u64,
    /// Who sent the last of them.
    from: Option<IpAddr>,
}

/// Whether a token is to be compared at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tries {
    /// There is a try left.
    Left,
    /// There is none.
    None,
}

impl Throttle {
    pub(super) fn new(clock: &Clock) -> Self {
        let (state, wrong, refused) = Default::default();
        Self { clock: clock.clone(), state, wrong, refused }
    }

    /// Whether an address may try a token. One that may not is counted.
    pub(super) fn look(&self, address: IpAddr) -> Tries {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let full_at = *state.bucket(network(address), now);
        if full_at.since(now) <= ONE_BACK * (TRIES - 1) {
            return Tries::Left;
        }
        self.refused.inc();
        state.refused += 1;
        state.from = Some(address);
        state.tell(now);
        Tries::None
    }

    /// Takes a try from an address whose token was wrong.
    pub(super) fn take(&self, address: IpAddr) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let full_at = state.bucket(network(address), now);
        *full_at = (*full_at).max(now).after(ONE_BACK);
        self.wrong.inc();
        state.wrong += 1;
        state.from = Some(address);
        state.tell(now);
    }

    /// Tells of what came since the log was last told, when a minute has passed; for ever. Who
    /// stops guessing is told of too.
    pub(super) async fn tell_in_time(&self) {
        loop {
            tokio::time::sleep(TOLD_LATE).await;
            self.state.lock().tell(self.clock.now());
        }
    }
}

impl State {
    fn bucket(&mut self, network: IpAddr, now: Moment) -> &mut Moment {
        // Nothing is freed in less time than one try takes to come back.
        if self.full_at.len() >= MAX_ADDRESSES && now.since(self.swept_at) >= ONE_BACK {
            self.swept_at = now;
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        if self.full_at.len() >= MAX_ADDRESSES && !self.full_at.contains_key(&network) {
            return &mut self.others_full_at;
        }
        self.full_at.entry(network).or_default()
    }

    /// Tells of all that was not told of, once a minute at most.
    fn tell(&mut self, now: Moment) {
        if now < self.quiet_until {
            return;
        }
        let Some(from) = self.from.take() else { return };
        self.quiet_until = now.after(TOLD_EACH);
        let (wrong, refused) = (std::mem::take(&mut self.wrong), std::mem::take(&mut self.refused));
        tracing::warn!(wrong, refused, from = %from.to_canonical(), "wrong admin tokens");
    }
}

/// What is one sender: an address, and for IPv6 the network of 64 bits that one subscriber has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emptied(throttle: &Throttle, address: &str) {
        for _ in 0..TRIES {
            assert_eq!(throttle.look(address.parse().unwrap()), Tries::Left, "{address}");
            throttle.take(address.parse().unwrap());
        }
        assert_eq!(throttle.look(address.parse().unwrap()), Tries::None, "{address}");
    }

    #[test]
    fn ten_wrong_tokens_are_compared_and_one_more_each_six_seconds() {
        let clock = Clock::manual();
        let throttle = Throttle::new(&clock);
        emptied(&throttle, "10.0.0.1");
        clock.advance(ONE_BACK);
        assert_eq!(throttle.look([10, 0, 0, 1].into()), Tries::Left);
        throttle.take([10, 0, 0, 1].into());
        assert_eq!(throttle.look([10, 0, 0, 1].into()), Tries::None);
        clock.advance(ONE_BACK * TRIES);
        emptied(&throttle, "10.0.0.1");
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_other_follows_is_told_when_the_minute_has_passed() {
        let clock = Clock::manual();
        let throttle = Throttle::new(&clock);
        emptied(&throttle, "10.0.0.1");
        let untold = || {
            let state = throttle.state.lock();
            (state.wrong, state.refused)
        };
        let within = async |time| {
            let _for_ever = tokio::time::timeout(time, throttle.tell_in_time()).await;
        };
        within(TOLD_LATE * 2).await;
        assert_eq!(untold(), (9, 1));
        clock.advance(TOLD_EACH);
        within(TOLD_LATE * 2).await;
        assert_eq!(untold(), (0, 0));
        let until = throttle.state.lock().quiet_until;
        clock.advance(TOLD_EACH);
        within(TOLD_LATE * 2).await;
        assert_eq!(throttle.state.lock().quiet_until, until, "there is nothing to tell");
    }

    #[test]
    fn addresses_have_their_own_and_a_network_of_ipv6_has_one() {
        let throttle = Throttle::new(&Clock::manual());
        emptied(&throttle, "2001:db8:0:1::1");
        for (address, expected) in [
            ("2001:db8:0:1:ffff::2", Tries::None),
            ("2001:db8:0:2::1", Tries::Left),
            ("10.0.0.1", Tries::Left),
        ] {
            assert_eq!(throttle.look(address.parse().unwrap()), expected, "{address}");
        }
        emptied(&throttle, "10.0.0.1");
        assert_eq!(throttle.look("::ffff:10.0.0.1".parse().unwrap()), Tries::None);
    }

    #[test]
    fn who_finds_no_room_in_the_table_shares_one_bucket_until_there_is() {
        let clock = Clock::manual();
        let throttle = Throttle::new(&clock);
        let address = |number: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(number));
        for number in 0..10_000 {
            throttle.take(address(number));
        }
        emptied(&throttle, "200.0.0.1");
        assert_eq!(throttle.look([200, 0, 0, 2].into()), Tries::None);
        assert_eq!(throttle.state.lock().full_at.len(), MAX_ADDRESSES);
        clock.advance(ONE_BACK);
        assert_eq!(throttle.look([200, 0, 0, 2].into()), Tries::Left);
    }
}
