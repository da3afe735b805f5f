//! Approve, reject, and get the PIN wrong: one after the other, at once, and over a crash.

use super::{
    ledger::{run, run_all},
    world::*,
};
use crate::{
    bounds::{APPROVAL_FOR, PIN_TRIES},
    call::DeviceCall,
    denied::{Denied, Reason, Refusal, Unapproved},
    model::{
        approval::{Approval, ApprovalState},
        asset::AssetState,
        webhook::Destination,
    },
    outcome::DeviceOutcome,
    row::Key,
};
use proptest::prelude::*;
use std::{
    future::Future,
    pin::Pin,
    sync::atomic::Ordering::SeqCst,
    task::{Context, Waker},
    time::Duration,
};

type Answered<'a> = Pin<Box<dyn Future<Output = Result<Approval, Refusal>> + 'a>>;

fn denied<T: std::fmt::Debug>(answered: Result<T, Refusal>) -> Denied {
    match answered {
        Err(Refusal::Denied(denied)) => denied,
        other => panic!("{other:?}"),
    }
}

fn expired() -> Denied {
    Denied::Unapproved(Box::new(Unapproved::Expired))
}

#[test]
fn who_knows_the_pin_approves_and_the_count_starts_anew() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    let wrong = run(world.answer(0, &world.jane, &asked, Some("000001"), NOW));
    assert_eq!(denied(wrong), Denied::WrongPin { tries_left: 4 });
    let approved = run(world.answer(0, &world.jane, &asked, Some(PIN), at(9))).unwrap();
    assert_eq!(approved.state, ApprovalState::Approved);
    assert!(approved.receipt.is_some() && approved.votes[0].asset_signature.is_some());
    let jane = world.device(&world.jane);
    assert_eq!((jane.wrong_pins, jane.waiting.len()), (0, 0));
    let name = approved.bound().unwrap().name(&sandbox());
    let name = Key::Name(
        sandbox(),
        crate::model::name::NameSpace::Countersigned,
        name,
    );
    assert!(world.ledger.get(&name).is_none());
    let mut actions = world.ledger.actions();
    // The first receipt makes its key.
    actions.retain(|action| !action.starts_with("key_set."));
    assert_eq!(
        actions,
        [
            "approval.create",
            "device.try_pin",
            "device.try_pin",
            "approval.approve"
        ]
    );
    let again = run(world.answer(0, &world.jane, &asked, Some(PIN), at(10)));
    assert!(matches!(denied(again), Denied::Conflict(_)));
}

#[test]
fn to_reject_needs_no_pin_and_ends_it() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    let rejected = run(world.answer(0, &world.jane, &asked, None, NOW)).unwrap();
    assert_eq!(rejected.state, ApprovalState::Rejected);
    assert!(rejected.receipt.is_some());
    assert_eq!(world.strongbox.used.load(SeqCst), 0);
    let late = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW));
    assert!(matches!(denied(late), Denied::Conflict(_)));
    // What was right is not held against anybody.
    assert_eq!(world.device(&world.jane).wrong_pins, 0);
}

#[test]
fn of_an_approval_and_a_rejection_at_once_the_first_commit_wins() {
    for (nodes, approves_first) in [(1, true), (1, false), (2, true), (2, false)] {
        let world = World::new().with_nodes(nodes);
        let asked = world.ask(&request(PAYOUT), NOW);
        let approve: Answered<'_> = Box::pin(world.answer(0, &world.jane, &asked, Some(PIN), NOW));
        let reject: Answered<'_> =
            Box::pin(world.answer(nodes - 1, &world.jane, &asked, None, NOW));
        let both = if approves_first {
            vec![approve, reject]
        } else {
            vec![reject, approve]
        };
        let (won, lost): (Vec<_>, Vec<_>) = run_all(both).into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1), "{nodes} {approves_first}");
        for lost in lost {
            assert!(matches!(denied(lost), Denied::Conflict(_)));
        }
        let row = world.approval(&asked.id);
        assert_eq!(row.votes.len(), 1);
        assert_eq!(row, won.into_iter().next().unwrap().unwrap());
        assert_eq!(world.device(&world.jane).wrong_pins, 0);
    }
}

