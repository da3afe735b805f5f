//! Requests at guards that want a countersignature: asked once, approved, passed once.

use super::{ledger::run, world::*};
use crate::{
    bounds::{
        APPROVAL_FOR, APPROVAL_REPEATED_FOR, ASKING_RATE, POLL_MISSES_OF_NETWORK, POLL_RATE,
        WAITING_PER_DEVICE_MAX,
    },
    call::{ApprovalCall, Asked, Call, CallContext, Callers, Presented, Sender},
    decision::{Carrier, Judged, Principal},
    denied::{Denied, Reason, Refusal, Unapproved},
    id::{ApprovalId, RequestId},
    model::approval::{Approval, ApprovalState},
    outcome::{ApprovalOutcome, Outcome},
    row::{Key, Row},
    time::Timestamp,
};
use std::time::Duration;

const DIGEST: &str = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";

fn with<'a>(judged: Judged<'a>, approval: &'a Approval) -> Judged<'a> {
    Judged {
        approval: Carrier::Present(approval.id.as_str()),
        ..judged
    }
}

fn unapproved(why: Unapproved) -> Result<Option<String>, Denied> {
    Err(Denied::Unapproved(Box::new(why)))
}

fn approved(world: &World, judged: &Judged<'_>) -> Approval {
    let asked = world.ask(judged, NOW);
    run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap()
}

