use etlplus_core::ids::Epoch;
use etlplus_core::ports::LogPosition;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn now(seconds: u64) -> Now {
    let start: DateTime<Utc> = "2026-11-24T10:00:00Z".parse().unwrap();
    Now { at: start + SECOND * u32::try_from(seconds).unwrap(), monotonic: SECOND * u32::try_from(seconds).unwrap() }
}

fn delivery(offset: u64, tries_made: u32, due: DateTime<Utc>) -> Delivery {
    let epoch = Epoch::from_uuid("01977420-0000-7000-8000-000000000001".parse().unwrap());
    Delivery {
        alert: LogPosition { epoch, offset: Offset::from_number(offset) },
        channel: "hook".to_owned(),
        state: DeliveryState::Waiting { due },
        tries: Vec::new(),
        tries_made,
    }
}

fn failed(retry_after: Option<Duration>) -> Outcome {
    Outcome::ChannelFailed { detail: "503".to_owned(), retry_after }
}

fn refused() -> Outcome {
    Outcome::MessageRefused { detail: "422".to_owned() }
}

/// A channel, and deliveries that wait for it, as a service keeps them.
struct World {
    channel: Channel,
    waiting: Vec<Delivery>,
    settings: NotificationSettings,
}

impl World {
    fn new(count: u64) -> Self {
        let waiting = (1..=count).map(|offset| delivery(offset, 0, now(0).at)).collect();
        Self { channel: Channel::new(ChannelKind::Log, 1), waiting, settings: NotificationSettings::default() }
    }

    /// Tries what is next at this second, with this outcome; gives the offset of what was tried.
    fn turn(&mut self, second: u64, outcome: Outcome) -> Result<u64, Next> {
        let now = now(second);
        let index = match self.channel.next(&self.waiting, now) {
            Next::Try(index) => index,
            other => return Err(other),
        };
        assert_eq!(self.channel.ask(now), Verdict::Go);
        let delivery = &mut self.waiting[index];
        let settled = self.channel.settle(delivery, outcome, &self.settings, 1.0, now);
        delivery.tries_made += 1;
        delivery.state = settled.state;
        let offset = delivery.alert.offset.get();
        self.waiting.retain(|delivery| matches!(delivery.state, DeliveryState::Waiting { .. }));
        Ok(offset)
    }
}

