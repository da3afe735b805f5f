//! The examples that the RFCs print.

use countersign_jose::{
    Algorithm, Compact, Jwk, Limits, Signer, SigningKey, VerifyError, VerifyingKey,
    base64url_decode,
};

/// The claims of RFC 7515 A.1 to A.3.
const CLAIMS: &str =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
const CLAIMS_ENCODED: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl\
    LmNvbS9pc19yb290Ijp0cnVlfQ";

/// The payload of RFC 7520 section 4: text, not claims.
const HOBBIT_ENCODED: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIg\
    ZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXi\
    gJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

pub const RFC7638_MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86\
    zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6\
    Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08\
    qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqD\
    Kgw";

pub fn rsa_jwk(n: &str) -> Jwk {
    Jwk {
        kty: "RSA".to_owned(),
        n: Some(n.to_owned()),
        e: Some("AQAB".to_owned()),
        ..Jwk::default()
    }
}

fn check_claims(token: &str, key: &VerifyingKey) {
    let claims = Compact::parse(token, &Limits::default())
        .unwrap()
        .verify(key)
        .unwrap();
    assert_eq!(claims.str("iss"), Ok(Some("joe")));
    assert_eq!(
        claims.numeric_date("exp").unwrap().unwrap().floor(),
        1_300_819_380
    );
    assert_eq!(claims.bool("http://example.com/is_root"), Ok(Some(true)));
    assert_eq!(claims.as_map().len(), 3);
}

#[test]
fn rfc_7515_a1_hs256_is_made_and_verified() {
    let secret = base64url_decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    )
    .unwrap();
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS_ENCODED}.\
         dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let key = SigningKey::from_secret(Algorithm::Hs256, &secret).unwrap();
    check_claims(&token, &key.verifying_key().unwrap());
    let signer = Signer::new(key, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}");
    assert_eq!(signer.sign(CLAIMS.as_bytes()).unwrap(), token);
}

#[test]
fn rfc_7515_a2_rs256() {
    let jwk = rsa_jwk(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B\
         m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5\
         z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
         aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    );
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.{CLAIMS_ENCODED}.\
         cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2\
         Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjt\
         QBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6\
         IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    check_claims(
        &token,
        &VerifyingKey::from_jwk(Algorithm::Rs256, &jwk).unwrap(),
    );
    // The same key under another algorithm of its kind refuses the token.
    let other = VerifyingKey::from_jwk(Algorithm::Rs512, &jwk).unwrap();
    assert_eq!(
        Compact::parse(&token, &Limits::default())
            .unwrap()
            .verify(&other),
        Err(VerifyError::Algorithm)
    );
}

#[test]
fn rfc_7515_a3_es256() {
    let jwk = Jwk {
        kty: "EC".to_owned(),
        crv: Some("P-256".to_owned()),
        x: Some("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".to_owned()),
        y: Some("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".to_owned()),
        ..Jwk::default()
    };
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{CLAIMS_ENCODED}.\
         DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    check_claims(
        &token,
        &VerifyingKey::from_jwk(Algorithm::Es256, &jwk).unwrap(),
    );
}

#[test]
fn rfc_8037_a1_to_a5_ed25519_is_made_and_verified() {
    let seed = base64url_decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    // PKCS#8 version 1 around the seed (RFC 8410 section 7).
    let mut document = vec![
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    document.extend_from_slice(&seed);
    let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &document).unwrap();
    let jwk = key.verifying_key().unwrap().to_jwk().unwrap();
    assert_eq!(
        jwk.x.as_deref(),
        Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    );
    // A.3, the thumbprint.
    assert_eq!(
        jwk.thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PP\
        Ot7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let signer = Signer::new(key.clone(), r#"{"alg":"EdDSA"}"#);
    assert_eq!(signer.sign(b"Example of Ed25519 signing").unwrap(), token);
    // The signature is good, and the text that it covers is no JSON.
    assert!(matches!(
        Compact::parse(token, &Limits::default())
            .unwrap()
            .verify(&key.verifying_key().unwrap()),
        Err(VerifyError::ClaimsJson(_))
    ));
}

#[test]
fn rfc_7638_3_1_thumbprint() {
    let bare = rsa_jwk(RFC7638_MODULUS);
    let dressed = Jwk {
        alg: Some("RS256".to_owned()),
        ..bare.clone().with_kid("2011-04-29")
    };
    for jwk in [bare, dressed] {
        assert_eq!(
            jwk.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}

#[test]
fn rfc_7520_4_1_rs256() {
    let jwk = rsa_jwk(
        "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJ\
         mSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tp\
         e-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vn\
         iUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
    );
    let input = format!(
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.{HOBBIT_ENCODED}"
    );
    let signature = base64url_decode(
        "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xu\
         glII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5a\
         AE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0\
         KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
    )
    .unwrap();
    let key = VerifyingKey::from_jwk(Algorithm::Rs256, &jwk).unwrap();
    assert_eq!(key.verify(input.as_bytes(), &signature), Ok(()));
}

#[test]
fn rfc_7520_4_4_hs256() {
    let secret = base64url_decode("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg").unwrap();
    let input = format!(
        "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.\
         {HOBBIT_ENCODED}"
    );
    let expected = base64url_decode("s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0").unwrap();
    let key = SigningKey::from_secret(Algorithm::Hs256, &secret).unwrap();
    assert_eq!(key.sign(input.as_bytes()), Ok(expected));
}