#[test]
fn a_request_is_asked_for_once_and_passes_once() {
    let world = World::new();
    let judged = request(PAYOUT);
    let asked = world.ask(&judged, NOW);
    assert_eq!(
        world.ask(&judged, at(1)).id,
        asked.id,
        "the same while pending"
    );
    assert!(asked.record.contains(r#""text":"Pay 5 to Ada""#));
    assert!(asked.record.contains(r#""asked_by":{"organization":"acme","organization_name":"Acme","client":"shop","client_name":"The shop","subject":"#));
    let early = world.decide(&with(judged, &asked), at(1));
    let waiting = Unapproved::Waiting {
        approval: asked.id.clone(),
        poll: format!("https://auth.example/approvals/{}", asked.id),
        otp: asked.otp.clone(),
        expires_at: asked.expires_at,
    };
    assert_eq!(early, unapproved(waiting));
    run(world.answer(0, &world.jane, &asked, Some(PIN), at(2))).unwrap();
    assert_ne!(
        world.ask(&judged, at(3)).id,
        asked.id,
        "another once it is answered"
    );
    assert_eq!(world.decide(&with(judged, &asked), at(4)), Ok(None));
    assert_eq!(
        world.decide(&with(judged, &asked), at(4)),
        unapproved(Unapproved::Used)
    );
}

#[test]
fn a_proxy_may_ask_again_about_the_request_that_passed() {
    let world = World::new();
    let (first, second) = (
        RequestId::parse("r1").unwrap(),
        RequestId::parse("r2").unwrap(),
    );
    let named = |id| Judged {
        request_id: Some(id),
        ..request(PAYOUT)
    };
    let approval = approved(&world, &request(PAYOUT));
    assert_eq!(world.decide(&with(named(&first), &approval), NOW), Ok(None));
    let last = NOW
        .plus(APPROVAL_REPEATED_FOR)
        .minus(Duration::from_micros(1));
    assert_eq!(
        world.decide(&with(named(&first), &approval), last),
        Ok(None)
    );
    for (judged, now) in [
        (named(&first), NOW.plus(APPROVAL_REPEATED_FOR)),
        (named(&second), at(1)),
        (request(PAYOUT), at(1)),
    ] {
        let again = world.decide(&with(judged, &approval), now);
        assert_eq!(again, unapproved(Unapproved::Used));
    }
}

#[test]
fn of_two_requests_at_once_one_passes() {
    let world = World::new().with_nodes(2);
    let approval = approved(&world, &request(PAYOUT));
    let judged = with(request(PAYOUT), &approval);
    let fact = std::sync::Arc::new(crate::decision::Fact::of(principal(), NOW));
    let decide = |node: usize| -> std::pin::Pin<Box<dyn Future<Output = bool> + '_>> {
        let engine = &world.nodes[node];
        engine.keep_fact(crate::opaque::lookup(&sandbox(), "a-session"), &fact);
        let judged = &judged;
        Box::pin(async move {
            let decision = engine.decide(&context(NOW), judged).await;
            matches!(decision, crate::decision::Decision::Allow(_))
        })
    };
    let passed = super::ledger::run_all(vec![decide(0), decide(1)]);
    assert_eq!(passed.iter().filter(|passed| **passed).count(), 1);
}

#[test]
fn an_approval_is_good_for_no_other_request_caller_path_query_body_method_host_or_guard() {
    let world = World::new();
    let approval = approved(&world, &request(PAYOUT));
    let mismatch = || unapproved(Unapproved::Mismatch);
    for (what, judged) in [
        ("query", request("/payouts?to=Ada&amount=6")),
        ("order of the query", request("/payouts?amount=5&to=Ada")),
        ("more query", request("/payouts?to=Ada&amount=5&x=1")),
        ("path and guard", request("/others?to=Ada&amount=5")),
        ("approvers", request("/both?to=Ada&amount=5")),
        (
            "method",
            Judged {
                method: "PUT",
                ..request(PAYOUT)
            },
        ),
        (
            "host",
            Judged {
                host: "other.example",
                ..request(PAYOUT)
            },
        ),
    ] {
        let decided = world.decide(&with(judged, &approval), NOW);
        assert_eq!(decided, mismatch(), "{what}");
    }
    let other_client = Principal {
        client: Some(client("bank")),
        ..principal()
    };
    let other_subject = Principal {
        subject: Some("52909e05-e1cb-4e45-b273-2b7b5d1f9bff".into()),
        ..principal()
    };
    for principal in [other_client, other_subject] {
        let decided = world.decide_of(&with(request(PAYOUT), &approval), &principal, NOW);
        assert_eq!(decided, mismatch());
    }
    for id in [
        "",
        "a b",
        "00000000000000000000000000000000",
        &"x".repeat(65),
    ] {
        let judged = Judged {
            approval: Carrier::Present(id),
            ..request(PAYOUT)
        };
        assert_eq!(world.decide(&judged, NOW), mismatch(), "{id}");
    }
    let twice = Judged {
        approval: Carrier::Malformed,
        ..request(PAYOUT)
    };
    assert!(matches!(world.decide(&twice, NOW), Err(Denied::Invalid(_))));
    // After all of that it is still good for its own.
    assert_eq!(
        world.decide(&with(request(PAYOUT), &approval), NOW),
        Ok(None)
    );
}

#[test]
fn a_body_is_bound_by_its_digest_where_the_api_checks_it() {
    let world = World::new();
    let of = |content_digest| Judged {
        content_digest,
        ..request("/bodies?to=Ada&amount=5")
    };
    for carrier in [
        Carrier::Absent,
        Carrier::Malformed,
        Carrier::Present("sha-512=:AAAA:"),
        Carrier::Present("sha-256=:AAAA:"),
    ] {
        let Err(Denied::Invalid(problems)) = world.decide(&of(carrier), NOW) else {
            panic!("{carrier:?}")
        };
        assert_eq!(problems[0].field, "Content-Digest");
    }
    let judged = of(Carrier::Present(DIGEST));
    let approval = approved(&world, &judged);
    assert!(approval.record.contains(&format!(r#""body":"{DIGEST}""#)));
    let other = DIGEST.replace("LPJN", "LPJM");
    let other = of(Carrier::Present(&other));
    let decided = world.decide(&with(other, &approval), NOW);
    assert_eq!(decided, unapproved(Unapproved::Mismatch));
    let passed = world.decide(&with(judged, &approval), NOW);
    assert_eq!(passed, Ok(Some(DIGEST.into())));
    // Where no body is bound, none is asked for and none is told.
    let judged = Judged {
        content_digest: Carrier::Malformed,
        ..request(PAYOUT)
    };
    let approval = approved(&world, &judged);
    assert_eq!(world.decide(&with(judged, &approval), NOW), Ok(None));
}

#[test]
fn an_approval_ends_when_it_says() {
    let world = World::new();
    let end = NOW.plus(APPROVAL_FOR);
    let approval = approved(&world, &request(PAYOUT));
    let late = world.decide(&with(request(PAYOUT), &approval), end);
    assert_eq!(late, unapproved(Unapproved::Expired));
    let last = end.minus(Duration::from_micros(1));
    assert_eq!(
        world.decide(&with(request(PAYOUT), &approval), last),
        Ok(None)
    );

    // A request that nobody answered is asked for anew, whether a worker has noted its end or not.
    let first = world.ask(&request("/others?to=Bob&amount=1"), NOW);
    let second = world.ask(&request("/others?to=Bob&amount=1"), end);
    assert_ne!(first.id, second.id);
    let rejected = run(world.answer(0, &world.jane, &second, None, end)).unwrap();
    let judged = request("/others?to=Bob&amount=1");
    let decided = world.decide(&with(judged, &rejected), end);
    assert_eq!(decided, unapproved(Unapproved::Rejected));
}

#[test]
fn nobody_is_tired_into_approving() {
    let world = World::new();
    let targets: Vec<_> = (0..=WAITING_PER_DEVICE_MAX)
        .map(|n| format!("/payouts?to=Ada&amount={n}"))
        .collect();
    let asked: Vec<_> = targets[..WAITING_PER_DEVICE_MAX]
        .iter()
        .map(|target| world.ask(&request(target), NOW))
        .collect();
    let one_more = || world.decide(&request(&targets[WAITING_PER_DEVICE_MAX]), NOW);
    assert_eq!(one_more(), unapproved(Unapproved::TooManyWaiting));
    run(world.answer(0, &world.jane, &asked[0], None, NOW)).unwrap();
    assert!(
        matches!(one_more(), Err(Denied::Unapproved(why)) if matches!(*why, Unapproved::Waiting { .. }))
    );
}

#[test]
fn who_asks_on_and_on_is_told_to_wait_and_what_waits_may_be_repeated() {
    let world = World::new();
    let ask = |n: u32, now| world.decide(&request(&format!("/payouts?to=Ada&amount={n}")), now);
    let is_waiting = |asked: &Result<_, Denied>| matches!(asked, Err(Denied::Unapproved(why)) if matches!(**why, Unapproved::Waiting { .. }));
    for _ in 0..2 * ASKING_RATE.burst {
        assert!(is_waiting(&ask(0, NOW)));
    }
    for n in 1..ASKING_RATE.burst {
        let asked = world.ask(&request(&format!("/payouts?to=Ada&amount={n}")), NOW);
        run(world.answer(0, &world.jane, &asked, None, NOW)).unwrap();
    }
    let rows = world.ledger.rows().len();
    let slowed = Err(Denied::TooManyRequests { retry_after_s: 1 });
    assert_eq!(ask(ASKING_RATE.burst, NOW), slowed);
    assert_eq!(world.ledger.rows().len(), rows);
    assert!(is_waiting(&ask(ASKING_RATE.burst, at(1))));
    // Nobody else is kept waiting.
    let other = Principal {
        client: Some(client("bank")),
        ..principal()
    };
    let others = world.decide_of(&request("/others?to=Ada&amount=1"), &other, NOW);
    assert!(is_waiting(&others));
}

#[test]
fn without_anybody_who_could_approve_nobody_is_asked() {
    let world = World::new();
    let nobody = unapproved(Unapproved::NoApprover);
    let as_client = Principal {
        subject: Some("client:shop".into()),
        ..principal()
    };
    assert_eq!(world.decide_of(&request(PAYOUT), &as_client, NOW), nobody);
    // A group that is too small.
    world
        .ledger
        .remove(&Key::Device(sandbox(), world.bob.id.clone()));
    assert_eq!(world.decide(&request("/both?to=Ada&amount=5"), NOW), nobody);
    // A device that is not linked any more.
    world.change(&Key::Device(sandbox(), world.jane.id.clone()), |row| {
        let Row::Device(device) = row else { panic!() };
        device.links.clear();
    });
    assert_eq!(world.decide(&request(PAYOUT), NOW), nobody);
    assert!(
        world
            .ledger
            .rows()
            .iter()
            .all(|row| row.approval().is_none())
    );
}

#[test]
fn two_approvers_with_one_phone_are_one_person() {
    let world = World::new();
    world.change(&Key::Approvers(sandbox(), acme()), |row| {
        let Row::Approvers(list) = row else { panic!() };
        list.approvers[1].device = Some(world.ada.id.clone());
    });
    world.change(&Key::Device(sandbox(), world.ada.id.clone()), |row| {
        let Row::Device(device) = row else { panic!() };
        device.links.push(approves("bob"));
    });
    // Two must approve, and there is one phone.
    let nobody = unapproved(Unapproved::NoApprover);
    assert_eq!(world.decide(&request("/both?to=Ada&amount=5"), NOW), nobody);
    world.change(&Key::Guards(sandbox()), |row| {
        let Row::Guards(list) = row else { panic!() };
        list.guards[2].approval.as_mut().unwrap().approvers = finance(1);
    });
    let world = world.with_nodes(1);
    let judged = request("/both?to=Ada&amount=5");
    let asked = world.ask(&judged, NOW);
    assert_eq!(asked.seats.len(), 1);
    run(world.answer(0, &world.ada, &asked, Some(PIN), NOW)).unwrap();
    assert_eq!(world.decide(&with(judged, &asked), NOW), Ok(None));
}

#[test]
fn a_preflight_passes_and_strangers_do_not() {
    let world = World::new();
    let preflight = Judged {
        method: "OPTIONS",
        authorization: Carrier::Absent,
        origin: Carrier::Present("https://app.example"),
        preflight_method: Carrier::Present("POST"),
        ..request(PAYOUT)
    };
    assert_eq!(world.decide(&preflight, NOW), Ok(None));
    let stranger = Judged {
        authorization: Carrier::Absent,
        ..request(PAYOUT)
    };
    assert_eq!(world.decide(&stranger, NOW), Err(Denied::NoCredential));
    // Also where a list from elsewhere lets them in: there is nobody to bind.
    world.change(&Key::Guards(sandbox()), |row| {
        let Row::Guards(list) = row else { panic!() };
        list.guards[0].accept = vec![crate::model::guard::Accept::Anonymous];
    });
    let world = world.with_nodes(1);
    let nobody = Denied::Forbidden(Reason::Kind);
    assert_eq!(world.decide(&stranger, NOW), Err(nobody));
}

#[test]
fn a_request_that_no_sentence_can_be_made_of_is_not_asked_for() {
    let world = World::new();
    for target in ["/payouts?to=Ada", "/payouts?to=Ada&amount=1&amount=2"] {
        assert!(matches!(
            world.decide(&request(target), NOW),
            Err(Denied::Invalid(_))
        ));
    }
    let long = format!("/payouts?to=Ada&amount=5&x={}", "y".repeat(2048));
    assert!(matches!(
        world.decide(&request(&long), NOW),
        Err(Denied::Invalid(_))
    ));
    assert!(world.device(&world.jane).waiting.is_empty());
}

fn poll(world: &World, call: ApprovalCall, now: Timestamp) -> Result<Outcome, Refusal> {
    let asked = Asked {
        callers: Callers::Anyone,
        presented: Presented::Absent,
        sender: Sender::Machine,
        call: Ok(Call::Approval(call)),
    };
    run(world.nodes[0].handle(&context(now), asked))
}

#[test]
fn whoever_knows_it_may_ask_what_came_of_it_but_not_too_often() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    let ask = |at_once, now| {
        let call = ApprovalCall::Poll {
            approval: asked.id.clone(),
            at_once,
        };
        match poll(&world, call, now)? {
            Outcome::Approval(outcome @ ApprovalOutcome::Polled { .. }) => Ok(outcome),
            other => panic!("{other:?}"),
        }
    };
    for (at_once, waits) in [(true, false), (false, true)] {
        let polled = ask(at_once, NOW).unwrap();
        let is_held = polled.news().is_some_and(|news| !news.is_there);
        assert_eq!(is_held, waits, "{at_once}");
    }
    run(world.answer(0, &world.jane, &asked, Some(PIN), NOW)).unwrap();
    let ApprovalOutcome::Polled {
        state,
        is_used,
        approvals,
        needed,
        ..
    } = ask(false, NOW).unwrap()
    else {
        panic!()
    };
    assert_eq!(state, ApprovalState::Approved);
    assert_eq!((is_used, approvals, needed), (false, 1, 1));
    let answered = (0..1000).filter(|_| ask(true, NOW).is_ok()).count();
    assert_eq!(answered, POLL_RATE.burst as usize - 3);
    let slowed = ask(true, NOW);
    let expected = Refusal::Denied(Denied::TooManyRequests { retry_after_s: 1 });
    assert_eq!(slowed.err(), Some(expected));
    assert!(ask(true, at(1)).is_ok());
}

#[test]
fn who_polls_what_is_not_there_slows_down_only_the_own_network() {
    let world = World::new();
    let asked = world.ask(&request(PAYOUT), NOW);
    let ask = |id: &str, peer: [u8; 4]| {
        let approval = ApprovalId::parse(id).unwrap();
        let context = CallContext {
            peer: Some(peer.into()),
            ..context(NOW)
        };
        run(world.nodes[0].poll_approval(&context, &approval, true))
    };
    let (stranger, owner) = ([192, 0, 2, 7], [192, 0, 2, 8]);
    let missing = Refusal::Denied(Denied::NotFound { noun: "approval" });
    for n in 0..POLL_MISSES_OF_NETWORK.burst {
        let missed = ask(&format!("{n:032x}"), stranger);
        assert_eq!(missed.unwrap_err(), missing);
    }
    for id in ["ffffffffffffffffffffffffffffffff", asked.id.as_str()] {
        let slowed = ask(id, stranger).unwrap_err();
        let expected = Denied::TooManyRequests { retry_after_s: 1 };
        assert_eq!(slowed, Refusal::Denied(expected));
    }
    for _ in 0..POLL_RATE.burst {
        ask(asked.id.as_str(), owner).unwrap();
    }
    assert!(ask(asked.id.as_str(), owner).is_err());
}