#[test]
fn of_two_hundred_wrong_pins_at_once_no_more_are_compared_than_there_are_tries() {
    let world = World::new().with_nodes(1);
    let asked = world.ask(&request(PAYOUT), NOW);
    let guess = |world: &World, node| {
        let wrong = run(world.answer(node, &world.jane, &asked, Some("000001"), NOW));
        denied(wrong)
    };
    assert_eq!(guess(&world, 0), Denied::WrongPin { tries_left: 4 });
    assert_eq!(guess(&world, 0), Denied::WrongPin { tries_left: 3 });
    // A restart forgets nothing.
    let world = world.with_nodes(4);
    let guesses: Vec<Answered<'_>> = (0..200)
        .map(|n| {
            let guess = world.answer(n % 4, &world.jane, &asked, Some("000001"), NOW);
            Box::pin(guess) as Answered<'_>
        })
        .collect();
    let answers = run_all(guesses);
    assert_eq!(answers.len(), 200);
    let compared = answers
        .iter()
        .filter(|it| matches!(it, Err(Refusal::Denied(Denied::WrongPin { .. }))));
    assert_eq!(compared.count(), usize::from(PIN_TRIES) - 2);
    assert_eq!(
        world.strongbox.compared.load(SeqCst),
        usize::from(PIN_TRIES)
    );
    let world = world.with_nodes(1);
    let jane = world.device(&world.jane);
    assert!(jane.locked_at.is_some() && jane.is_locked());
    for provider in [None, Some("bank")] {
        let key = Key::Asset(sandbox(), asset_of(&world.jane, provider));
        let asset = world.ledger.get(&key).unwrap();
        assert_eq!(asset.asset().unwrap().state, AssetState::Locked);
    }
    let rows = world.ledger.rows();
    let told = rows.iter().filter_map(|row| row.delivery());
    let told: Vec<_> = told.map(|it| it.destination.clone()).collect();
    assert_eq!(told, [Destination::Callback(client("bank"))]);
    // The right PIN opens nothing any more, and nothing more is compared; nor does it reject.
    let locked = Denied::Forbidden(Reason::Locked);
    for pin in [Some(PIN), None] {
        let late = run(world.answer(0, &world.jane, &asked, pin, at(1)));
        assert_eq!(denied(late), locked);
    }
    assert_eq!(
        world.strongbox.compared.load(SeqCst),
        usize::from(PIN_TRIES)
    );
    assert_eq!(world.approval(&asked.id).votes, []);
}

#[test]
fn a_device_without_tries_that_nobody_marked_is_locked_and_gets_marked() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    let key = Key::Device(sandbox(), world.jane.id.clone());
    world.change(&key, |row| {
        let crate::row::Row::Device(device) = row else {
            panic!("no device")
        };
        device.wrong_pins = PIN_TRIES;
    });
    let locked = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW));
    assert_eq!(denied(locked), Denied::Forbidden(Reason::Locked));
    assert_eq!(world.device(&world.jane).locked_at, Some(NOW));
    assert_eq!(world.strongbox.compared.load(SeqCst), 0);
}

#[test]
fn the_last_try_is_a_try() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    for tries_left in (1..PIN_TRIES).rev() {
        let wrong = run(world.answer(0, &world.jane, &asked, Some("000001"), NOW));
        assert_eq!(denied(wrong), Denied::WrongPin { tries_left });
    }
    let approved = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
    assert_eq!(approved.state, ApprovalState::Approved);
    assert_eq!(world.device(&world.jane).wrong_pins, 0);
}

