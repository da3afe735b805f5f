//! Takes what is due, and hands each attempt a slot: few of one destination, and of destinations that fail fewer.

use super::{Came, GRACE, Ways, Why, schedule};
use crate::{state::ServerState, system};
use countersign_dialects::{
    announce::announce,
    ubiqu::callbacks::{self, Told},
};
use countersign_engine::{
    bounds::DELIVERIES_PER_DESTINATION_MAX,
    denied::Fault,
    id::{ClientId, SubjectId, SubscriptionId},
    model::{
        State,
        webhook::{Content, Delivery, Destination, LetterText},
    },
    ports::{Attempted, Housekeeping, Query},
    row::{Key, Stored},
};
use http::StatusCode;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

/// Attempts under way at once. Fewer than a page has rows, so that a page always has one that is not.
const SLOTS: usize = 128;
/// Of these, for destinations whose last attempt failed: one at each, so that they never fill the others' slots.
const SUSPECT_SLOTS: usize = 48;
/// Rows that are looked at at once.
const PAGE_ROWS: u32 = 200;
/// How long a destination is left alone after its attempts failed several times in a row, at first and at most.
const COOL_FIRST: Duration = Duration::from_secs(1);
const COOL_MAX: Duration = Duration::from_secs(60);
/// Failures in a row before that.
const COOL_AFTER: u32 = 3;
/// A destination of which nothing was heard for so long is like any other again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Between tries to write what came of an attempt.
const WRITE_AGAIN: Duration = Duration::from_millis(500);

pub(super) struct Courier {
    state: Arc<ServerState>,
    ways: Ways,
    tasks: TaskTracker,
    stop: CancellationToken,
    desk: Mutex<Desk>,
    freed: Notify,
}

/// What is under way.
#[derive(Default)]
struct Desk {
    rows: HashSet<Key>,
    /// Ended since the last look at the store began: what it read of them is no longer so.
    ended: HashSet<Key>,
    places: HashMap<String, Place>,
}

/// A destination.
#[derive(Default)]
struct Place {
    under_way: usize,
    /// In a row, up to now.
    failures: u32,
    /// Left alone until then, by the monotonic clock.
    cool_until: Duration,
    /// When the last attempt ended.
    ended_at: Duration,
}

impl Place {
    fn is_busy(&self, now: Duration) -> bool {
        let limit = match self.failures {
            0 => DELIVERIES_PER_DESTINATION_MAX as usize,
            _ => 1,
        };
        self.under_way >= limit || now < self.cool_until
    }
}

impl Desk {
    /// Destinations that get nothing more now: so that no page is full of what would have no slot.
    fn busy(&self, now: Duration) -> Vec<String> {
        let are_full = self.suspects() >= SUSPECT_SLOTS;
        let is_busy = |place: &Place| place.is_busy(now) || (are_full && place.failures > 0);
        let busy = self.places.iter().filter(|(_, place)| is_busy(place));
        busy.map(|(name, _)| name.clone()).collect()
    }

    /// Attempts under way at destinations whose last one failed.
    fn suspects(&self) -> usize {
        let suspects = self.places.values().filter(|place| place.failures > 0);
        suspects.map(|place| place.under_way).sum()
    }

    /// Take a slot for a row, if there is one.
    fn take(&mut self, key: &Key, name: &str, now: Duration) -> bool {
        let suspects = self.suspects();
        let place = self.places.entry(name.to_owned()).or_default();
        let is_suspect = place.failures > 0;
        let is_full = self.rows.len() >= SLOTS || (is_suspect && suspects >= SUSPECT_SLOTS);
        if is_full || place.is_busy(now) || self.ended.contains(key) {
            return false;
        }
        if !self.rows.insert(key.clone()) {
            return false;
        }
        place.under_way += 1;
        true
    }

    fn put_back(&mut self, key: &Key, name: &str, failed: bool, now: Duration) {
        self.rows.remove(key);
        self.ended.insert(key.clone());
        let Some(place) = self.places.get_mut(name) else {
            return;
        };
        place.under_way = place.under_way.saturating_sub(1);
        place.ended_at = now;
        place.failures = if failed {
            place.failures.saturating_add(1)
        } else {
            0
        };
        if place.failures >= COOL_AFTER {
            let doubled = 2u32.saturating_pow((place.failures - COOL_AFTER).min(8));
            place.cool_until = now.saturating_add((COOL_FIRST * doubled).min(COOL_MAX));
        }
        // What nothing is known of needs no entry: this holds the destinations that fail or are at work.
        if place.failures == 0 && place.under_way == 0 {
            self.places.remove(name);
        }
    }

