//! Nonces that are typed in, while something else happens.

use super::{
    ledger::{run, run_all},
    world::*,
};
use crate::{
    bounds::{NONCE_GUESSES_ANYWHERE, NONCE_GUESSES_OF_SITE},
    call::{Asked, Call, CallContext, Callers, DeviceCall, Presented, Sender, Shown},
    denied::{Denied, Refusal},
    id::ApproverId,
    model::{State, device::Device, identification::IdentificationPurpose},
    outcome::DeviceOutcome,
    row::{Key, Row},
};
use std::{
    future::Future,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    sync::atomic::Ordering::SeqCst,
    task::{self, Waker},
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
        // The other node knows the environment as well, so that both are as fast.
        run(world.nodes[1].compiled(&sandbox(), NOW)).unwrap();
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

/// A guess from there at a nonce that is not there, with a new phone each time.
fn guess(world: &World, peer: IpAddr) -> Refusal {
    let phone = Phone::new();
    let row = Device {
        id: phone.id.clone(),
        public_key: phone.jwk.clone(),
        ..world.device(&world.bob)
    };
    world.ledger.put(Row::Device(Box::new(row)));
    let nonce = "000000000".into();
    let asked = Asked {
        callers: Callers::Device,
        presented: Presented::Present(Shown::DeviceSignature(Box::new(phone.signed(NOW)))),
        sender: Sender::Machine,
        call: Ok(Call::Device(DeviceCall::TypeIn { nonce })),
    };
    let context = CallContext {
        peer: Some(peer),
        ..context(NOW)
    };
    run(world.nodes[0].handle(&context, asked)).unwrap_err()
}

fn is_slowed(refused: &Refusal) -> bool {
    matches!(
        refused,
        Refusal::Denied(Denied::TooManyRequests { retry_after_s: 1 })
    )
}

#[test]
fn who_has_many_networks_guesses_no_more_often() {
    let world = World::new();
    let peer = |site: u16, network: u16| {
        IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, site, network, 0, 0, 0, 1))
    };
    for network in 0..NONCE_GUESSES_OF_SITE.burst as u16 {
        assert_eq!(guess(&world, peer(0, network)), wrong(), "{network}");
    }
    assert!(is_slowed(&guess(&world, peer(0, u16::MAX))));
    let mut others = 1..;
    let mut elsewhere = || guess(&world, peer(others.next().unwrap(), 0));
    for _ in NONCE_GUESSES_OF_SITE.burst..NONCE_GUESSES_ANYWHERE.burst {
        assert_eq!(elsewhere(), wrong());
    }
    assert!(is_slowed(&elsewhere()));
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
            let mut context = task::Context::from_waker(Waker::noop());
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
