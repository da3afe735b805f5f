"""authlib and requests-oauthlib at Ayyeka's token endpoint, whose `token_type` is `JWT`."""

import json
import os
import sys
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # The server of the test is on loopback, without TLS.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.integrations.base_client.errors import UnsupportedTokenTypeError
from authlib.integrations.requests_client import OAuth2Session as Authlib
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session as RequestsOauthlib

with open(sys.argv[1], encoding="utf-8") as file:
    facts = json.load(file)
client = facts["ayyeka"]
TOKEN = facts["issuer"] + "/auth/token"
SITES = facts["api"] + "/v2.0/site"


def life(session, token):
    """What the session does with the token as it came, as Bearer, and when it has ended."""
    try:
        session.get(SITES)
        unchanged = None
    except (UnsupportedTokenTypeError, ValueError) as error:
        unchanged = type(error).__name__
    # Both look for a way to use `JWT` and know none; it is used as Bearer is, as the vendor prints.
    session.token = {**token, "token_type": "Bearer"}
    reached = session.get(SITES)
    ended = requests.post(
        facts["issuer"] + "/oauth2/revoke",
        data={
            "client_id": client["id"],
            "client_secret": client["secret"],
            "token": token["access_token"],
        },
    )
    refused = session.get(SITES)
    return {
        "token_type": token["token_type"],
        "expires_in": token["expires_in"],
        "unchanged": unchanged,
        "passed": reached.status_code,
        "identity": reached.json(),
        "revoked": ended.status_code,
        "refused": refused.status_code,
        "envelope": sorted(refused.json()),
    }


def next_second():
    """Ayyeka's tokens differ from second to second only, so a token that has ended ends its whole second."""
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.01)


def authlib(method):
    next_second()
    session = Authlib(client["id"], client["secret"], token_endpoint_auth_method=method)
    return life(session, session.fetch_token(TOKEN, grant_type="client_credentials"))


def requests_oauthlib(**how):
    next_second()
    session = RequestsOauthlib(client=BackendApplicationClient(client["id"]))
    return life(session, session.fetch_token(TOKEN, client_secret=client["secret"], **how))


summary = {
    "authlib": authlib("client_secret_basic"),
    "authlib, in the form": authlib("client_secret_post"),
    "requests-oauthlib": requests_oauthlib(),
    "requests-oauthlib, in the form": requests_oauthlib(include_client_id=True),
}
print(json.dumps(summary))
