"""PyJWT verifies tokens by the published keys: a standard one by `kid`, Ayyeka's by a key's thumbprint."""

import json
import sys

import jwt
import requests
from joserfc.jwk import RSAKey
from jwt.algorithms import RSAAlgorithm

with open(sys.argv[1], encoding="utf-8") as file:
    facts = json.load(file)
issuer = facts["issuer"]
server = requests.get(issuer + "/.well-known/oauth-authorization-server").json()


def token(endpoint, client):
    form = {
        "grant_type": "client_credentials",
        "client_id": client["id"],
        "client_secret": client["secret"],
    }
    return requests.post(endpoint, data=form).json()["access_token"]


def tampered(token):
    """The same token for somebody else: another character in the claims, and so another meaning."""
    header, claims, signature = token.split(".")
    middle = len(claims) // 2
    other = "A" if claims[middle] != "A" else "B"
    return ".".join([header, claims[:middle] + other + claims[middle + 1 :], signature])


def verified(token, key, algorithm, **expected):
    """The claims, or the name of the library's error."""
    try:
        return jwt.decode(token, key, algorithms=[algorithm], **expected)
    except jwt.exceptions.InvalidTokenError as error:
        return type(error).__name__


standard = token(server["token_endpoint"], facts["backend"])
published = jwt.PyJWKClient(server["jwks_uri"]).get_signing_key_from_jwt(standard)
meant = {"issuer": issuer, "audience": issuer}

ayyeka = token(issuer + "/auth/token", facts["ayyeka"])
keys = requests.get(server["jwks_uri"]).json()["keys"]
rsa = [key for key in keys if key["kty"] == "RSA"]
named = [key for key in rsa if RSAKey.import_key(key).thumbprint() == facts["thumbprint"]]
key = RSAAlgorithm.from_jwk(named[0])
account = {"issuer": "Cloud", "audience": facts["account"]}

summary = {
    "standard": {
        "header": jwt.get_unverified_header(standard),
        "claims": verified(standard, published, "RS256", **meant),
        "tampered": verified(tampered(standard), published, "RS256", **meant),
        "audience": verified(standard, published, "RS256", issuer=issuer, audience="other"),
        "key": verified(standard, key, "RS256", **meant),
    },
    "ayyeka": {
        "keys": len(named),
        "header": jwt.get_unverified_header(ayyeka),
        "claims": verified(ayyeka, key, "RS384", **account),
        "tampered": verified(tampered(ayyeka), key, "RS384", **account),
    },
}
print(json.dumps(summary))
