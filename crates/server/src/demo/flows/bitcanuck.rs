//! BitCanuck: a user's password, and a partner's word for its own users.

use super::{Flow, flow, member};
use crate::demo::facts::Place;

/// The flows of one environment.
pub fn flows(place: &Place) -> Vec<Flow> {
    let (public, api) = (&place.public, &place.sample_api);
    let login = login(place);
    let token = format!(
        "ANSWER=$(curl -s {login})\n{}\n{}",
        member("TOKEN", "id"),
        member("USER_ID", "userId")
    );
    let bearer = "-H \"Authorization: Bearer $TOKEN\"";
    vec![
        flow(
            "bitcanuck-login",
            "BitCanuck: log in with a password; `id` is the bearer",
            format!("curl -s -i {login}"),
        ),
        flow(
            "bitcanuck-platform",
            "BitCanuck: a partner vouches for its user, with a token that openssl signs",
            platform(place),
        ),
        flow(
            "bitcanuck-user",
            "BitCanuck: who am I? Users see themselves only",
            format!("{token}\ncurl -s -i {public}/api/v1/users/$USER_ID {bearer}"),
        ),
        flow(
            "bitcanuck-private",
            "BitCanuck: a private endpoint of the API",
            format!("{token}\ncurl -s -i {api}/api/v1/wallets {bearer}"),
        ),
        flow(
            "bitcanuck-logout",
            "Refused: a session that was logged out; the next decision knows",
            format!(
                "{token}\n\
                 curl -s -X POST {public}/api/v1/logout {bearer}\n\
                 curl -s -i {api}/api/v1/wallets {bearer}"
            ),
        ),
    ]
}

/// What follows `curl` in a login.
fn login(place: &Place) -> String {
    let user = &place.clients.bitcanuck;
    format!(
        "-X POST {}/api/v1/authenticate -H 'Content-Type: application/json' \\\n  \
         -d '{{\"email\": \"{}\", \"password\": \"{}\"}}'",
        place.public,
        user.email,
        user.password.expose()
    )
}

/// A compact JWS (RFC 7515 section 7.1), made of its parts.
fn platform(place: &Place) -> String {
    let partner = &place.clients.bitcanuck;
    format!(
        "KEY=$(mktemp); cat > \"$KEY\" <<'END'\n{}\nEND\n\
         encoded() {{ base64 | tr -d '\\n=' | tr '+/' '-_'; }}\n\
         HEAD=$(printf '{{\"alg\":\"RS512\",\"typ\":\"JWT\"}}' | encoded)\n\
         BODY=$(printf '{{\"email\":\"{}\",\"expire\":%d}}' $(($(date +%s) + 600)) | encoded)\n\
         SIGNATURE=$(printf %s \"$HEAD.$BODY\" | openssl dgst -sha512 -sign \"$KEY\" -binary | encoded)\n\
         rm \"$KEY\"\n\
         curl -s -i -X POST {}/api/v1/authenticate-jwt/{} -H \"Token: $HEAD.$BODY.$SIGNATURE\"",
        partner.platform_private_key_pem.expose().trim_end(),
        partner.email,
        place.public,
        partner.platform,
    )
}