#[test]
fn what_failed_goes_first_and_holds_up_all_others() {
    let mut world = World::new(3);
    assert_eq!(world.turn(0, failed(None)), Ok(1));
    assert_eq!(world.turn(4, Outcome::Delivered), Err(Next::WaitUntil(SECOND * 5)));
    assert_eq!(world.turn(5, failed(None)), Ok(1));
    assert_eq!(world.turn(6, failed(None)), Err(Next::WaitUntil(SECOND * 15)), "the wait has doubled");
    assert_eq!([15, 15, 15].map(|second| world.turn(second, Outcome::Delivered)), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(world.turn(15, Outcome::Delivered), Err(Next::Nothing));
}

#[test]
fn a_channel_is_broken_once_the_retries_are_used_up_and_probed_at_each_pause() {
    let mut world = World::new(1);
    for second in [0, 5, 15] {
        assert_eq!(world.turn(second, failed(None)), Ok(1));
        assert!(world.channel.is_up());
    }
    assert_eq!(world.turn(35, failed(None)), Ok(1));
    assert!(!world.channel.is_up());
    assert_eq!(world.turn(36, failed(None)), Err(Next::WaitUntil(SECOND * 65)));
    assert_eq!(world.turn(65, failed(Some(SECOND * 600))), Ok(1));
    assert_eq!(
        world.turn(66, failed(None)),
        Err(Next::WaitUntil(SECOND * 665)),
        "Retry-After is longer than the pause"
    );
    assert_eq!(world.turn(665, Outcome::Delivered), Ok(1));
    assert!(world.channel.is_up() && world.channel.last_error.is_none());
}

#[test]
fn a_refused_message_is_overtaken_and_given_up_after_its_retries() {
    let mut world = World::new(2);
    world.settings.retry_attempts = 1;
    assert_eq!(world.turn(0, refused()), Ok(1));
    assert_eq!(world.turn(0, refused()), Ok(2));
    assert_eq!(world.turn(1, refused()), Err(Next::WaitUntil(SECOND * 5)));
    assert_eq!(world.turn(5, Outcome::Delivered), Ok(1));
    assert_eq!(world.turn(5, refused()), Ok(2));
    assert_eq!(world.turn(60, Outcome::Delivered), Err(Next::Nothing), "it has failed for good");
    assert!(world.channel.is_up());
}

#[test]
fn who_refuses_everything_is_broken_and_loses_no_more() {
    let mut world = World::new(6);
    world.settings.retry_attempts = 0;
    for offset in 1..=3 {
        assert!(world.channel.is_up());
        assert_eq!(world.turn(0, refused()), Ok(offset));
    }
    assert!(!world.channel.is_up());
    assert_eq!(world.channel.last_error.as_deref(), Some("422"));
    assert_eq!(world.waiting.len(), 3, "three were given up, and no more are");
    // Each pause ends with another one, and none is lost. It is longer after each refusal, which mends nothing.
    assert_eq!(world.turn(29, refused()), Err(Next::WaitUntil(SECOND * 30)));
    let probes = [30, 90, 210, 450, 750, 1050];
    assert_eq!(probes.map(|second| world.turn(second, refused())), [4, 5, 6, 4, 5, 6].map(Ok));
    assert!(!world.channel.is_up() && world.waiting.len() == 3);
    assert_eq!(world.turn(1350, Outcome::Delivered), Ok(4));
    assert!(world.channel.is_up() && world.channel.last_error.is_none());
    // It works again, so that what it still refuses is about the message.
    assert_eq!(world.turn(1650, refused()), Ok(5));
    assert_eq!(world.turn(1650, Outcome::Delivered), Ok(6));
    assert!(world.channel.is_up() && world.waiting.is_empty());
}

#[test]
fn one_that_is_taken_begins_the_count_of_refusals_anew() {
    let mut world = World::new(5);
    world.settings.retry_attempts = 0;
    for outcome in [refused(), refused(), Outcome::Delivered, refused(), refused()] {
        world.turn(0, outcome).unwrap();
    }
    assert!(world.channel.is_up() && world.waiting.is_empty());
}

#[test]
fn retries_of_one_message_are_one_refusal() {
    let mut world = World::new(2);
    world.settings.retry_attempts = 9;
    for second in [0, 10, 100, 1000, 2000, 3000] {
        assert_eq!(world.turn(second, refused()), Ok(1));
        assert_eq!(world.turn(second, refused()), Ok(2));
    }
    assert!(world.channel.is_up() && world.waiting.len() == 2);
}

#[test]
fn a_refusal_does_not_mend_a_broken_channel_nor_does_its_message_keep_it_broken() {
    let mut world = World::new(2);
    world.settings.retry_attempts = 0;
    assert_eq!(world.turn(0, failed(None)), Ok(1));
    assert!(!world.channel.is_up());
    assert_eq!(world.turn(30, refused()), Ok(1), "the receiver is back, and wants another one");
    assert!(!world.channel.is_up());
    assert_eq!(world.turn(90, Outcome::Delivered), Ok(2));
    assert!(world.channel.is_up());
    assert_eq!(world.turn(90, refused()), Ok(1));
    assert!(world.channel.is_up() && world.waiting.is_empty());
}

#[test]
fn a_time_of_day_is_believed_only_as_far_as_a_wait_is_long() {
    let mut channel = Channel::new(ChannelKind::Log, 1);
    channel.inherit();
    let due_in = |minutes| vec![delivery(1, 1, now(0).at + TimeDelta::minutes(minutes))];
    assert_eq!(channel.next(&due_in(-1), now(0)), Next::Try(0));
    assert_eq!(channel.next(&due_in(10), now(0)), Next::WaitUntil(SECOND * 600));
    assert_eq!(channel.next(&due_in(61), now(0)), Next::Try(0), "the clock was set back");
}

proptest! {
    /// However tries go: nothing is left out, nothing is tried after it has ended, and who is only held up by failures
    /// of the channel keeps its place.
    #[test]
    fn failures_of_a_channel_never_change_the_order(outcomes in proptest::collection::vec(any::<bool>(), 0..120)) {
        let mut world = World::new(10);
        let (mut second, mut delivered) = (0, Vec::new());
        for works in outcomes.into_iter().chain(std::iter::repeat_n(true, 10)) {
            let outcome = if works { Outcome::Delivered } else { failed(None) };
            match world.turn(second, outcome.clone()) {
                Ok(offset) if works => delivered.push(offset),
                Ok(_) => {}
                Err(Next::WaitUntil(until)) => {
                    prop_assert!(until <= SECOND * u32::try_from(second).unwrap() + backoff::WAIT_MAX);
                    second = until.as_secs() + 1;
                    if let (Ok(offset), true) = (world.turn(second, outcome), works) {
                        delivered.push(offset);
                    }
                }
                Err(other) => prop_assert_eq!(other, Next::Nothing),
            }
        }
        prop_assert_eq!(delivered, (1..=10).collect::<Vec<_>>());
    }
}
