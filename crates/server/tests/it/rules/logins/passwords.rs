//! E-mail address and password.

use super::*;
use countersign_engine::{
    call::{SubjectCall, Target},
    model::webhook::LetterText,
    ports::{Housekeeping, Kept as Counted, Query},
};

#[tokio::test]
async fn the_printed_request_is_answered_byte_for_byte() {
    let world = world().await;
    let printed = format!(
        "POST /api/v1/authenticate\nContent-Type: application/json\n\n\
         {{\n  \"email\": \"{EMAIL}\",\n  \"password\": \"{PASSWORD}\"\n}}"
    );
    let answer = ask(&world, CANUCK, &printed).await;
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let token = body["data"]["id"].as_str().unwrap();
    assert_eq!(token.len(), 51, "as the vendor draws it");
    // The tag's key comes from the system's randomness, so the token differs each time.
    let told = print(&answer).replace(token, &"x".repeat(51));
    let expected = format!(
        "200\ncache-control: no-store\ncontent-type: application/json\npragma: no-cache\n\n\
         {{\"data\":{{\"id\":\"{}\",\"userId\":\"{JOHN}\",\"ttl\":1209600,\
         \"until\":\"2023-11-28T22:13:20.000000Z\",\"created\":\"2023-11-14T22:13:20.000000Z\"}}}}",
        "x".repeat(51)
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_session_opens_what_is_its_users_until_it_is_over() {
    let world = world().await;
    let bearer = let_in(&world, &login(EMAIL, PASSWORD)).await;
    let own = format!("GET /api/v1/users/{JOHN}\nAuthorization: Bearer {bearer}\n\n");
    let told = print(&ask(&world, CANUCK, &own).await);
    let expected = format!(
        "{{\"data\":{{\"id\":\"{JOHN}\",\"email\":\"{EMAIL}\",\
         \"created\":\"2023-11-14T22:13:20.000000Z\",\"updated\":\"2023-11-14T22:13:20.000000Z\"}}}}"
    );
    assert!(told.ends_with(&expected), "{told}");
    let others = own.replace(JOHN, "00000000-0000-4000-8000-000000000001");
    assert_eq!(refused(&world, &others).await, (404, "NotFound".into()));
    let stranger = format!("GET /api/v1/users/{JOHN}\n\n");
    assert_eq!(refused(&world, &stranger).await.0, 401);

    world.pass(14 * 24 * 3600 - 1).await;
    assert_eq!(whoami(&world, &bearer).await, 200);
    world.pass(1).await;
    assert_eq!(whoami(&world, &bearer).await, 401, "`until` itself is over");
}

#[tokio::test]
async fn a_session_passes_a_guard_and_is_refused_by_the_decision_after_its_end() {
    let world = world().await;
    let guard = Guard {
        name: "private".into(),
        hosts: vec![],
        paths: vec!["/private/*".into()],
        methods: vec![],
        accept: vec![Accept::Session],
        profiles: vec!["bitcanuck".into()],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: Some("bitcanuck".into()),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    world.set_guards(CANUCK, vec![guard]).await.unwrap();
    let bearer = let_in(&world, &login(EMAIL, PASSWORD)).await;
    let other = let_in(&world, &login(EMAIL, PASSWORD)).await;
    assert_eq!(world.ask(CANUCK, "/private/1", &bearer).await, Ok(()));
    let logout = format!("POST /api/v1/logout\nAuthorization: Bearer {bearer}\n\n");
    let told = print(&ask(&world, CANUCK, &logout).await);
    assert_eq!(told, "204\ncache-control: no-store\npragma: no-cache\n\n");
    assert!(world.ask(CANUCK, "/private/1", &bearer).await.is_err());
    assert_eq!(whoami(&world, &bearer).await, 401);
    assert_eq!(world.ask(CANUCK, "/private/1", &other).await, Ok(()));
}

#[tokio::test]
async fn a_session_is_none_at_another_dialects_endpoints() {
    let world = world().await;
    let bearer = let_in(&world, &login(EMAIL, PASSWORD)).await;
    for line in [
        "GET /v1/users/session",
        "POST /v1/introspect/session_token",
        "DELETE /v1/users/session",
    ] {
        let request = format!("{line}\nAuthorization: Bearer {bearer}\n\n");
        assert_eq!(refused(&world, &request).await.0, 401, "{line}");
    }
    assert_eq!(whoami(&world, &bearer).await, 200, "and it goes on");
}

#[tokio::test]
async fn unknown_disabled_and_wrong_are_the_same_bytes() {
    let world = world().await;
    let wrong = print(&ask(&world, CANUCK, &login(EMAIL, "not the password")).await);
    let expected = "401\ncache-control: no-store\ncontent-type: application/json\npragma: no-cache\n\
                    www-authenticate: Bearer realm=\"canuck\"\n\n\
                    {\"error\":{\"statusCode\":401,\"name\":\"LoginFailed\",\"message\":\"login failed\"}}";
    assert_eq!(wrong, expected);
    for email in ["nobody@email.com", "not an address"] {
        let told = print(&ask(&world, CANUCK, &login(email, PASSWORD)).await);
        assert_eq!(told, wrong, "{email}");
    }
    let key = Key::Subject(env(CANUCK), john());
    let stored = world.store.load(&[key]).await.unwrap().remove(0).unwrap();
    let disabled = Subject {
        state: State::Disabled,
        ..stored.subject().unwrap().clone()
    };
    let change = Change::Replace {
        row: Row::Subject(disabled),
        if_version: stored.version,
    };
    commit(&world, vec![change]).await;
    let disabled = print(&ask(&world, CANUCK, &login(EMAIL, PASSWORD)).await);
    assert_eq!(disabled, wrong);
}

/// All the answers to one wrong guess after the other, with the seconds that pass between them.
async fn guesses(email: &str) -> Vec<String> {
    let world = world().await;
    let mut told = Vec::new();
    for pause_s in [0, 0, 0, 0, 0, 0, 9, 1, 0, 20, 0] {
        world.pass(pause_s).await;
        let wrong = login(email, "not the password");
        told.push(print(&ask(&world, CANUCK, &wrong).await));
    }
    told
}

#[tokio::test]
async fn guessing_slows_down_alike_for_accounts_that_do_not_exist() {
    let (known, unknown) = (guesses(EMAIL).await, guesses("nobody@email.com").await);
    assert_eq!(known, unknown);
    let statuses: Vec<&str> = known.iter().map(|answer| &answer[..3]).collect();
    let expected = [
        "401", "401", "401", "401", "401", "429", "429", "401", "429", "401", "429",
    ];
    assert_eq!(statuses, expected);
    assert!(known[5].contains("retry-after: 10"), "{}", known[5]);
}

#[tokio::test]
async fn however_it_is_typed_an_account_has_one_counter() {
    let world = world().await;
    for email in [
        "John@email.com",
        " john@email.com",
        "JOHN@EMAIL.COM ",
        "john@EMAIL.com",
        "john@email.com",
    ] {
        let told = refused(&world, &login(email, "not the password")).await;
        assert_eq!(told, login_failed(), "{email}");
    }
    assert_eq!(refused(&world, &login(EMAIL, PASSWORD)).await.0, 429);
}

#[tokio::test]
async fn who_is_guessed_at_can_still_log_in_from_where_it_did() {
    let world = world().await;
    let right = login(EMAIL, PASSWORD);
    let_in(&world, &right).await;
    for network in 0..25 {
        for _ in 0..4 {
            let wrong = login(EMAIL, "not the password");
            let answer = ask_from(&world, CANUCK, [198, 51, 100, network], &wrong).await;
            assert_eq!(answer.status(), 401);
        }
    }
    let stranger = ask_from(&world, CANUCK, [203, 0, 113, 1], &right).await;
    assert_eq!(stranger.status(), 429, "a hundred were wrong");
    let_in(&world, &right).await;
    let stranger = ask_from(&world, CANUCK, [203, 0, 113, 1], &right).await;
    assert_eq!(stranger.status(), 200, "a right one forgives them");
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test waits for every one of them"
)]
async fn two_hundred_guesses_at_once_are_no_more_than_five() {
    let world = Arc::new(world().await);
    let tries = (0..200).map(|_| {
        let world = world.clone();
        tokio::spawn(async move { refused(&world, &login(EMAIL, "not the password")).await })
    });
    let mut looked_at = 0;
    for told in tries.collect::<Vec<_>>() {
        match told.await.unwrap() {
            (401, _) => looked_at += 1,
            (429 | 503, _) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=5).contains(&looked_at), "{looked_at}");
}

#[tokio::test]
async fn a_network_that_goes_on_and_on_writes_nothing_more() {
    let world = world().await;
    for count in 0..300 {
        let told = refused(&world, &ask_reset(&format!("user{count}@email.com"))).await;
        assert_eq!(told.0, 204, "{count}");
    }
    let before = rows(&world).await;
    let told = refused(&world, &login("x@email.com", PASSWORD)).await;
    assert_eq!(told.0, 429);
    assert_eq!(refused(&world, &ask_reset(EMAIL)).await.0, 429);
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn all_networks_together_ask_for_so_many_links_and_no_more() {
    let world = world().await;
    let count = |number: u16| [198, 51, (number >> 8) as u8, number as u8];
    for number in 0..5000 {
        let asked = ask_from(
            &world,
            CANUCK,
            count(number),
            &ask_reset("nobody@email.com"),
        )
        .await;
        assert_eq!(asked.status(), 204, "{number}");
    }
    let before = rows(&world).await;
    let told = async |email| {
        let asked = ask_from(&world, CANUCK, [203, 0, 113, 1], &ask_reset(email)).await;
        print(&asked)
    };
    let (known, unknown) = (told(EMAIL).await, told("somebody@email.com").await);
    assert!(known.starts_with("429"), "{known}");
    assert_eq!(known, unknown);
    assert_eq!(rows(&world).await, before);
    world.pass(1).await;
    assert!(told(EMAIL).await.starts_with("204"));
}

#[tokio::test]
async fn guesses_and_letters_that_a_stranger_asks_for_buy_two_audit_lines_a_minute() {
    let world = world().await;
    let lines = |world: &World| world.engine.take_observations(world.now()).0;
    let _ = (lines(&world), world.pass(60).await);
    let before = audit_lines(&world).await;
    for count in 0..100 {
        let address = format!("user{count}@email.com");
        assert_eq!(
            refused(&world, &login(&address, PASSWORD)).await,
            login_failed()
        );
        assert_eq!(refused(&world, &ask_reset(&address)).await.0, 204);
    }
    assert_eq!(audit_lines(&world).await, before, "none by the way");
    world.pass(60).await;
    let mut told: Vec<_> = lines(&world)
        .into_iter()
        .map(|line| (line.action, line.outcome, line.count))
        .collect();
    told.sort();
    let line = |action: &str, outcome: &str| (action.into(), outcome.into(), 100);
    let expected: [(String, String, u32); 3] = [
        line("guess.count", "ok"),
        line("login.refuse", "mismatch"),
        line("password.ask_reset", "ok"),
    ];
    assert_eq!(told, expected);
}

async fn audit_lines(world: &World) -> u64 {
    match world.store.keep(Housekeeping::CountRows).await.unwrap() {
        Counted::Counts(counts) => {
            let audit = counts.iter().find(|(table, _)| *table == "audit");
            audit.unwrap().1
        }
        other => panic!("{other:?}"),
    }
}

async fn rows(world: &World) -> u64 {
    match world.store.keep(Housekeeping::CountRows).await.unwrap() {
        Counted::Counts(counts) => counts.iter().map(|(_, count)| count).sum(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn json_post(path: &str, head: &str, body: Value) -> String {
    format!("POST {path}\nContent-Type: application/json{head}\n\n{body}")
}

fn ask_reset(email: &str) -> String {
    let body = serde_json::json!({ "email": email });
    json_post("/api/v1/password-reset", "", body)
}

fn reset(token: &str, new: &str) -> String {
    let body = serde_json::json!({ "token": token, "newPassword": new });
    json_post("/api/v1/password-reset/confirm", "", body)
}

fn change(bearer: &str, current: &str, new: &str) -> String {
    let body = serde_json::json!({ "currentPassword": current, "newPassword": new });
    let head = format!("\nAuthorization: Bearer {bearer}");
    json_post("/api/v1/password", &head, body)
}

/// The letters that wait to be sent, oldest first.
pub(super) async fn letters(world: &World) -> Vec<(String, LetterText)> {
    let query = Query::Deliveries {
        environment: env(CANUCK),
        dead: false,
    };
    let page = world.store.list(&query, None, 100).await.unwrap();
    let mut letters = Vec::new();
    for stored in &page.rows {
        let opened = world
            .engine
            .open_letter(stored.delivery().unwrap(), world.now());
        let letter = opened.await.unwrap();
        letters.push((letter.to.clone(), letter.text.clone()));
    }
    letters
}

/// What the last letter's link carries.
async fn link(world: &World) -> String {
    match letters(world).await.pop() {
        Some((to, LetterText::PasswordReset { link, minutes: 30 })) => {
            assert_eq!(to, EMAIL);
            let token = link.strip_prefix("https://www.canuck.example/password-reset#token=");
            token.unwrap().to_owned()
        }
        _ => panic!("no link was sent"),
    }
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_is_told_by_mail() {
    let world = world().await;
    let here = let_in(&world, &login(EMAIL, PASSWORD)).await;
    let elsewhere = let_in(&world, &login(EMAIL, PASSWORD)).await;
    let new = "a desert you can remember";
    let wrong = change(&here, "not the password", new);
    assert_eq!(refused(&world, &wrong).await, login_failed());
    for weak in ["too short", "passwordpassword", "john@email.com1234"] {
        let told = refused(&world, &change(&here, PASSWORD, weak)).await;
        assert_eq!(told, (400, "BadRequest".into()), "{weak}");
    }
    assert!(letters(&world).await.is_empty());
    let after = let_in(&world, &change(&here, PASSWORD, new)).await;
    for (bearer, status) in [(here, 401), (elsewhere, 401), (after, 200)] {
        assert_eq!(whoami(&world, &bearer).await, status);
    }
    let old = refused(&world, &login(EMAIL, PASSWORD)).await;
    assert_eq!(old, login_failed());
    // Within the same second, too.
    let again = let_in(&world, &login(EMAIL, new)).await;
    assert_eq!(whoami(&world, &again).await, 200);
    let told = letters(&world).await;
    assert!(matches!(&told[..], [(to, LetterText::PasswordChanged { .. })] if to == EMAIL));
}

/// A bearer that was made elsewhere, a while after the calls came that are made next: they waited for a hash.
async fn made_meanwhile(world: &World) -> String {
    let came = world.now();
    world.pass(5).await;
    let made = ask_from(world, CANUCK, [198, 51, 100, 1], &login(EMAIL, PASSWORD)).await;
    world.clock().turn_to(came);
    let told: Value = serde_json::from_slice(made.body()).unwrap();
    told["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_that_was_made_while_a_password_was_changed_is_over() {
    let new = "a desert you can remember";
    for way in ["change", "reset", "set", "end"] {
        let world = world().await;
        let caller = let_in(&world, &login(EMAIL, PASSWORD)).await;
        assert_eq!(refused(&world, &ask_reset(EMAIL)).await.0, 204);
        let token = link(&world).await;
        let bearer = made_meanwhile(&world).await;
        let subject = john();
        let environment = env(CANUCK);
        match way {
            "change" => {
                let_in(&world, &change(&caller, PASSWORD, new)).await;
            }
            "reset" => assert_eq!(refused(&world, &reset(&token, new)).await.0, 204),
            "set" => {
                let call = SubjectCall::SetPassword {
                    environment,
                    subject,
                    password: Secret::new(new.into()),
                };
                world.admin(AdminCall::Subjects(call)).await.unwrap();
            }
            _ => {
                let target = Target::Subject(environment, subject);
                world.admin(AdminCall::EndTokens(target)).await.unwrap();
            }
        }
        assert_eq!(whoami(&world, &bearer).await, 401, "{way}");
    }
}

#[tokio::test]
async fn a_login_beside_a_change_of_the_password_leaves_no_session() {
    let world = world().await;
    let caller = let_in(&world, &login(EMAIL, PASSWORD)).await;
    // Two hashes are made for a change, and one for a login, which came later.
    let request = change(&caller, PASSWORD, "a desert you can remember");
    let changed = ask(&world, CANUCK, &request);
    let (changed, logged_in) = tokio::join!(changed, async {
        world.pass(5).await;
        ask(&world, CANUCK, &login(EMAIL, PASSWORD)).await
    });
    assert_eq!(changed.status(), 200, "{}", print(&changed));
    let told: Value = serde_json::from_slice(logged_in.body()).unwrap();
    if let Some(bearer) = told["data"]["id"].as_str() {
        assert_eq!(whoami(&world, bearer).await, 401);
    }
}

#[tokio::test]
async fn a_link_is_good_once_for_half_an_hour() {
    let world = world().await;
    let bearer = let_in(&world, &login(EMAIL, PASSWORD)).await;
    let (first, second) = ("a long way to the sea", "another way to the sea");
    assert_eq!(refused(&world, &ask_reset(EMAIL)).await.0, 204);
    let old = link(&world).await;
    world.pass(1).await;
    assert_eq!(refused(&world, &ask_reset(EMAIL)).await.0, 204);
    let token = link(&world).await;
    assert_ne!(old, token);
    let mut other = token.clone();
    other.replace_range(..1, if token.starts_with('x') { "y" } else { "x" });
    for (what, token, new, status) in [
        ("another token", &other, first, 400),
        ("a weak password", &token, "too short", 400),
        ("the link", &token, first, 204),
        ("the link again", &token, second, 400),
        ("an older link, over with it", &old, second, 400),
    ] {
        let told = refused(&world, &reset(token, new)).await;
        assert_eq!(told.0, status, "{what}");
    }
    assert_eq!(whoami(&world, &bearer).await, 401, "sessions end");
    let_in(&world, &login(EMAIL, first)).await;

    world.pass(3600).await;
    assert_eq!(refused(&world, &ask_reset(EMAIL)).await.0, 204);
    let token = link(&world).await;
    world.pass(1800).await;
    assert_eq!(refused(&world, &reset(&token, second)).await.0, 400);
}

#[tokio::test]
async fn asking_for_a_link_tells_nothing_and_writes_as_much() {
    let world = world().await;
    let before = rows(&world).await;
    let known = print(&ask(&world, CANUCK, &ask_reset(EMAIL)).await);
    let between = rows(&world).await;
    let unknown = print(&ask(&world, CANUCK, &ask_reset("nobody@email.com")).await);
    assert_eq!(known, unknown);
    assert_eq!(rows(&world).await - between, between - before);
    assert_eq!(letters(&world).await.len(), 1);
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_by_others() {
    let world = world().await;
    for _ in 0..10 {
        assert_eq!(refused(&world, &ask_reset(EMAIL)).await.0, 204);
    }
    assert_eq!(letters(&world).await.len(), 3);
    for network in 0..10 {
        let answer = ask_from(&world, CANUCK, [198, 51, 100, network], &ask_reset(EMAIL)).await;
        assert_eq!(answer.status(), 204, "its owner is elsewhere");
        let expected = (4 + usize::from(network)).min(12);
        assert_eq!(letters(&world).await.len(), expected, "{network}");
    }
}

#[tokio::test]
async fn bodies_are_read_strictly_and_unknown_members_ignored() {
    let world = world().await;
    let json = "application/json";
    for (kind, body, status) in [
        (json, "", 400),
        (json, "[]", 400),
        (json, "{}", 400),
        (json, r#"{"email":"john@email.com"}"#, 400),
        (json, r#"{"email":7,"password":"x"}"#, 400),
        (json, r#"{"email":"a","email":"a","password":"x"}"#, 400),
        ("text/plain", r#"{"email":"a","password":"x"}"#, 415),
        (json, r#"{"email":"a","password":"x","ttl":9}"#, 401),
    ] {
        let request = format!("POST /api/v1/authenticate\nContent-Type: {kind}\n\n{body}");
        assert_eq!(refused(&world, &request).await.0, status, "{body}");
    }
    let long = "x".repeat(1025);
    assert_eq!(refused(&world, &login(EMAIL, &long)).await.0, 400);
}
