//! The tutorial's three steps and v1's, as they go over the wire. What is made at random is named instead.

use super::*;

fn print(line: &str, said: &Said, names: &[(String, &str)]) -> String {
    let headers = said.headers.iter();
    let mut headers: Vec<String> = headers
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let (status, body) = (said.status, &said.body);
    let mut text = format!("> {line}\n{status}\n{}\n\n{body}\n\n", headers.join("\n"));
    for (value, name) in names {
        text = text.replace(value, name);
    }
    text
}

/// What the random members of an object are called in a transcript.
fn named(result: &Value, members: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    let text = |name: &str| result[name].as_str().map(|text| text.replace('\n', "\\n"));
    let named = members.iter();
    named
        .filter_map(|(name, called)| Some((text(name)?, *called)))
        .collect()
}

const RANDOM: &[(&str, &str)] = &[
    ("qrcode", "<picture>"),
    ("appapi", "<link>"),
    ("public_key_sign", "<PEM to sign>"),
    ("public_key_decrypt", "<PEM to decrypt>"),
    ("public_key_authenticate", "<PEM to authenticate>"),
    ("public_key", "<PEM to authenticate>"),
    ("signature", "<signature>"),
    ("nonce_formatted", "<nonce in groups>"),
    ("nonce", "<nonce>"),
    ("token", "<token>"),
    ("otp", "<otp>"),
];

#[tokio::test]
async fn the_tutorials_three_steps_are_answered_as_printed() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let mut text = String::new();
    let mut names = Vec::new();
    let tell = async |line: &str,
                      body: &str,
                      of: &str,
                      names: &mut Vec<(String, &'static str)>,
                      called| {
        let said = ubiqu.ask(&ubiqu.bank, line, body).await;
        let result = said.result();
        names.extend(named(&result, RANDOM));
        names.extend(named(
            &result,
            &[("uuid", called), ("asset_uuid", "<asset>")],
        ));
        (print(&format!("{line} {of}"), &said, names), result)
    };
    let step = "POST /api/identification";
    let (told, made) = tell(step, "{}", "{}", &mut names, "<identification>").await;
    text += &told;
    ubiqu.world.pass(2).await;
    phone.type_in(&member(&made, "nonce")).await.unwrap();
    let line = format!("GET /api/identification?uuid={}", member(&made, "uuid"));
    let (told, made) = tell(&line, "", "", &mut names, "<identification>").await;
    text += &told;
    let asset = member(&made, "asset_uuid");
    let (told, _) = tell(
        &format!("GET /api/asset?uuid={asset}"),
        "",
        "",
        &mut names,
        "<asset>",
    )
    .await;
    text += &told;
    let body =
        json!({ "asset_uuid": asset, "fingerprint": hex(&sha256(DATA.as_bytes())) }).to_string();
    let step = "POST /api/authenticate";
    let (told, made) = tell(step, &body, &body, &mut names, "<request>").await;
    text += &told;
    let uuid = member(&made, "uuid");
    ubiqu.world.pass(3).await;
    phone.approve(&uuid).await.unwrap();
    let line = format!("GET /api/authenticate?uuid={uuid}");
    text += &tell(&line, "", "", &mut names, "<request>").await.0;
    insta::assert_snapshot!("ubiqu_tutorial", text);
}

#[tokio::test]
async fn v1s_flow_is_answered_with_types_and_times() {
    let ubiqu = Ubiqu::new().await;
    let phone = ubiqu.phone().await;
    let mut text = String::new();
    let mut names = Vec::new();
    let tell = async |line: &str, body: &str, names: &mut Vec<(String, &'static str)>, called| {
        let said = ubiqu.v1(&ubiqu.bank, line, body).await;
        let result = said.result();
        names.extend(named(&result, RANDOM));
        names.extend(named(
            &result,
            &[("uuid", called), ("asset_uuid", "<asset>")],
        ));
        (print(&format!("{line} {body}"), &said, names), result)
    };
    let (told, made) = tell(
        "POST /api/identification",
        "null",
        &mut names,
        "<identification>",
    )
    .await;
    text += &told;
    ubiqu.world.pass(2).await;
    phone.type_in(&member(&made, "nonce")).await.unwrap();
    let line = format!("GET /api/identification/{}", member(&made, "uuid"));
    let (told, made) = tell(&line, "", &mut names, "<identification>").await;
    text += &told;
    let asset = member(&made, "asset_uuid");
    text += &tell(
        &format!("GET /api/asset/{asset}"),
        "",
        &mut names,
        "<asset>",
    )
    .await
    .0;
    let body = json!({
        "asset_uuid": asset, "notify": false, "fingerprint": hex(&sha256(DATA.as_bytes())),
        "resource_uri": "https://bank.example/contract.pdf",
    });
    let (told, made) = tell("POST /api/sign", &body.to_string(), &mut names, "<request>").await;
    text += &told;
    let uuid = member(&made, "uuid");
    ubiqu.world.pass(3).await;
    phone.approve(&uuid).await.unwrap();
    text += &tell(
        &format!("GET /api/sign/{uuid}"),
        "",
        &mut names,
        "<request>",
    )
    .await
    .0;
    insta::assert_snapshot!("ubiqu_v1", text);
}
