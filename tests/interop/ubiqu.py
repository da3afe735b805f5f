"""A site asks Ubiqu's endpoints in both flavours, and checks what a person signed with `cryptography` and with OpenSSL.

It prints a line whenever the person has to do something, and its summary last.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

V1 = "application/vnd.free.v1+json"

with open(sys.argv[1], encoding="utf-8") as file:
    facts = json.load(file)
base = facts["url"] + "/api"
data = b"Log in at Example Bank, session 7"
fingerprint = hashlib.sha256(data).hexdigest()


def say(what):
    print(json.dumps(what), flush=True)


def headers(accept):
    return {"Accept": accept, "Content-Type": "application/json", "X-Api-Key": facts["api_key"]}


def result(answer):
    """As v1's client reads it: the status says nothing, `errors` says that it failed."""
    body = answer.json()
    if "errors" in body:
        raise SystemExit(f"refused: {body}")
    return body["result"]


def post(kind, body, accept=V1):
    return result(requests.post(f"{base}/{kind}", data=json.dumps(body), headers=headers(accept)))


def read(kind, uuid, accept=V1):
    if accept == V1:
        return result(requests.get(f"{base}/{kind}/{uuid}", headers=headers(accept)))
    return result(requests.get(f"{base}/{kind}", params={"uuid": uuid}, headers=headers(accept)))


def until(is_done, kind, uuid, accept=V1):
    while True:
        told = read(kind, uuid, accept)
        if is_done(told):
            return told
        time.sleep(0.5)


def by_cryptography(pem, octets, signature):
    key = load_pem_public_key(pem.encode())
    try:
        key.verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def by_openssl(pem, octets, signature):
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as signed:
        key.write(pem.encode())
        key.flush()
        signed.write(signature)
        signed.flush()
        program = ["openssl", "dgst", "-sha256", "-verify", key.name, "-signature", signed.name]
        done = subprocess.run(program, input=octets, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())
    return done.returncode == 0 and b"Verified OK" in done.stdout


def judged(pem, told):
    signature = bytes.fromhex(told["signature"])
    other = data + b"."
    return {
        "state": [told["status_code"], told["status_text"], told["verified"]],
        "good": [by_cryptography(pem, data, signature), by_openssl(pem, data, signature)],
        "other": [by_cryptography(pem, other, signature), by_openssl(pem, other, signature)],
    }


identification = post("identification", None)
say({"type_in": identification["nonce"], "type": identification["type"]})
asset = until(lambda told: told["asset_uuid"], "identification", identification["uuid"])["asset_uuid"]
summary = {}

key = read("asset", asset)["public_key"]
for kind in ("authenticate", "sign"):
    asked = post(kind, {"asset_uuid": asset, "notify": False, "fingerprint": fingerprint})
    say({"approve": asked["uuid"], "otp": asked["otp"]})
    told = until(lambda told: told["status_code"] > 1, kind, asked["uuid"])
    summary[f"v1 {kind}"] = judged(key, told)

keys = read("asset", asset, "*/*")
for kind in ("authenticate", "sign"):
    asked = post(kind, {"asset_uuid": asset, "fingerprint": fingerprint}, "*/*")
    say({"approve": asked["uuid"], "otp": asked["otp"]})
    told = until(lambda told: told["status_code"] > 0, kind, asked["uuid"], "*/*")
    summary[f"tutorial {kind}"] = judged(keys[f"public_key_{kind}"], told)
say(summary)
