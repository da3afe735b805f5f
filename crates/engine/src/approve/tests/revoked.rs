//! Whoever was disabled, locked, unlinked or removed in between: at asking, at answering and at passing
//! (CVE-2026-9798, CVE-2026-16103).

use super::{ledger::run, world::*};
use crate::{
    call::DeviceCall,
    decision::Carrier,
    denied::{Denied, Refusal},
    model::State,
    outcome::DeviceOutcome,
    row::{Key, Row},
    time::Timestamp,
};

/// What happens to whom. The caller's own credential is asked before all of this, and is not what is tried here.
type Happening = (&'static str, fn(&World));

fn with_row(world: &World, key: &Key, change: impl FnOnce(&mut Row)) {
    world.change(key, change);
}

fn device_of(world: &World, change: impl Fn(&mut crate::model::device::Device)) {
    for phone in [&world.jane, &world.ada] {
        with_row(world, &Key::Device(sandbox(), phone.id.clone()), |row| {
            let Row::Device(device) = row else { panic!() };
            change(device);
        });
    }
}

fn subject_of(world: &World, change: impl FnOnce(&mut crate::model::subject::Subject)) {
    with_row(world, &Key::Subject(sandbox(), jane()), |row| {
        let Row::Subject(subject) = row else { panic!() };
        change(subject);
    });
}

fn approvers_of(world: &World, change: impl FnOnce(&mut crate::model::approver::ApproverList)) {
    with_row(world, &Key::Approvers(sandbox(), acme()), |row| {
        let Row::Approvers(list) = row else { panic!() };
        change(list);
    });
}

/// Those of the people who approve.
const OF_PEOPLE: &[Happening] = &[
    ("locked", |world| {
        device_of(world, |it| it.locked_at = Some(NOW))
    }),
    ("out of tries", |world| {
        device_of(world, |it| it.wrong_pins = 5)
    }),
    ("unlinked", |world| device_of(world, |it| it.links.clear())),
    ("without its asset", |world| {
        device_of(world, |it| it.assets.clear());
    }),
    ("removed", |world| {
        for phone in [&world.jane, &world.ada] {
            world
                .ledger
                .remove(&Key::Device(sandbox(), phone.id.clone()));
        }
    }),
    ("asset destroyed", |world| {
        for phone in [&world.jane, &world.ada] {
            let key = Key::Asset(sandbox(), asset_of(phone, None));
            with_row(world, &key, |row| {
                let Row::Asset(asset) = row else { panic!() };
                asset.state = crate::model::asset::AssetState::Destroyed;
            });
        }
    }),
    ("no device of theirs", |world| {
        subject_of(world, |it| it.devices.clear());
        approvers_of(world, |it| it.approvers[0].device = None);
    }),
    ("subject disabled, approver removed", |world| {
        subject_of(world, |it| it.state = State::Disabled);
        approvers_of(world, |it| {
            it.approvers.remove(0);
        });
    }),
    ("subject erased, approver out of the group", |world| {
        subject_of(world, |it| it.closing_at = Some(NOW));
        approvers_of(world, |it| it.approvers[0].groups.clear());
    }),
];

/// Those of whoever asks. They are known before anybody is asked, so only what is answered and passes is tried.
const OF_ASKER: &[Happening] = &[
    ("client disabled", |world| {
        with_row(world, &Key::Client(sandbox(), client("shop")), |row| {
            let Row::Client(client) = row else { panic!() };
            client.state = State::Disabled;
        });
    }),
    ("client removed", |world| {
        world.ledger.remove(&Key::Client(sandbox(), client("shop")));
    }),
    ("client made anew", |world| {
        with_row(world, &Key::Client(sandbox(), client("shop")), |row| {
            let Row::Client(client) = row else { panic!() };
            client.created_at = Timestamp::from_seconds(NOW.seconds() + 1);
        });
    }),
    ("organization disabled", |world| {
        with_row(world, &Key::Organization(acme()), |row| {
            let Row::Organization(it) = row else { panic!() };
            it.state = State::Disabled;
        });
    }),
    ("subject made anew", |world| {
        subject_of(world, |it| {
            it.created_at = Timestamp::from_seconds(NOW.seconds() + 1);
        });
    }),
];

/// Jane approves her own; two of finance approve, of whom Ada is the one to whom it happens.
const TARGETS: [&str; 2] = [PAYOUT, "/both?to=Ada&amount=5"];

#[test]
fn what_happened_before_asking_asks_nobody() {
    for (what, happen) in OF_PEOPLE {
        // Whose link is gone is asked only if its row says so; of an asset the row is asked when it is used.
        if *what == "asset destroyed" {
            continue;
        }
        for target in TARGETS {
            let world = World::new();
            happen(&world);
            let refused = world.decide(&request(target), NOW);
            let no_approver = crate::denied::Unapproved::NoApprover;
            let expected = Err(Denied::Unapproved(Box::new(no_approver)));
            assert_eq!(refused, expected, "{what} {target}");
        }
    }
}

#[test]
fn what_happened_before_answering_answers_nothing() {
    for (what, happen) in OF_PEOPLE.iter().chain(OF_ASKER) {
        for target in TARGETS {
            let world = World::new();
            let asked = world.ask(&request(target), NOW);
            happen(&world);
            let phone = if target == PAYOUT {
                &world.jane
            } else {
                &world.ada
            };
            for pin in [Some(PIN), None] {
                let refused = run(world.answer(0, phone, &asked, pin, NOW));
                assert!(
                    matches!(refused, Err(Refusal::Denied(_))),
                    "{what} {target}"
                );
            }
            assert_eq!(world.approval(&asked.id).votes, [], "{what} {target}");
            assert_eq!(
                world
                    .strongbox
                    .used
                    .load(std::sync::atomic::Ordering::SeqCst),
                0
            );
        }
    }
}

#[test]
fn who_was_removed_is_shown_nothing_more_and_who_is_locked_is() {
    for (what, happen) in OF_PEOPLE {
        for target in TARGETS {
            let world = World::new();
            let asked = world.ask(&request(target), NOW);
            happen(&world);
            let phone = match target == PAYOUT {
                true => &world.jane,
                false => &world.ada,
            };
            let call = |call| run(world.call(0, phone.signed(NOW), call, NOW));
            let shown = call(DeviceCall::Show(asked.id.clone()));
            let waiting = call(DeviceCall::Waiting { seen: None });
            // Whose device is gone is nobody.
            let waiting = match waiting {
                Ok(DeviceOutcome::Waiting { requests, .. }) => requests.len(),
                _ => 0,
            };
            let may_look = ["locked", "out of tries", "asset destroyed"].contains(what);
            assert_eq!(shown.is_ok(), may_look, "{what} {target}");
            assert_eq!(waiting, usize::from(may_look), "{what} {target}");
        }
    }
}

#[test]
fn what_happened_before_passing_lets_nothing_pass() {
    for (what, happen) in OF_PEOPLE.iter().chain(OF_ASKER) {
        for target in TARGETS {
            let world = World::new();
            let asked = world.ask(&request(target), NOW);
            if target == PAYOUT {
                run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
            } else {
                run(world.answer(0, &world.ada, &asked, Some(PIN), NOW)).unwrap();
                run(world.answer(0, &world.bob, &asked, Some(PIN), NOW)).unwrap();
            }
            happen(&world);
            let judged = crate::decision::Judged {
                approval: Carrier::Present(asked.id.as_str()),
                ..request(target)
            };
            let refused = world.decide(&judged, NOW);
            assert!(refused.is_err(), "{what} {target}");
            assert_eq!(world.approval(&asked.id).used, None, "{what} {target}");
        }
    }
}

#[test]
fn an_answer_of_somebody_who_was_removed_counts_no_more() {
    let world = World::new();
    let asked = world.ask(&request(TARGETS[1]), NOW);
    run(world.answer(0, &world.ada, &asked, Some(PIN), NOW)).unwrap();
    approvers_of(&world, |it| {
        it.approvers.remove(0);
    });
    let second = run(world.answer(0, &world.bob, &asked, Some(PIN), NOW)).unwrap();
    assert_eq!(second.state, crate::model::approval::ApprovalState::Pending);
}

#[test]
fn a_guard_that_asks_more_people_now_takes_no_earlier_approval() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
    world.change(&Key::Guards(sandbox()), |row| {
        let Row::Guards(list) = row else { panic!() };
        list.guards[0].approval.as_mut().unwrap().approvers = finance(2);
    });
    let world = world.with_nodes(1);
    let judged = crate::decision::Judged {
        approval: Carrier::Present(asked.id.as_str()),
        ..request(PAYOUT)
    };
    let mismatch = crate::denied::Unapproved::Mismatch;
    let expected = Err(Denied::Unapproved(Box::new(mismatch)));
    assert_eq!(world.decide(&judged, NOW), expected);
}
