//! The crate `oauth2`.

use super::{lived_and_ended, stage::Stage};
use crate::proxies::wire::Ask;
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, IntrospectionUrl, RevocationUrl,
    Scope, StandardRevocableToken, TokenIntrospectionResponse, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicTokenType},
};
use serde_json::{Value, json};
use std::io;
use url::Url;

/// The HTTP client that the crate is given.
fn send(request: HttpRequest) -> io::Result<HttpResponse> {
    let url = Url::parse(&request.uri().to_string()).map_err(io::Error::other)?;
    let address = url.socket_addrs(|| None)?[0];
    let mut ask = Ask::new(request.method().as_str(), url.path(), &address.to_string());
    for (name, value) in request.headers() {
        ask = ask.header(name.as_str(), value.to_str().map_err(io::Error::other)?);
    }
    ask.body = String::from_utf8(request.into_body()).map_err(io::Error::other)?;
    let answer = ask.send(address);
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response
        .body(answer.body.into_bytes())
        .map_err(io::Error::other)
}

fn reach(stage: &Stage, token: &str) -> (u16, Value) {
    let api = Url::parse(stage.facts["api"].as_str().unwrap()).unwrap();
    let address = api.socket_addrs(|| None).unwrap()[0];
    let answer = Ask::get("/api/sites", &address.to_string())
        .bearer(token)
        .send(address);
    (answer.status, answer.json())
}

#[test]
fn the_oauth2_crate_gets_explains_and_ends_tokens() {
    let stage = Stage::new();
    let at = |path: &str| format!("{}/oauth2/{path}", stage.facts["issuer"].as_str().unwrap());
    // For revocation it takes https alone; `send` speaks plain text on loopback all the same.
    let revoke = at("revoke").replacen("http:", "https:", 1);
    for (client, auth_type) in [
        ("backend", AuthType::BasicAuth),
        ("backend", AuthType::RequestBody),
        ("encoded", AuthType::BasicAuth),
        ("encoded", AuthType::RequestBody),
    ] {
        let what = format!("{client} with {auth_type:?}");
        let shown = &stage.facts[client];
        let text = |name: &str| shown[name].as_str().unwrap().to_owned();
        let library = BasicClient::new(ClientId::new(text("id")))
            .set_client_secret(ClientSecret::new(text("secret")))
            .set_auth_type(auth_type)
            .set_token_uri(TokenUrl::new(at("token")).unwrap())
            .set_introspection_url(IntrospectionUrl::new(at("introspect")).unwrap())
            .set_revocation_url(RevocationUrl::new(revoke.clone()).unwrap());
        let token = library
            .exchange_client_credentials()
            .add_scope(Scope::new("read".to_owned()))
            .request(&send)
            .unwrap();
        assert_eq!(*token.token_type(), BasicTokenType::Bearer, "{what}");
        assert!(token.expires_in().is_some(), "{what}");
        let access_token = token.access_token().clone();
        let introspected = || {
            let answer = library.introspect(&access_token).request(&send).unwrap();
            match answer.active() {
                true => serde_json::to_value(answer).unwrap(),
                false => json!({ "active": false }),
            }
        };
        let (passed, identity) = reach(&stage, access_token.secret());
        let before = introspected();
        let ending = StandardRevocableToken::AccessToken(access_token.clone());
        let ended = library.revoke_token(ending).unwrap().request(&send);
        ended.unwrap();
        let (refused, _) = reach(&stage, access_token.secret());
        let summary = json!({
            "passed": passed,
            "identity": identity,
            "introspected": before,
            "refused": refused,
            "introspected_after": introspected(),
        });
        lived_and_ended(&what, &summary, &shown["id"]);
    }
}

#[test]
fn the_oauth2_crate_reads_what_was_wrong() {
    let stage = Stage::new();
    let token_url = format!("{}/oauth2/token", stage.facts["issuer"].as_str().unwrap());
    let library = BasicClient::new(ClientId::new("backend".to_owned()))
        .set_client_secret(ClientSecret::new("wrong".to_owned()))
        .set_token_uri(TokenUrl::new(token_url).unwrap());
    let error = library
        .exchange_client_credentials()
        .request(&send)
        .unwrap_err();
    let oauth2::RequestTokenError::ServerResponse(said) = error else {
        panic!("{error:?}")
    };
    assert_eq!(*said.error(), BasicErrorResponseType::InvalidClient);
}
