//! The tries of a PIN, over `kill -9` and over any number of tries at once: the real binary, its own file, a phone
//! that speaks the documented protocol.

use super::Stage;
use crate::proxies::{
    countersign::Countersign,
    phone::{PIN, Phone},
    wire::Ask,
};
use countersign::system::{self, SystemClock};
use countersign_engine::ports::Clock;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Barrier, mpsc::channel},
    time::Duration,
};

const PHONES: &str = "phone.sandbox.test";
const TRIES: u64 = 5;
/// Longer than any answer takes; that of a server that was killed ends at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose phones have a name that outlives its port, and the approver's phone.
fn stage() -> (Stage, Phone) {
    let stage = Stage::of(Countersign::start(), &format!("https://{PHONES}"));
    let phone = Phone::enrol(stage.countersign.public, PHONES);
    phone.type_in(&stage.nonce());
    (stage, phone)
}

impl Stage {
    fn approval(&self, id: &str) -> Value {
        let path = format!("/admin/v1/environments/sandbox/approvals/{id}");
        self.countersign
            .admin_ask(Ask::get(&path, "localhost"))
            .json()
    }

    /// How many lines of the audit say this of that.
    fn audited(&self, action: &str, of: &str) -> usize {
        let (mut count, mut cursor) = (0, String::new());
        loop {
            let path = format!("/admin/v1/audit?limit=200{cursor}");
            let page = self
                .countersign
                .admin_ask(Ask::get(&path, "localhost"))
                .json();
            let lines = page["items"].as_array().unwrap();
            let is_it = |line: &&Value| {
                line["action"] == action && line["target"].as_str().unwrap().ends_with(of)
            };
            count += lines.iter().filter(is_it).count();
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return count,
            }
        }
    }
}

#[test]
fn a_kill_between_pin_and_signature_costs_a_try_or_leaves_one_signature() {
    let (mut stage, mut phone) = stage();
    let clock = SystemClock::start();
    let began = clock.monotonic();
    drop(
        phone
            .approve(&asked(&stage, &phone, 0), PIN)
            .send(stage.countersign.public),
    );
    let takes = clock.monotonic() - began;
    let mut seen = BTreeMap::<&str, u32>::new();
    // Kills come at any time of an answer: before its first commit, between the two, and after both.
    for round in 1_u32.. {
        assert!(
            round <= 100,
            "no kill came between the two commits: {seen:?}"
        );
        let request = asked(&stage, &phone, round);
        let id = request["id"].as_str().unwrap();
        let answer = phone.approve(&request, PIN);
        let public = stage.countersign.public;
        let (said, told) = channel();
        let asking = system::thread("answer", move || {
            said.send(answer.send_within(public, PATIENCE)).unwrap();
        });
        std::thread::sleep(takes * (round % 10) / 10);
        stage.countersign.kill_and_start_again();
        phone.move_to(stage.countersign.public);
        asking.unwrap().join().unwrap();

        let is_acknowledged = told
            .recv()
            .unwrap()
            .is_ok_and(|answer| answer.status == 200);
        let left = phone.device()["tries_left"].as_u64().unwrap();
        let state = stage.approval(id)["state"].as_str().unwrap().to_owned();
        let outcome = match (state.as_str(), left) {
            ("pending", TRIES) => "nothing",
            ("pending", left) if left == TRIES - 1 => "a try",
            ("approved", TRIES) => "signed",
            other => panic!("{other:?}"),
        };
        *seen.entry(outcome).or_default() += 1;
        if outcome != "signed" {
            assert!(!is_acknowledged, "it was answered, and is lost");
            phone.approves(&format!("Pay {round} to Ada"));
        }
        assert_eq!(phone.device()["tries_left"], TRIES);
        assert_eq!(stage.audited("approval.approve", id), 1, "signed once");
        let target = payout(round);
        assert_eq!(stage.pay(&target, Some(id)).status, 200);
        let again = stage.pay(&target, Some(id));
        assert_eq!(Stage::refused(&again), "approval-used");
        if round >= 10 && seen.contains_key("a try") {
            break;
        }
    }
    eprintln!("what kills left: {seen:?}");
}

fn payout(amount: u32) -> String {
    format!("/payouts?to=Ada&amount={amount}")
}

/// A payout that is asked for, as the phone sees it.
fn asked(stage: &Stage, phone: &Phone, amount: u32) -> Value {
    let (id, _) = stage.ask(&payout(amount));
    let mut waiting = phone.waiting();
    let place = waiting.iter().position(|it| it["id"] == *id).unwrap();
    waiting.swap_remove(place)
}

#[test]
fn of_two_hundred_wrong_pins_at_once_five_are_compared_and_a_restart_gives_none_back() {
    const AT_ONCE: usize = 200;
    let (mut stage, mut phone) = stage();
    let request = asked(&stage, &phone, 1);
    let id = request["id"].as_str().unwrap();
    let wrong = |number: usize| phone.approve(&request, &format!("84{:04}", number * 7));
    let asks: Vec<Ask> = (0..AT_ONCE).map(wrong).collect();
    let together = Arc::new(Barrier::new(AT_ONCE));
    let (say, told) = channel();
    let threads: Vec<_> = asks
        .into_iter()
        .map(|ask| {
            let (public, together) = (stage.countersign.public, Arc::clone(&together));
            let say = say.clone();
            let wrong = move || {
                together.wait();
                say.send(ask.send_within(public, PATIENCE).unwrap())
                    .unwrap();
            };
            system::thread("wrong", wrong).unwrap()
        })
        .collect();
    drop(say);
    let mut statuses = BTreeMap::<String, usize>::new();
    for answer in told {
        let kind = answer.json()["type"].as_str().unwrap().to_owned();
        let kind = format!("{} {kind}", answer.status);
        *statuses.entry(kind).or_default() += 1;
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let compared = stage.audited("device.try_pin", id);
    assert_eq!(compared as u64, TRIES, "{statuses:?}");
    let told_wrong = statuses["403 urn:countersign:problem:wrong-pin"];
    assert!(told_wrong as u64 <= TRIES, "{statuses:?}");
    assert_eq!(statuses.values().sum::<usize>(), AT_ONCE);

    for restarted in [false, true] {
        if restarted {
            stage.countersign.kill_and_start_again();
            phone.move_to(stage.countersign.public);
        }
        let device = phone.device();
        assert_eq!(
            (&device["locked"], &device["tries_left"]),
            (&json!(true), &json!(0))
        );
        let right = phone.approve(&request, PIN).send(stage.countersign.public);
        assert_eq!(right.status, 403, "{right:?}");
        assert_eq!(Stage::refused(&right), "device-locked");
        assert_eq!(stage.audited("device.try_pin", id) as u64, TRIES);
        assert_eq!(stage.approval(id)["state"], "pending");
    }
    let late = stage.pay(&payout(1), Some(id));
    assert_eq!(late.status, 403, "{late:?}");
}
