//! People sign in by themselves, with a passcode by e-mail.

use super::*;
use countersign_engine::{
    call::{AdminCall, Amend, ClientChange, SubjectCall, Target},
    model::{client::SignIn, webhook::LetterText},
    outcome::Outcome,
    ports::Query,
    secret::Secret,
};

impl Quiltt {
    pub(super) async fn let_sign_in(&self, sign_ups: bool) {
        let target = Target::Client(env(SANDBOX), self.client.clone());
        let Outcome::Row(view) = self.world.admin(AdminCall::Show(target)).await.unwrap() else {
            panic!()
        };
        let change = ClientChange {
            sign_in: Some(Some(SignIn { sign_ups })),
            ..ClientChange::default()
        };
        let call = AdminCall::Amend {
            change: Amend::Client(env(SANDBOX), self.client.clone(), change),
            if_version: Some(view.stored.version),
        };
        self.world.admin(call).await.unwrap();
    }

    pub(super) async fn enter(&self, method: &str, rest: &str) -> Said {
        let client = &self.client;
        let body = format!(r#"{{"session":{{"clientId":"{client}",{rest}}}}}"#);
        let json = [("Content-Type", "application/json")];
        self.say(&format!("{method} /v1/users/session"), &json, &body)
            .await
    }

    async fn identify(&self) -> Said {
        // So that neither the network's nor the address's limit is what is tried.
        self.world.pass(61).await;
        self.enter("POST", r#""email":"Jane@Example.com""#).await
    }

    async fn authenticate(&self, passcode: &str) -> Said {
        let rest = format!(r#""email":"jane@example.com","passcode":"{passcode}""#);
        self.enter("PUT", &rest).await
    }

    /// The passcodes that were sent, the newest last.
    async fn letters(&self) -> Vec<String> {
        let query = Query::Deliveries {
            environment: env(SANDBOX),
            dead: false,
        };
        let page = self.world.store.list(&query, None, 200).await.unwrap();
        let mut codes = Vec::new();
        for stored in page.rows {
            let letter = self
                .world
                .engine
                .open_letter(stored.delivery().unwrap(), self.world.now())
                .await
                .unwrap();
            assert_eq!(letter.to, "jane@example.com");
            let LetterText::Passcode { code, minutes, .. } = letter.text else {
                panic!()
            };
            assert_eq!(minutes, 10);
            codes.push(code);
        }
        codes
    }

    async fn known() -> Self {
        let quiltt = Self::new().await;
        quiltt.let_sign_in(false).await;
        let body = format!(r#"{{"uuid":"{UUID}","email":"jane@example.com"}}"#);
        assert_eq!(quiltt.ask("POST /v1/profiles", &body).await.status, 201);
        quiltt
    }
}

fn another(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

#[tokio::test]
async fn a_new_address_becomes_a_profile_where_people_may_sign_up() {
    let quiltt = Quiltt::new().await;
    let off = quiltt.identify().await;
    assert_eq!(
        off.status, 422,
        "off until an operator turns it on: {off:?}"
    );
    assert!(off.json()["clientId"].is_array());
    quiltt.let_sign_in(false).await;
    assert_eq!(quiltt.identify().await.status, 403);
    quiltt.let_sign_in(true).await;
    let made = quiltt.identify().await;
    assert_eq!(made.status, 201, "{made:?}");
    let bearer = format!("Bearer {}", made.member("token"));
    assert_eq!(
        made.header("authorization"),
        Some(bearer.as_str()),
        "for older clients"
    );
    let shown = quiltt
        .with("GET /v1/users/session", &made.member("token"))
        .await;
    assert_eq!(shown.json()["userId"], made.json()["userId"]);
    let again = quiltt.identify().await;
    assert_eq!((again.status, again.body.as_str()), (202, ""));
}

#[tokio::test]
async fn a_known_address_is_sent_a_passcode_that_is_good_once() {
    let quiltt = Quiltt::known().await;
    let sent = quiltt.identify().await;
    assert_eq!((sent.status, sent.body.as_str()), (202, ""), "{sent:?}");
    let code = quiltt.letters().await.pop().unwrap();
    assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
    let made = quiltt.authenticate(&code).await;
    assert_eq!(
        (made.status, made.member("userId")),
        (201, PROFILE.into()),
        "{made:?}"
    );
    assert_eq!(quiltt.authenticate(&code).await.status, 401, "used");
}

#[tokio::test]
async fn five_wrong_guesses_use_a_passcode_up_and_are_never_429() {
    let quiltt = Quiltt::known().await;
    quiltt.identify().await;
    let code = quiltt.letters().await.pop().unwrap();
    for _ in 0..5 {
        assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
    }
    assert_eq!(
        quiltt.authenticate(&code).await.status,
        401,
        "even the right one"
    );
    for _ in 0..100 {
        assert_eq!(quiltt.authenticate(&code).await.status, 401);
        quiltt.world.pass(1).await;
    }
    // A fresh one helps, once the wait after so many wrong guesses is over.
    quiltt.identify().await;
    let fresh = quiltt.letters().await.pop().unwrap();
    assert_eq!(quiltt.authenticate(&fresh).await.status, 201);
}

#[tokio::test]
async fn wrong_guesses_at_fresh_passcodes_make_the_address_wait() {
    let quiltt = Quiltt::known().await;
    let mut looked_at = 0;
    for _ in 0..12 {
        quiltt.identify().await;
        let code = quiltt.letters().await.pop().unwrap();
        for _ in 0..5 {
            quiltt.authenticate(another(&code)).await;
        }
        // Whether the right one would still be looked at.
        let row = quiltt.tries_left().await;
        looked_at += 5 - u32::from(row);
    }
    assert!((6..30).contains(&looked_at), "{looked_at} of 60 guesses");
}

impl Quiltt {
    async fn tries_left(&self) -> u8 {
        use countersign_engine::digest::Digest;
        let [place, client, email] =
            [SANDBOX, self.client.as_str(), "jane@example.com"].map(str::as_bytes);
        let names = [place, client, email, &[192, 0, 2, 7]];
        let key = Key::Ticket(env(SANDBOX), Digest::of("countersign/passcode", &names));
        let rows = self.world.store.load(&[key]).await.unwrap();
        rows[0].as_ref().unwrap().ticket().unwrap().tries_left
    }
}

#[tokio::test]
async fn a_passcode_lives_ten_minutes_and_is_kept_as_a_mac_only() {
    let quiltt = Quiltt::known().await;
    quiltt.identify().await;
    let code = quiltt.letters().await.pop().unwrap();
    quiltt.world.pass(600).await;
    assert_eq!(quiltt.authenticate(&code).await.status, 401);
    let dump = format!(
        "{:?}",
        quiltt
            .world
            .store
            .list(
                &Query::Deliveries {
                    environment: env(SANDBOX),
                    dead: false
                },
                None,
                200
            )
            .await
            .unwrap()
    );
    assert!(!dump.contains(&code), "the letter is sealed");
}

#[tokio::test]
async fn older_spellings_work_and_what_is_wrong_is_422_by_its_member() {
    let quiltt = Quiltt::known().await;
    let client = quiltt.client.clone();
    let json = [("Content-Type", "application/json")];
    for body in [
        format!(r#"{{"session":{{"deploymentId":"{client}","email":"jane@example.com"}}}}"#),
        format!(r#"{{"deploymentId":"{client}","email":"jane@example.com"}}"#),
        format!(r#"{{"session":{{"appId":"{client}","email":"jane@example.com"}}}}"#),
    ] {
        quiltt.world.pass(61).await;
        let said = quiltt.say("POST /v1/users/session", &json, &body).await;
        assert_eq!(said.status, 202, "{body}: {said:?}");
    }
    for (method, rest, member) in [
        ("POST", r#""phone":"+15551234567""#, "phone"),
        ("POST", r#""email":"jane""#, "email"),
        ("POST", r#""email":7"#, "email"),
        ("POST", r#""name":"jane""#, "email"),
        ("PUT", r#""email":"jane@example.com""#, "passcode"),
        (
            "PUT",
            r#""email":"jane@example.com","passcode":"12345""#,
            "passcode",
        ),
    ] {
        let said = quiltt.enter(method, rest).await;
        assert_eq!(said.status, 422, "{rest}: {said:?}");
        let members: Vec<String> = said.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, [member], "{rest}");
    }
}

#[tokio::test]
async fn identifying_is_limited_per_address_and_per_network() {
    let quiltt = Quiltt::known().await;
    let statuses = |said: Vec<Said>| said.iter().map(|said| said.status).collect::<Vec<_>>();
    let mut said = Vec::new();
    for _ in 0..4 {
        said.push(quiltt.enter("POST", r#""email":"jane@example.com""#).await);
    }
    assert_eq!(said[3].header("retry-after"), Some("60"));
    assert_eq!(statuses(said), [202, 202, 202, 429]);
    let mut said = Vec::new();
    for number in 0..28 {
        quiltt.world.pass(1).await;
        let rest = format!(r#""email":"stranger{number}@example.com""#);
        said.push(quiltt.enter("POST", &rest).await);
    }
    assert!(
        statuses(said).iter().all(|status| *status == 403),
        "no sign-ups, and within the limit"
    );
}

#[tokio::test]
async fn one_network_does_not_use_up_the_sign_ups_of_a_client() {
    let mut quiltt = Quiltt::new().await;
    quiltt.let_sign_in(true).await;
    let mut made = 0;
    for number in 0..55 {
        quiltt.world.pass(1).await;
        let rest = format!(r#""email":"stranger{number}@example.com""#);
        made += u32::from(quiltt.enter("POST", &rest).await.status == 201);
    }
    assert_eq!(made, 39, "thirty at once, and ten a minute");
    quiltt.peer = [198, 51, 100, 1].into();
    let rest = r#""email":"jane@example.com""#;
    assert_eq!(quiltt.enter("POST", rest).await.status, 201);
}

#[tokio::test]
async fn strangers_elsewhere_cannot_use_up_a_code_nor_lock_its_owner_out() {
    let mut quiltt = Quiltt::known().await;
    let home = quiltt.peer;
    quiltt.identify().await;
    let code = quiltt.letters().await.pop().unwrap();
    let email = r#""email":"jane@example.com""#;
    for number in 1..=12 {
        quiltt.peer = [198, 51, 100, number].into();
        assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
        assert_eq!(quiltt.enter("POST", email).await.status, 202);
        for _ in 0..5 {
            assert_eq!(quiltt.authenticate("000000").await.status, 401);
        }
    }
    quiltt.peer = home;
    assert_eq!(quiltt.tries_left().await, 5);
    quiltt.world.pass(10).await;
    assert_eq!(quiltt.authenticate(&code).await.status, 201);
}

#[tokio::test]
async fn a_code_is_good_from_another_network_once() {
    let mut quiltt = Quiltt::known().await;
    quiltt.identify().await;
    let home = quiltt.peer;
    let code = quiltt.letters().await.pop().unwrap();
    quiltt.peer = [198, 51, 100, 1].into();
    let made = quiltt.authenticate(&code).await;
    assert_eq!(made.status, 201, "the phone has left the house: {made:?}");
    for peer in [quiltt.peer, home] {
        quiltt.peer = peer;
        assert_eq!(quiltt.authenticate(&code).await.status, 401, "used");
    }
}

#[tokio::test]
async fn guesses_from_another_network_are_five_before_they_wait() {
    let mut quiltt = Quiltt::known().await;
    quiltt.identify().await;
    let home = quiltt.peer;
    let code = quiltt.letters().await.pop().unwrap();
    quiltt.peer = [198, 51, 100, 1].into();
    for _ in 0..6 {
        assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
    }
    let waits = quiltt.authenticate(&code).await;
    assert_eq!(waits.status, 401, "not looked at yet: {waits:?}");
    quiltt.peer = [198, 51, 100, 2].into();
    assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
    quiltt.peer = home;
    assert_eq!(quiltt.tries_left().await, 5, "none of them used it up");
    assert_eq!(quiltt.authenticate(&code).await.status, 201);
}

#[tokio::test]
async fn strangers_elsewhere_have_fifteen_guesses_at_a_code_and_its_owner_still_has_five() {
    let mut quiltt = Quiltt::known().await;
    quiltt.identify().await;
    let home = quiltt.peer;
    let code = quiltt.letters().await.pop().unwrap();
    for number in 0..15 {
        quiltt.peer = [198, 51, 100, 1 + number / 3].into();
        assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
    }
    quiltt.peer = [198, 51, 100, 9].into();
    let closed = quiltt.authenticate(&code).await;
    assert_eq!(closed.status, 401, "from elsewhere it is dead: {closed:?}");
    quiltt.peer = home;
    assert_eq!(quiltt.tries_left().await, 5);
    for _ in 0..4 {
        assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
    }
    assert_eq!(quiltt.authenticate(&code).await.status, 201);
}

#[tokio::test]
async fn who_signed_in_from_here_before_does_not_wait_for_what_strangers_guess() {
    let mut quiltt = Quiltt::known().await;
    let home = quiltt.peer;
    quiltt.identify().await;
    let code = quiltt.letters().await.pop().unwrap();
    assert_eq!(quiltt.authenticate(&code).await.status, 201);
    for number in 0..25 {
        quiltt.peer = [198, 51, 100, number].into();
        assert_eq!(quiltt.identify().await.status, 202);
        for _ in 0..4 {
            quiltt.authenticate("000000").await;
        }
    }
    let strangers = quiltt.letters().await.pop().unwrap();
    let waits = quiltt.authenticate(&strangers).await;
    assert_eq!(waits.status, 401, "a hundred were wrong: {waits:?}");
    quiltt.peer = home;
    assert_eq!(
        quiltt
            .enter("POST", r#""email":"jane@example.com""#)
            .await
            .status,
        202
    );
    let code = quiltt.letters().await.pop().unwrap();
    assert_eq!(quiltt.authenticate(&code).await.status, 201);
}

#[tokio::test]
async fn a_code_that_its_own_network_used_up_is_used_up_everywhere() {
    let mut quiltt = Quiltt::known().await;
    quiltt.identify().await;
    let code = quiltt.letters().await.pop().unwrap();
    for _ in 0..5 {
        assert_eq!(quiltt.authenticate(another(&code)).await.status, 401);
    }
    quiltt.peer = [198, 51, 100, 1].into();
    assert_eq!(quiltt.authenticate(&code).await.status, 401);
}

#[tokio::test]
async fn whoever_has_a_password_signs_in_by_no_passcode_and_keeps_the_address_it_logs_in_by() {
    let quiltt = Quiltt::known().await;
    let call = SubjectCall::SetPassword {
        environment: env(SANDBOX),
        subject: SubjectId::parse(UUID).unwrap(),
        password: Secret::new("a horse with no name".into()),
    };
    let call = AdminCall::Subjects(call);
    quiltt.world.admin(call).await.unwrap();
    let sent = quiltt.identify().await;
    assert_eq!((sent.status, sent.body.as_str()), (202, ""), "as ever");
    assert!(quiltt.letters().await.is_empty());
    assert_eq!(quiltt.authenticate("123456").await.status, 401);
    let path = format!("PATCH /v1/profiles/{UUID}");
    let moved = quiltt.ask(&path, r#"{"email":"thief@example.com"}"#).await;
    assert_eq!(moved.status, 422, "{moved:?}");
    assert!(moved.json()["email"].is_array(), "{moved:?}");
    let named = quiltt.ask(&path, r#"{"name":"Jane"}"#).await;
    assert_eq!(named.status, 200, "{named:?}");
}

#[tokio::test]
async fn one_stranger_does_not_use_up_the_letters_of_an_address() {
    let mut quiltt = Quiltt::known().await;
    let email = r#""email":"jane@example.com""#;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(quiltt.enter("POST", email).await.status);
    }
    assert_eq!(statuses, [202, 202, 202, 429]);
    quiltt.peer = [198, 51, 100, 1].into();
    assert_eq!(quiltt.enter("POST", email).await.status, 202);
    // All strangers together are still bounded.
    let mut sent = 4;
    for number in 2..=40 {
        quiltt.peer = [198, 51, 100, number].into();
        sent += u32::from(quiltt.enter("POST", email).await.status == 202);
    }
    assert_eq!(sent, 20);
}

#[tokio::test]
async fn a_right_code_stays_good_where_there_is_no_room_for_a_session() {
    let quiltt = Quiltt::known().await;
    let mut sessions = Vec::new();
    for _ in 0..10 {
        sessions.push(quiltt.session(UUID).await);
    }
    quiltt.identify().await;
    let code = quiltt.letters().await.pop().unwrap();
    for _ in 0..7 {
        assert_eq!(quiltt.authenticate(&code).await.status, 429);
    }
    assert_eq!(quiltt.tries_left().await, 5, "no guess was wrong");
    let ended = quiltt.with("DELETE /v1/users/session", &sessions[0]).await;
    assert_eq!(ended.status, 204);
    assert_eq!(quiltt.authenticate(&code).await.status, 201);
    assert_eq!(quiltt.authenticate(&code).await.status, 401, "used");
}