#[test]
fn an_answer_is_in_time_or_late_and_never_both() {
    let end = NOW.plus(APPROVAL_FOR);
    let last = end.minus(Duration::from_micros(1));
    for pin in [Some(PIN), None] {
        let world = World::new();
        let asked = world.ask(&request(PAYOUT), NOW);
        let late = run(world.answer(0, &world.jane, &asked, pin, end));
        assert_eq!(denied(late), expired());
        let in_time = run(world.answer(0, &world.jane, &asked, pin, last));
        assert!(in_time.is_ok(), "{in_time:?}");
    }
}

#[test]
fn a_crash_between_pin_and_signature_costs_a_try_and_nothing_else() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    for spent in 1..4 {
        let mut answer: Answered<'_> =
            Box::pin(world.answer(0, &world.jane, &asked, Some(PIN), NOW));
        let before = world.strongbox.compared.load(SeqCst);
        let mut context = Context::from_waker(Waker::noop());
        while world.strongbox.compared.load(SeqCst) == before {
            assert!(answer.as_mut().poll(&mut context).is_pending());
        }
        drop(answer);
        assert_eq!(world.device(&world.jane).wrong_pins, spent);
        assert_eq!(world.approval(&asked.id).state, ApprovalState::Pending);
        assert_eq!(world.strongbox.used.load(SeqCst), 0);
    }
    let world = world.with_nodes(1);
    let approved = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
    assert_eq!(approved.state, ApprovalState::Approved);
    assert_eq!(world.device(&world.jane).wrong_pins, 0);
    assert_eq!(world.strongbox.used.load(SeqCst), 1);
}

#[test]
fn a_keystore_that_is_away_locks_nobody_out() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    world.strongbox.is_away.store(true, SeqCst);
    for _ in 0..10 {
        let away = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW));
        assert!(matches!(away, Err(Refusal::Fault(_))), "{away:?}");
        assert_eq!(world.device(&world.jane).wrong_pins, 0);
    }
    world.strongbox.is_away.store(false, SeqCst);
    assert!(run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).is_ok());
}

#[test]
fn a_store_that_is_away_after_the_right_pin_locks_nobody_out() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    world.ledger.is_away_for("approval.approve");
    for _ in 0..PIN_TRIES * 2 {
        let away = run(world.answer(0, &world.jane, &asked, Some(PIN), NOW));
        assert!(matches!(away, Err(Refusal::Fault(_))), "{away:?}");
        assert_eq!(world.device(&world.jane).wrong_pins, 0);
    }
}

#[test]
fn the_same_signed_call_again_compares_nothing() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    let signed = world.jane.signed(NOW);
    for (pin, expected) in [
        (Some("000001"), Denied::WrongPin { tries_left: 4 }),
        (Some("000001"), Denied::InvalidToken(Reason::Spent)),
        (Some(PIN), Denied::InvalidToken(Reason::Spent)),
        (None, Denied::InvalidToken(Reason::Spent)),
    ] {
        let call = DeviceCall::Answer(world.jane.answer(&asked, pin, NOW));
        let answered = run(world.call(0, signed.clone(), call, NOW));
        assert_eq!(denied(answered), expected, "{pin:?}");
    }
    assert_eq!(world.strongbox.compared.load(SeqCst), 1);
    assert_eq!(world.device(&world.jane).wrong_pins, 1);
}

