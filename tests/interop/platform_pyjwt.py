"""PyJWT makes platform tokens, good and bad, and BitCanuck's endpoint judges them."""

import base64
import json
import sys

import jwt
import requests
from jwt.algorithms import HMACAlgorithm


class AnyKey(HMACAlgorithm):
    """HMAC with whatever an attacker has: the library's own refuses a public key."""

    def prepare_key(self, key):
        return key


def signed(algorithm, claims, key):
    if algorithm == "none":
        return jwt.encode(claims, None, algorithm="none")
    if "pem" in key:
        return jwt.encode(claims, key["pem"], algorithm=algorithm)
    secret = key["text"].encode() if "text" in key else base64.b64decode(key["base64"])
    library = jwt.PyJWS()
    library.unregister_algorithm(algorithm)
    library.register_algorithm(algorithm, AnyKey(getattr(HMACAlgorithm, "SHA" + algorithm[2:])))
    return library.encode(json.dumps(claims).encode(), secret, algorithm=algorithm)


with open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
summary = []
for case in cases:
    token = signed(case["algorithm"], case["claims"], case["key"])
    answer = requests.post(case["url"], headers={"Token": token})
    summary.append({"name": case["name"], "status": answer.status_code, "body": answer.json()})
print(json.dumps(summary))
