"""requests-oauthlib at the standard endpoints, with oauthlib's own revocation request."""

import json
import os
import sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # The server of the test is on loopback, without TLS.

import requests
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests_oauthlib import OAuth2Session

with open(sys.argv[1], encoding="utf-8") as file:
    facts = json.load(file)
server = requests.get(facts["issuer"] + "/.well-known/oauth-authorization-server").json()


def life(client, **how):
    """A token from its first day to its last."""
    session = OAuth2Session(client=BackendApplicationClient(client["id"], scope=["read"]))
    token = session.fetch_token(server["token_endpoint"], client_secret=client["secret"], **how)
    auth = {"client_id": client["id"], "client_secret": client["secret"]}
    about = {**auth, "token": token["access_token"]}
    reached = session.get(facts["api"] + "/api/sites")
    introspected = requests.post(server["introspection_endpoint"], data=about)
    url, headers, body = session._client.prepare_token_revocation_request(
        server["revocation_endpoint"], token["access_token"], **auth
    )
    ended = requests.post(url, data=body, headers=headers)
    refused = session.get(facts["api"] + "/api/sites")
    after = requests.post(server["introspection_endpoint"], data=about)
    return {
        "token_type": token["token_type"],
        "passed": reached.status_code,
        "identity": reached.json(),
        "introspected": introspected.json(),
        "revoked": ended.status_code,
        "refused": refused.status_code,
        "introspected_after": after.json(),
    }


def refusal(client):
    """The error that the library raises when it asks for a token with Basic."""
    try:
        life(client)
    except InvalidClientError as error:
        return error.error
    return None


backend, encoded = facts["backend"], facts["encoded"]
summary = {
    "client_secret_basic": life(backend),
    "client_secret_post": life(backend, include_client_id=True),
    "post_of_signs": life(encoded, include_client_id=True),
    # `requests` joins the halves of Basic as they are, so a `+` in them means a space (RFC 6749 section 2.3.1).
    "basic_of_signs": refusal(encoded),
    "wrong_secret": refusal({**backend, "secret": backend["secret"][::-1]}),
}
print(json.dumps(summary))
