//! When a delivery is tried again.

use super::{Came, Why};
use countersign_engine::{
    bounds::DEAD_LETTER_FOR, model::webhook::Delivery, ports::Entropy, time::Timestamp,
};
use std::time::Duration;

/// Attempts before a delivery is given up, the first among them (Quiltt).
pub const ATTEMPTS_MAX: u32 = 20;
/// The wait after the first attempt; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait: all attempts together take a day and a half.
const LONGEST_WAIT: Duration = Duration::from_secs(4 * 60 * 60);
/// What a receiver may ask for (`Retry-After`).
const ASKED_WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What becomes of a delivery after an attempt; nothing: it goes.
pub fn after(
    delivery: &Delivery,
    came: &Came,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Option<Delivery> {
    let given_up = |why: &Why| Delivery {
        attempts: delivery.attempts.saturating_add(1),
        due_at: None,
        last_error: Some(why.text()),
        expires_at: now.plus(DEAD_LETTER_FOR),
        ..delivery.clone()
    };
    match came {
        Came::Arrived | Came::Nobody | Came::Dropped(_) => None,
        Came::GivenUp(why) => Some(given_up(why)),
        Came::Later(why, _) if delivery.attempts.saturating_add(1) >= ATTEMPTS_MAX => {
            Some(given_up(why))
        }
        Came::Later(why, asked) => {
            let asked = asked.unwrap_or_default().min(ASKED_WAIT_MAX);
            let wait = wait_after(delivery.attempts, entropy).max(asked);
            Some(Delivery {
                due_at: Some(now.plus(wait)),
                ..given_up(why)
            })
        }
    }
}

/// Twice as long as before, and up to a fifth more or less, so that what failed together does not come back so.
fn wait_after(attempts: u32, entropy: &dyn Entropy) -> Duration {
    let doubled = 2u32.saturating_pow(attempts.min(16));
    let wait = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
    let mut byte = [0];
    // Without entropy they come back together, which is no reason not to come back.
    let jitter = entropy.fill(&mut byte).map_or(128, |()| u32::from(byte[0]));
    wait.mul_f64(0.8 + 0.4 * f64::from(jitter) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::{
        denied::Fault,
        id::{DeliveryId, EnvironmentId},
        model::webhook::{Content, Destination},
        sealed::Sealed,
    };

    struct Always(u8);

    impl Entropy for Always {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn delivery(attempts: u32) -> Delivery {
        Delivery {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            id: DeliveryId::parse("dlv_1").unwrap(),
            organization: None,
            destination: Destination::Mail,
            order: "s1".into(),
            content: Content::Letter(Sealed::default()),
            attempts,
            due_at: Some(NOW),
            last_error: None,
            created_at: NOW,
            expires_at: NOW,
        }
    }

    #[test]
    fn waits_double_up_to_hours_and_differ_by_a_fifth() {
        let later = Came::Later(Why::TimedOut, None);
        let wait = |attempts, byte| {
            let next = after(&delivery(attempts), &later, NOW, &Always(byte)).unwrap();
            assert_eq!(next.attempts, attempts + 1);
            next.due_at.unwrap().since(NOW).as_secs()
        };
        let waits: Vec<_> = (0..19).map(|attempts| wait(attempts, 128)).collect();
        assert!(waits.is_sorted(), "{waits:?}");
        assert_eq!((wait(0, 0), wait(0, 255)), (4, 6));
        assert_eq!((wait(18, 0), wait(18, 255)), (11_520, 17_280));
        assert!(waits.iter().sum::<u64>() < 40 * 3600, "{waits:?}");
    }

    #[test]
    fn the_last_attempt_gives_up_and_keeps_why() {
        let later = Came::Later(Why::Status(500), None);
        let next = after(&delivery(ATTEMPTS_MAX - 1), &later, NOW, &Always(0)).unwrap();
        assert_eq!((next.due_at, next.attempts), (None, ATTEMPTS_MAX));
        assert_eq!(
            next.last_error.as_deref(),
            Some("the receiver answered 500")
        );
        assert_eq!(next.expires_at, NOW.plus(DEAD_LETTER_FOR));
        let at_once = after(&delivery(0), &Came::GivenUp(Why::Disabled), NOW, &Always(0));
        assert_eq!(at_once.unwrap().due_at, None);
        assert_eq!(after(&delivery(3), &Came::Arrived, NOW, &Always(0)), None);
        assert_eq!(after(&delivery(3), &Came::Nobody, NOW, &Always(0)), None);
        let dropped = Came::Dropped(Why::TooLate);
        assert_eq!(after(&delivery(3), &dropped, NOW, &Always(0)), None);
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_and_for_no_shorter_one() {
        let due = |asked| {
            let later = Came::Later(Why::Status(429), Some(Duration::from_secs(asked)));
            let next = after(&delivery(0), &later, NOW, &Always(128)).unwrap();
            next.due_at.unwrap().since(NOW).as_secs()
        };
        assert_eq!(due(0), 5);
        assert_eq!(due(600), 600);
        assert_eq!(due(10_000_000), 24 * 3600);
    }
}