    /// Destinations that have long been quiet are forgotten.
    fn forget(&mut self, now: Duration) {
        let is_known = |place: &Place| now < place.ended_at.saturating_add(FORGOTTEN_AFTER);
        self.places
            .retain(|_, place| place.under_way > 0 || is_known(place));
    }
}

impl Courier {
    pub(super) fn new(
        state: Arc<ServerState>,
        ways: Ways,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self {
            state,
            ways,
            tasks,
            stop,
            desk: Mutex::default(),
            freed: Notify::new(),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Counts that a panic left behind hold up a destination at most.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt has ended: there may be room for another.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Begin an attempt at everything that is due and has a slot.
    pub(super) async fn look(self: &Arc<Self>) {
        let monotonic = self.state.clock.monotonic();
        let busy = {
            let mut desk = self.desk();
            desk.forget(monotonic);
            desk.ended.clear();
            if desk.rows.len() >= SLOTS {
                return;
            }
            desk.busy(monotonic)
        };
        let query = Query::DueDeliveries {
            now: self.state.clock.now(),
            per_destination: DELIVERIES_PER_DESTINATION_MAX,
            busy,
        };
        let page = match self.state.store.list(&query, None, PAGE_ROWS).await {
            Ok(page) => page,
            Err(fault) => {
                self.state.metrics.housekeeping_failures.inc();
                warn!(%fault, "cannot read the outbox");
                return;
            }
        };
        for stored in page.rows {
            let Some(delivery) = stored.delivery() else {
                continue;
            };
            let (key, place) = (stored.row.key(), delivery.place());
            if self.desk().take(&key, &place, monotonic) {
                let courier = Arc::clone(self);
                system::spawn(&self.tasks, async move {
                    courier.deliver(&stored, key, place).await;
                });
            }
        }
    }

    async fn deliver(self: Arc<Self>, stored: &Stored, key: Key, place: String) {
        let Some(delivery) = stored.delivery() else {
            return;
        };
        self.ways.numbers.under_way.inc();
        let stopped = async {
            self.stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let came = tokio::select! {
            came = self.attempt(delivery) => Some(came),
            // It is still in the store, and the next start tries it again.
            () = stopped => None,
        };
        self.ways.numbers.under_way.dec();
        let Some(came) = came else {
            return;
        };
        self.ways.numbers.came(delivery, &came);
        tell(delivery, &came);
        let next = schedule::after(delivery, &came, self.state.clock.now(), &*self.ways.entropy);
        self.write(Attempted {
            key: key.clone(),
            if_version: stored.version,
            next: next.map(Box::new),
        })
        .await;
        let failed = came.is_of_destination();
        let now = self.state.clock.monotonic();
        self.desk().put_back(&key, &place, failed, now);
        self.freed.notify_one();
    }

    /// Until it is written: before that the row would leave again at once.
    async fn write(&self, attempted: Attempted) {
        loop {
            let work = Housekeeping::Delivered(vec![attempted.clone()]);
            match self.state.store.keep(work).await {
                Ok(_) => return,
                Err(fault) => {
                    self.state.metrics.housekeeping_failures.inc();
                    warn!(%fault, "cannot write what came of an attempt to deliver");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(WRITE_AGAIN) => {}
            }
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Came {
        let came = match &delivery.destination {
            Destination::Webhook(id) => self.hand_over(delivery, id).await,
            Destination::Mail => self.post(delivery).await,
            Destination::Callback(id) => self.call_back(delivery, id, Told::Whole).await,
            Destination::Notification(id) => self.call_back(delivery, id, Told::Named).await,
        };
        came.unwrap_or_else(|fault| {
            warn!(%fault, delivery = %delivery.id, "a delivery cannot be made ready");
            Came::Later(Why::Fault, None)
        })
    }

    async fn hand_over(&self, delivery: &Delivery, id: &SubscriptionId) -> Result<Came, Fault> {
        let Content::Event(event) = &delivery.content else {
            return Err(Fault::internal("a letter was addressed to a subscription"));
        };
        let key = Key::Subscription(delivery.environment.clone(), id.clone());
        let found = self.state.store.load(std::slice::from_ref(&key)).await?;
        let Some(stored) = found.into_iter().flatten().next() else {
            return Ok(Came::Nobody);
        };
        let subscription = stored
            .subscription()
            .ok_or_else(|| Fault::internal("a subscription's row is not one"))?;
        if subscription.disabled {
            return Ok(Came::GivenUp(Why::Disabled));
        }
        let now = self.state.clock.now();
        let secrets = self.state.engine.webhook_secrets(subscription, now).await?;
        let outbound = announce(event, subscription, &secrets, now)?;
        let came = self.ways.sender.send(outbound).await;
        if came == Came::GivenUp(Why::Gone) {
            let now = self.state.clock.now();
            self.state.engine.disable_gone_webhook(&stored, now).await?;
        }
        Ok(came)
    }

    /// Tell a service provider, at the address that it has by now.
    async fn call_back(
        &self,
        delivery: &Delivery,
        id: &ClientId,
        told: Told,
    ) -> Result<Came, Fault> {
        let Content::Object(object) = &delivery.content else {
            return Err(Fault::internal("a callback carries no object"));
        };
        let key = Key::Client(delivery.environment.clone(), id.clone());
        let found = self.state.store.load(std::slice::from_ref(&key)).await?;
        let stored = found.into_iter().flatten().next();
        let Some(client) = stored.as_deref().and_then(Stored::client) else {
            return Ok(Came::Nobody);
        };
        let url = client.provider.as_ref().and_then(|provider| match told {
            Told::Whole => provider.callback_url.as_ref(),
            Told::Named => provider.notification_url.as_ref(),
        });
        let Some(url) = url else {
            return Ok(Came::Nobody);
        };
        if client.state == State::Disabled {
            return Ok(Came::GivenUp(Why::ProviderDisabled));
        }
        let now = self.state.clock.now();
        let secret = self.state.engine.callback_secret(client, now).await?;
        let outbound = callbacks::announce(object, told, url, &delivery.id, secret, now)?;
        Ok(match self.ways.sender.send(outbound).await {
            // There is no subscription to disable: it is a status like others.
            Came::GivenUp(Why::Gone) => Came::GivenUp(Why::Status(StatusCode::GONE.as_u16())),
            came => came,
        })
    }

    async fn post(&self, delivery: &Delivery) -> Result<Came, Fault> {
        if self.is_for_nobody(delivery).await? {
            return Ok(Came::Nobody);
        }
        let now = self.state.clock.now();
        let letter = self.state.engine.open_letter(delivery, now).await?;
        let came = match &self.ways.mailer {
            Some(mailer) => mailer.send(delivery, &letter, now).await,
            None => Came::GivenUp(Why::NoMail),
        };
        Ok(unless_over(came, &letter.text))
    }
}

impl Courier {
    /// Whether the person was erased while this letter was written: what was there before went along.
    async fn is_for_nobody(&self, delivery: &Delivery) -> Result<bool, Fault> {
        let Ok(id) = SubjectId::parse(&delivery.order) else {
            return Ok(false);
        };
        let key = Key::Subject(delivery.environment.clone(), id);
        let found = self.state.store.load(std::slice::from_ref(&key)).await?;
        let stored = found.into_iter().flatten().next();
        let subject = stored.as_deref().and_then(Stored::subject);
        Ok(subject.is_some_and(|subject| subject.closing_at.is_some()))
    }
}

/// A code or a link that strangers ask for, as many as they like, is over long before anybody looks for it among dead
/// letters: what is given up of these is not kept. An operator's invitation is, to be replayed.
fn unless_over(came: Came, text: &LetterText) -> Came {
    match (came, text) {
        (Came::GivenUp(why), LetterText::Passcode { .. } | LetterText::PasswordReset { .. }) => {
            Came::Dropped(why)
        }
        (came, _) => came,
    }
}

/// What an operator wants to know. Neither whom it was for nor what it said.
fn tell(delivery: &Delivery, came: &Came) {
    let (id, destination) = (&delivery.id, delivery.destination.text());
    match came {
        Came::GivenUp(why) => {
            let why = why.text();
            warn!(delivery = %id, destination, why, "given up: a dead letter");
        }
        Came::Dropped(why) => {
            let why = why.text();
            warn!(delivery = %id, destination, why, "given up: a letter that is of no use later");
        }
        Came::Later(why, _) if delivery.attempts + 1 >= schedule::ATTEMPTS_MAX => {
            let why = why.text();
            warn!(delivery = %id, destination, why, "given up after the last attempt: a dead letter");
        }
        Came::Later(why, _) => {
            let why = why.text();
            info!(delivery = %id, destination, why, "did not arrive, will be tried again");
        }
        Came::Arrived | Came::Nobody => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::{
        id::{DeliveryId, EnvironmentId},
        time::Timestamp,
    };

    const NOW: Duration = Duration::from_secs(1000);

    fn key(n: usize) -> Key {
        let environment = EnvironmentId::parse("sandbox").unwrap();
        Key::Delivery(environment, DeliveryId::parse(&format!("dlv_{n}")).unwrap())
    }

    #[test]
    fn a_code_or_link_that_is_given_up_is_no_dead_letter() {
        let (code, minutes) = ("123456".to_owned(), 10);
        let client = "Acme".to_owned();
        let passcode = LetterText::Passcode {
            code,
            minutes,
            client,
        };
        let told = LetterText::PasswordChanged {
            at: Timestamp::EPOCH,
        };
        let given_up = Came::GivenUp(Why::NoMail);
        let dropped = Came::Dropped(Why::NoMail);
        assert_eq!(unless_over(given_up.clone(), &passcode), dropped);
        assert_eq!(unless_over(given_up.clone(), &told), given_up);
        let later = Came::Later(Why::TimedOut, None);
        assert_eq!(unless_over(later.clone(), &passcode), later);
    }

    #[test]
    fn a_destination_has_a_few_slots_and_one_that_fails_has_one() {
        let mut desk = Desk::default();
        let taken = |desk: &mut Desk| (0..9).filter(|n| desk.take(&key(*n), "a", NOW)).count();
        assert_eq!(taken(&mut desk), DELIVERIES_PER_DESTINATION_MAX as usize);
        assert_eq!(desk.busy(NOW), ["a"]);
        desk.put_back(&key(0), "a", true, NOW);
        assert_eq!(
            taken(&mut desk),
            0,
            "three are under way, and the last one failed"
        );
        (1..4).for_each(|n| desk.put_back(&key(n), "a", false, NOW));
        desk.ended.clear();
        assert_eq!(taken(&mut desk), DELIVERIES_PER_DESTINATION_MAX as usize);
    }

    #[test]
    fn a_row_is_under_way_once_and_not_again_by_what_was_read_before_it_ended() {
        let mut desk = Desk::default();
        assert!(desk.take(&key(1), "a", NOW));
        assert!(!desk.take(&key(1), "a", NOW));
        desk.put_back(&key(1), "a", false, NOW);
        assert!(
            !desk.take(&key(1), "a", NOW),
            "the page was read while it was under way"
        );
        desk.ended.clear();
        assert!(desk.take(&key(1), "a", NOW), "the next look begins");
    }

    #[test]
    fn destinations_that_fail_leave_slots_for_those_that_do_not() {
        let mut desk = Desk::default();
        for n in 0..SLOTS {
            let name = format!("bad{n}");
            assert!(desk.take(&key(n), &name, NOW));
        }
        assert!(!desk.take(&key(SLOTS), "good", NOW), "every slot is taken");
        (0..SLOTS).for_each(|n| desk.put_back(&key(n), &format!("bad{n}"), true, NOW));
        desk.ended.clear();
        let again = (0..SLOTS).filter(|n| desk.take(&key(*n), &format!("bad{n}"), NOW));
        assert_eq!(again.count(), SUSPECT_SLOTS);
        // Else a page could hold nothing but rows of those who fail.
        let busy = desk.busy(NOW);
        assert_eq!(busy.len(), SLOTS, "also those of them that wait for a slot");
        assert!(desk.take(&key(SLOTS), "good", NOW));
    }

    #[test]
    fn who_fails_again_and_again_is_left_alone_for_longer_and_longer() {
        let mut desk = Desk::default();
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..14 {
            let begun = now;
            while !desk.take(&key(1), "a", now) {
                now += Duration::from_secs(1);
            }
            waits.push((now - begun).as_secs());
            desk.put_back(&key(1), "a", true, now);
            desk.ended.clear();
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
        now += COOL_MAX;
        assert!(desk.take(&key(1), "a", now));
        desk.put_back(&key(1), "a", false, now);
        assert!(desk.places.is_empty(), "it is like any other again");
    }
}