/// Every one of these is refused before a try is spent.
#[test]
fn what_a_device_did_not_sign_now_about_this_request_is_no_answer() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    let other = world.ask(&request("/payouts?to=Bob&amount=5"), NOW);
    let good = || world.jane.answer(&asked, Some(PIN), NOW);
    // The order of P-256, and the half of a signature that makes another one valid elsewhere.
    let order = data_encoding::HEXUPPER
        .decode(b"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551")
        .unwrap();
    let r = good().signature[..32].to_vec();
    let bad_signatures = [
        vec![],
        vec![0; 64],
        vec![0xff; 64],
        [order.clone(), order.clone()].concat(),
        [r.clone(), vec![0; 32]].concat(),
        [r.clone(), order.clone()].concat(),
        [vec![0; 32], r.clone()].concat(),
        good().signature[..63].to_vec(),
        [good().signature, vec![0]].concat(),
        world.ada.sign(good().statement.as_bytes()),
        world.jane.sign(b"something else"),
    ];
    let mut answers: Vec<_> = bad_signatures
        .into_iter()
        .map(|signature| {
            (
                crate::call::Answer {
                    signature,
                    ..good()
                },
                "signature",
            )
        })
        .collect();
    for byte in 0..64 {
        let mut answer = good();
        answer.signature[byte] ^= 1;
        answers.push((answer, "signature"));
    }
    for statement in [
        world.jane.answer(&other, Some(PIN), NOW),
        world.jane.answer(&asked, None, NOW),
        world
            .jane
            .answer(&asked, Some(PIN), NOW.minus(Duration::from_secs(62))),
        world
            .jane
            .answer(&asked, Some(PIN), NOW.plus(Duration::from_secs(62))),
        world.ada.answer(&asked, Some(PIN), NOW),
    ] {
        let answer = crate::call::Answer {
            statement: statement.statement,
            signature: statement.signature,
            ..good()
        };
        answers.push((answer, "statement"));
    }
    for pin in ["", "12345", "1234567890123", "40231a", "４０２３１１"] {
        let pin = Some(crate::secret::Secret::new(pin.to_owned()));
        answers.push((crate::call::Answer { pin, ..good() }, "pin"));
    }
    answers.push((
        crate::call::Answer {
            pin: None,
            ..good()
        },
        "pin",
    ));
    for (answer, field) in answers {
        let call = DeviceCall::Answer(answer);
        let refused = denied(run(world.call(0, world.jane.signed(NOW), call, NOW)));
        let Denied::Invalid(problems) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(problems[0].field, field);
    }
    assert_eq!(world.device(&world.jane).wrong_pins, 0);
    assert_eq!(world.strongbox.compared.load(SeqCst), 0);
    // Another's device is told of no request.
    let call = DeviceCall::Answer(world.ada.answer(&asked, Some(PIN), NOW));
    let refused = denied(run(world.call(0, world.ada.signed(NOW), call, NOW)));
    assert_eq!(refused, Denied::NotFound { noun: "request" });
    assert!(run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).is_ok());
}

#[test]
fn a_device_hears_of_what_waits_and_of_nothing_else() {
    let world = World::new();
    let waiting = |world: &World, now| {
        let call = DeviceCall::Waiting { seen: None };
        match run(world.call(0, world.jane.signed(now), call, now)).unwrap() {
            DeviceOutcome::Waiting {
                version, requests, ..
            } => (
                version,
                requests.iter().map(|it| it.id.clone()).collect::<Vec<_>>(),
            ),
            other => panic!("{other:?}"),
        }
    };
    let first = world.ask(&request(PAYOUT), NOW);
    let second = world.ask(&request("/others?to=Bob&amount=6"), at(100));
    let (version, ids) = waiting(&world, at(100));
    assert_eq!(ids, [first.id.clone(), second.id.clone()]);
    for (seen, is_there) in [
        (Some(version), false),
        (Some(version - 1), true),
        (None, true),
    ] {
        let call = DeviceCall::Waiting { seen };
        let outcome = run(world.call(0, world.jane.signed(at(100)), call, at(100))).unwrap();
        let is_new = outcome.news().is_none_or(|news| news.is_there);
        assert_eq!(is_new, is_there, "{seen:?}");
    }
    assert_eq!(waiting(&world, at(300)).1, std::slice::from_ref(&second.id));
    run(world.answer(0, &world.jane, &second, None, at(300))).unwrap();
    let (later, ids) = waiting(&world, at(300));
    assert!(later > version && ids.is_empty());
    let show = |phone: &Phone| {
        let call = DeviceCall::Show(second.id.clone());
        run(world.call(0, phone.signed(at(300)), call, at(300)))
    };
    assert!(matches!(show(&world.jane), Ok(DeviceOutcome::Request(_))));
    assert_eq!(
        denied(show(&world.ada)),
        Denied::NotFound { noun: "request" }
    );
}

