//! Ubiqu: a service provider that asks a person on a phone.

use super::{Flow, flow, hands::Hands, member};
use crate::demo::facts::Place;

/// The flows of one environment, which has a phone.
pub fn flows(place: &Place, hands: &Hands<'_>) -> Vec<Flow> {
    let Some(asset) = &place.clients.ubiqu.asset_uuid else {
        return Vec::new();
    };
    let base = format!("{}/api", place.public);
    let key = place.clients.ubiqu.api_key.expose();
    let with = format!(
        "-H 'Content-Type: application/json' \\\n  -H 'Accept: */*' \\\n  -H 'X-Api-Key: {key}'"
    );
    let identify = format!("-X POST {with} \\\n  -d '{{}}' \\\n  {base}/identification");
    let show = |what: &str, uuid: &str| {
        format!("curl -s -i -X GET {with} \\\n  \"{base}/{what}?uuid={uuid}\"")
    };
    vec![
        flow(
            "ubiqu-identification",
            "Ubiqu, step 1: a nonce to show to a person, asked for as its document prints it",
            format!("curl -s -i {identify}"),
        ),
        flow(
            "ubiqu-identified",
            "Ubiqu, step 1: the person types the nonce into the phone, and the provider learns the asset",
            format!(
                "ANSWER=$(curl -s {identify})\n{}\n{}\n{}\n{}",
                member("UUID", "uuid"),
                member("NONCE", "nonce"),
                hands.type_in("$NONCE"),
                show("identification", "$UUID"),
            ),
        ),
        flow(
            "ubiqu-asset",
            "Ubiqu, step 2: the public keys of the asset, as its document asks for them",
            show("asset", asset),
        ),
        authenticate(&base, &with, asset, hands),
    ]
}

/// Ask, have it approved, and believe nobody's word for it.
fn authenticate(base: &str, with: &str, asset: &str, hands: &Hands<'_>) -> Flow {
    let asked = format!(
        "-X POST {with} \\\n  -d \"{{\\\"asset_uuid\\\": \\\"{asset}\\\", \\\"fingerprint\\\": \\\"$FINGERPRINT\\\"}}\" \\\n  {base}/authenticate"
    );
    let get = |what: &str| format!("curl -s {with} \\\n  \"{base}/{what}\"");
    // An accepted one has a signature; whoever is asked may take a while.
    let until_signed = format!(
        "for SECOND in 1 2 3 4 5 6 7 8 9; do\nANSWER=$({})\n{}\n[ -z \"$SIGNATURE\" ] || break; sleep 1; done",
        get("authenticate?uuid=$UUID"),
        "SIGNATURE=$(printf %s \"$ANSWER\" | sed -n 's/.*\"signature\":\"\\([0-9a-f]*\\)\".*/\\1/p')",
    );
    let pem = "sed 's/.*\"public_key_authenticate\":\"\\([^\"]*\\)\".*/\\1/;s/\\\\n/\\n/g'";
    // The last bytes of an OCTET STRING are what it holds: hexadecimal read with what is there anyway.
    let bytes = "openssl asn1parse -genstr \"FORMAT:HEX,OCTETSTRING:$SIGNATURE\" -noout -out $DIR/der\n\
                 tail -c 256 $DIR/der > $DIR/signature";
    flow(
        "ubiqu-authenticate",
        "Ubiqu, step 3: the person approves on the phone; openssl verifies the signature",
        format!(
            "DIR=$(mktemp -d)\n\
             printf %s \"log in at $(date)\" > $DIR/data\n\
             FINGERPRINT=$(openssl dgst -sha256 -r $DIR/data | cut -d ' ' -f 1)\n\
             ANSWER=$(curl -s {asked})\n\
             {}\n\
             {}\n\
             {until_signed}\n\
             {} | {pem} > $DIR/key.pem\n\
             {bytes}\n\
             curl -s -i {with} \\\n  \"{base}/authenticate?uuid=$UUID\"; echo\n\
             openssl dgst -sha256 -verify $DIR/key.pem -signature $DIR/signature $DIR/data",
            member("UUID", "uuid"),
            hands.approve("$UUID"),
            get(&format!("asset?uuid={asset}")),
        ),
    )
}
