//! Nonces that are typed in, while something else happens.

use super::{
    ledger::{run, run_all},
    world::*,
};
use crate::{
    call::DeviceCall,
    denied::{Denied, Refusal},
    id::ApproverId,
    model::{State, identification::IdentificationPurpose},
    outcome::DeviceOutcome,
    row::{Key, Row},
};
use std::{
    future::Future,
    pin::Pin,
    sync::atomic::Ordering::SeqCst,
    task::{Context, Waker},
};

type Typing<'a> = Pin<Box<dyn Future<Output = Result<DeviceOutcome, Refusal>> + 'a>>;

fn shown(world: &World, purpose: &IdentificationPurpose) -> String {
    let engine = &world.nodes[0];
    let compiled = run(engine.compiled(&sandbox(), NOW)).unwrap().unwrap();
    let (context, owner) = (context(NOW), acme());
    let audit = |_: &_| engine.event(&context, "-", "test", "-");
    let made = engine.shown_nonce(&context, &compiled, purpose.clone(), &owner, audit);
    run(made).unwrap().nonce
}

fn type_in<'a>(world: &'a World, node: usize, phone: &Phone, nonce: &str) -> Typing<'a> {
    let nonce = nonce.into();
    let call = DeviceCall::TypeIn { nonce };
    Box::pin(world.call(node, phone.signed(NOW), call, NOW))
}

fn wrong() -> Refusal {
    Refusal::Denied(Denied::NotFound { noun: "nonce" })
}

#[test]
fn pairs_that_nobody_got_and_that_cannot_be_destroyed_are_told_of() {
    for is_away in [false, true] {
        let world = World::new().with_nodes(2);
        let nonce = shown(&world, &IdentificationPurpose::Provider(client("bank")));
        world.strongbox.is_away.store(is_away, SeqCst);
        let both = vec![
            type_in(&world, 0, &world.ada, &nonce),
            type_in(&world, 1, &world.bob, &nonce),
        ];
        let lost = run_all(both).into_iter().find_map(Result::err).unwrap();
        match is_away {
            true => assert!(matches!(lost, Refusal::Fault(_)), "{lost:?}"),
            false => assert_eq!(lost, wrong()),
        }
    }
}

#[test]
fn an_organization_that_is_disabled_meanwhile_links_nobody() {
    let ada = ApproverId::parse("ada").unwrap();
    for purpose in [
        IdentificationPurpose::Provider(client("bank")),
        IdentificationPurpose::Subject(jane()),
        IdentificationPurpose::Approver(ada),
    ] {
        for steps in 0.. {
            let world = World::new();
            let nonce = shown(&world, &purpose);
            let mut typing = type_in(&world, 0, &world.bob, &nonce);
            let mut context = Context::from_waker(Waker::noop());
            let mut is_done = false;
            for _ in 0..steps {
                is_done |= typing.as_mut().poll(&mut context).is_ready();
            }
            if is_done {
                assert!(steps > 3, "{purpose:?}");
                break;
            }
            world.change(&Key::Organization(acme()), |row| {
                let Row::Organization(it) = row else { panic!() };
                it.state = State::Disabled;
            });
            assert_eq!(run(typing).unwrap_err(), wrong(), "{purpose:?} {steps}");
        }
    }
}