#[test]
fn so_many_must_approve_and_one_rejects_for_all() {
    let world = World::new().with_nodes(2);
    let asked = world.ask(&request("/both?to=Ada&amount=5"), NOW);
    let first = run(world.answer(0, &world.ada, &asked, Some(PIN), NOW)).unwrap();
    assert_eq!((first.state, first.receipt), (ApprovalState::Pending, None));
    let twice = run(world.answer(0, &world.ada, &asked, None, NOW));
    assert!(matches!(denied(twice), Denied::Conflict(_)));
    let second = run(world.answer(1, &world.bob, &asked, Some(PIN), NOW)).unwrap();
    assert_eq!(second.state, ApprovalState::Approved);
    assert_eq!(second.votes.len(), 2);

    let asked = world.ask(&request("/both?to=Eve&amount=5"), NOW);
    let both: Vec<Answered<'_>> = vec![
        Box::pin(world.answer(0, &world.ada, &asked, Some(PIN), NOW)),
        Box::pin(world.answer(1, &world.bob, &asked, Some(PIN), NOW)),
    ];
    // At once, on two nodes: neither is lost.
    assert!(run_all(both).iter().all(Result::is_ok));
    assert_eq!(world.approval(&asked.id).state, ApprovalState::Approved);

    let asked = world.ask(&request("/both?to=Mallory&amount=5"), NOW);
    run(world.answer(0, &world.ada, &asked, Some(PIN), NOW)).unwrap();
    let rejected = run(world.answer(1, &world.bob, &asked, None, NOW)).unwrap();
    assert_eq!(rejected.state, ApprovalState::Rejected);
    assert!(world.device(&world.ada).waiting.is_empty());
}

/// An answer of somebody: by whom, with which PIN (none: a rejection), at which node, how much later.
fn step() -> impl Strategy<Value = (bool, Option<bool>, usize, u64)> {
    let pin = prop_oneof![4 => Just(Some(true)), 3 => Just(Some(false)), 1 => Just(None)];
    (any::<bool>(), pin, 0..2usize, 0..120u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_answers_end_in_one_outcome(
        steps in proptest::collection::vec(step(), 1..12), at_once in any::<bool>(), both in any::<bool>(),
    ) {
        let world = World::new().with_nodes(2);
        let target = if both { "/both?to=Ada&amount=5" } else { PAYOUT };
        let asked = world.ask(&request(target), NOW);
        let mut seconds = 0;
        let mut answers: Vec<Answered<'_>> = Vec::new();
        for (first, pin, node, later) in steps {
            seconds += if at_once { 0 } else { later };
            let phone = match (both, first) {
                (false, _) => &world.jane,
                (true, true) => &world.ada,
                (true, false) => &world.bob,
            };
            let pin = pin.map(|right| if right { PIN } else { "000001" });
            answers.push(Box::pin(world.answer(node, phone, &asked, pin, at(seconds))));
        }
        let outcomes = match at_once {
            true => run_all(answers),
            false => answers.into_iter().map(run).collect(),
        };
        let ended = outcomes.iter().flatten().filter(|it| it.state != ApprovalState::Pending);
        prop_assert!(ended.count() <= 1);
        let row = world.approval(&asked.id);
        let signed = row.votes.iter().filter(|vote| vote.asset_signature.is_some()).count();
        let needed = usize::from(asked.needed);
        prop_assert!(signed <= needed);
        prop_assert_eq!(row.receipt.is_some(), row.state != ApprovalState::Pending);
        for phone in [&world.jane, &world.ada, &world.bob] {
            let device = world.device(phone);
            prop_assert!(device.wrong_pins <= PIN_TRIES);
            prop_assert_eq!(device.locked_at.is_some(), device.wrong_pins == PIN_TRIES);
        }
    }
}
