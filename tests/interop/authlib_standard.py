"""authlib at the standard endpoints: a token is had in each way, used, explained, ended, and refused."""

import asyncio
import json
import os
import sys
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # The server of the test is on loopback, without TLS.

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

with open(sys.argv[1], encoding="utf-8") as file:
    facts = json.load(file)
issuer = facts["issuer"]
server = requests.get(issuer + "/.well-known/oauth-authorization-server").json()


def session(client, secret, method):
    return OAuth2Session(
        client["id"],
        secret,
        scope="read",
        token_endpoint=server["token_endpoint"],
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )


def life(session):
    """A token from its first day to its last, as the library sees it."""
    token = session.fetch_token()
    reached = session.get(facts["api"] + "/api/sites")
    about = session.introspect_token(server["introspection_endpoint"], token["access_token"])
    ended = session.revoke_token(server["revocation_endpoint"], token["access_token"])
    refused = session.get(facts["api"] + "/api/sites")
    after = session.introspect_token(server["introspection_endpoint"], token["access_token"])
    return {
        "token_type": token["token_type"],
        "passed": reached.status_code,
        "identity": reached.json(),
        "introspected": about.json(),
        "revoked": ended.status_code,
        "refused": refused.status_code,
        "challenge": refused.headers["WWW-Authenticate"],
        "introspected_after": after.json(),
    }


async def async_life(client, method):
    """The same through httpx, without waiting."""
    async with AsyncOAuth2Client(
        client["id"],
        client["secret"],
        scope="read",
        token_endpoint=server["token_endpoint"],
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    ) as session:
        token = await session.fetch_token()
        about = (server["introspection_endpoint"], token["access_token"])
        reached = await session.get(facts["api"] + "/api/sites")
        introspected = await session.introspect_token(*about)
        ended = await session.revoke_token(server["revocation_endpoint"], token["access_token"])
        refused = await session.get(facts["api"] + "/api/sites")
        after = await session.introspect_token(*about)
    return {
        "token_type": token["token_type"],
        "passed": reached.status_code,
        "identity": reached.json(),
        "introspected": introspected.json(),
        "revoked": ended.status_code,
        "refused": refused.status_code,
        "challenge": refused.headers["WWW-Authenticate"],
        "introspected_after": after.json(),
    }


def refusal(session):
    """The error that the library raises when it asks for a token."""
    try:
        session.fetch_token()
    except OAuthError as error:
        return error.error
    return None


def assertion(auth, method, uri, headers, body):
    """An assertion for the issuer, for a minute. A new object each time: a claims dictionary keeps its `jti`."""
    claims = {"exp": int(time.time()) + 60}
    return PrivateKeyJWT(issuer, claims=claims)(auth, method, uri, headers, body)


def with_assertion(sign):
    signer = session(facts["signer"], facts["signer"]["rs256"], "private_key_jwt")
    signer.register_client_auth_method(("private_key_jwt", sign))
    return signer


backend, encoded = facts["backend"], facts["encoded"]
once = {"exp": int(time.time()) + 60}
replayed = with_assertion(PrivateKeyJWT(issuer, claims=once))
replayed.fetch_token()
summary = {
    "client_secret_basic": life(session(backend, backend["secret"], "client_secret_basic")),
    "client_secret_post": life(session(backend, backend["secret"], "client_secret_post")),
    "client_secret_basic, async": asyncio.run(async_life(backend, "client_secret_basic")),
    "client_secret_post, async": asyncio.run(async_life(backend, "client_secret_post")),
    "private_key_jwt": life(with_assertion(assertion)),
    "post_of_signs": life(session(encoded, encoded["secret"], "client_secret_post")),
    "wrong_secret": refusal(session(backend, backend["secret"][::-1], "client_secret_basic")),
    # It joins the halves of Basic as they are, so a `+` in them means a space (RFC 6749 section 2.3.1).
    "basic_of_signs": refusal(session(encoded, encoded["secret"], "client_secret_basic")),
    "assertion_for_the_endpoint": refusal(
        with_assertion(PrivateKeyJWT(claims={"exp": int(time.time()) + 60}))
    ),
    "assertion_twice": refusal(replayed),
}
print(json.dumps(summary))
