//! Service providers that register themselves.

use super::*;
use countersign_engine::{id::OrganizationId, secret::Secret};

async fn let_register(ubiqu: &Ubiqu) {
    let target = Target::Environment(env(SANDBOX));
    let Outcome::Row(view) = ubiqu.world.admin(AdminCall::Show(target)).await.unwrap() else {
        panic!("no environment");
    };
    let change = EnvironmentChange {
        provider_registrations: Some(Some(OrganizationId::parse("acme").unwrap())),
        ..EnvironmentChange::default()
    };
    let amend = AdminCall::Amend {
        change: Amend::Environment(env(SANDBOX), change),
        if_version: Some(view.stored.version),
    };
    ubiqu.world.admin(amend).await.unwrap();
}

const NEW: &str = r#"{"name": "Example Shop", "template": "ubiqu_nourl", "url": "https://shop.example",
    "callback_url": "https://shop.example/callback", "challenge_url": "https://shop.example/challenge"}"#;

#[tokio::test]
async fn nobody_registers_where_no_organization_is_named_for_it() {
    let ubiqu = Ubiqu::new().await;
    let said = ubiqu
        .say("POST /api/serviceprovider", &[("Accept", V1)], NEW)
        .await;
    assert_eq!(said.refusal(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_new_provider_may_ask_once_somebody_has_typed_in_its_nonce() {
    let ubiqu = Ubiqu::new().await;
    let_register(&ubiqu).await;
    let said = ubiqu
        .say("POST /api/serviceprovider", &[("Accept", V1)], NEW)
        .await;
    let made = said.result();
    assert_eq!(
        (&made["type"], &made["status_code"]),
        (&json!("serviceprovider"), &json!(0))
    );
    assert_eq!(
        (&made["name"], &made["url"]),
        (&json!("Example Shop"), &json!("https://shop.example"))
    );
    assert_eq!(made["callback_url"], "https://shop.example/callback");
    let shop = Kept {
        client: countersign_engine::id::ClientId::parse(&member(&made, "uuid")).unwrap(),
        id: ubiqu.bank.id.clone(),
        secret: Secret::new(member(&made, "api_key")),
    };
    let own = format!("GET /api/serviceprovider/{}", shop.client);
    let told = ubiqu.v1(&shop, &own, "").await.result();
    assert_eq!(told["nonce"], made["nonce"]);
    assert_eq!(told.get("api_key"), None, "it is told once");
    let early = ubiqu.v1(&shop, "POST /api/identification", "null").await;
    assert_eq!(early.refusal().0, 403);

    let phone = ubiqu.phone().await;
    phone.type_in(&member(&made, "nonce")).await.unwrap();
    let told = ubiqu.v1(&shop, &own, "").await.result();
    assert_eq!(
        (&told["status_code"], &told["status_text"]),
        (&json!(1), &json!("activated"))
    );
    assert_eq!(
        (&told["nonce"], &told["nonce_formatted"]),
        (&Value::Null, &Value::Null)
    );
    let admin = member(&told, "asset_uuid");
    assert_eq!(ubiqu.identified(&shop, &phone).await, admin);

    for path in [
        "/api/serviceprovider/validatedomain",
        "/api//serviceprovider/validatedomain",
    ] {
        let said = ubiqu.v1(&shop, &format!("POST {path}"), "null").await;
        assert_eq!(said.body, r#"{"result":{"success":false}}"#);
    }
}
