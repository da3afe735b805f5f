//! How many sessions a subject may have: ten an hour and twenty a day, of those that are still active.

use crate::{
    bounds::{SESSIONS_PER_DAY, SESSIONS_PER_HOUR},
    denied::Denied,
    model::session::{Counted, SessionWindow},
    time::Timestamp,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The window without what has ended: what a new session is counted in.
pub(crate) fn active(window: &SessionWindow, now: Timestamp) -> SessionWindow {
    let lives = |counted: &&Counted| counted.expires_at > now;
    SessionWindow {
        sessions: window.sessions.iter().filter(lives).cloned().collect(),
        ..SessionWindow::new(window.environment.clone(), window.subject.clone())
    }
}

/// Whether another session fits into a window of active ones.
///
/// # Errors
/// [`Denied::TooManyRequests`] with the seconds until one fits, if none is revoked before.
pub(crate) fn decide_room(window: &SessionWindow, now: Timestamp) -> Result<(), Denied> {
    let of_hour = |counted: &Counted| counted.issued_at.plus(HOUR).min(counted.expires_at);
    let hour = window.sessions.iter().map(of_hour);
    let day = window.sessions.iter().map(|counted| counted.expires_at);
    let waits = [
        wait(hour, SESSIONS_PER_HOUR, now),
        wait(day, SESSIONS_PER_DAY, now),
    ];
    match waits.into_iter().flatten().max() {
        None => Ok(()),
        Some(until) => {
            let seconds = until.since(now).as_micros().div_ceil(1_000_000);
            Err(Denied::TooManyRequests {
                retry_after_s: u32::try_from(seconds).unwrap_or(u32::MAX).max(1),
            })
        }
    }
}

/// When fewer than `limit` are left of those that count until `ends`; none: now.
fn wait(ends: impl Iterator<Item = Timestamp>, limit: usize, now: Timestamp) -> Option<Timestamp> {
    let mut ends: Vec<Timestamp> = ends.filter(|end| *end > now).collect();
    ends.sort_unstable();
    ends.len()
        .checked_sub(limit)
        .and_then(|over| ends.get(over).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EnvironmentId, SubjectId};
    use proptest::prelude::*;

    const DAY_S: i64 = 24 * 60 * 60;
    const NOW_S: i64 = 1_700_000_000;

    /// Sessions that were issued so many seconds ago.
    fn window(ages_s: &[i64]) -> SessionWindow {
        let environment = EnvironmentId::parse("sandbox").unwrap();
        let mut window = SessionWindow::new(environment, SubjectId::parse("s").unwrap());
        window.sessions = ages_s
            .iter()
            .map(|age| Counted {
                token_id: age.to_string(),
                credential: None,
                issued_at: Timestamp::from_seconds(NOW_S - age),
                expires_at: Timestamp::from_seconds(NOW_S - age + DAY_S),
            })
            .collect();
        window
    }

    fn decided(ages_s: &[i64]) -> Result<(), Denied> {
        let now = Timestamp::from_seconds(NOW_S);
        decide_room(&active(&window(ages_s), now), now)
    }

    fn refused(retry_after_s: u32) -> Result<(), Denied> {
        Err(Denied::TooManyRequests { retry_after_s })
    }

    #[test]
    fn ten_fit_into_an_hour_and_the_eleventh_waits_for_the_oldest() {
        assert_eq!(decided(&[]), Ok(()));
        assert_eq!(decided(&[60; 9]), Ok(()));
        assert_eq!(decided(&[60; 10]), refused(3540));
        let mut ages = vec![3000];
        ages.extend([10; 9]);
        assert_eq!(decided(&ages), refused(600));
        assert_eq!(
            decided(&[3600; 10]),
            Ok(()),
            "an hour is over after an hour"
        );
        assert_eq!(decided(&[3599; 10]), refused(1));
    }

    #[test]
    fn twenty_fit_into_a_day() {
        let mut ages = vec![7200; 10];
        ages.extend([4000; 9]);
        assert_eq!(decided(&ages), Ok(()));
        ages.push(4000);
        assert_eq!(decided(&ages), refused((DAY_S - 7200) as u32));
    }

    #[test]
    fn what_has_ended_does_not_count() {
        assert_eq!(decided(&[DAY_S; 20]), Ok(()));
        let now = Timestamp::from_seconds(NOW_S);
        assert!(active(&window(&[DAY_S; 3]), now).sessions.is_empty());
    }

    proptest! {
        #[test]
        fn after_the_wait_one_fits_and_a_second_earlier_none(
            ages in proptest::collection::vec(0i64..DAY_S, 0..40)
        ) {
            let window = window(&ages);
            let now = Timestamp::from_seconds(NOW_S);
            if let Err(Denied::TooManyRequests { retry_after_s }) = decide_room(&window, now) {
                let then = now.plus(Duration::from_secs(retry_after_s.into()));
                prop_assert_eq!(decide_room(&active(&window, then), then), Ok(()));
                let before = then.minus(Duration::from_secs(1));
                prop_assert!(decide_room(&active(&window, before), before).is_err());
            } else {
                prop_assert!(ages.len() < SESSIONS_PER_DAY);
            }
        }
    }
}
