"""OpenSSL's program makes platform tokens, good and bad, and BitCanuck's endpoint judges them."""

import base64
import json
import subprocess
import sys
import tempfile

import requests


def encoded(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def openssl(arguments, octets):
    program = ["openssl", "dgst", "-binary", *arguments]
    return subprocess.run(program, input=octets, stdout=subprocess.PIPE, check=True).stdout


def signature(algorithm, key, octets):
    digest = "-sha" + algorithm[2:]
    if "pem" in key:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(key["pem"])
            file.flush()
            return openssl([digest, "-sign", file.name], octets)
    secret = key["text"].encode() if "text" in key else base64.b64decode(key["base64"])
    return openssl([digest, "-mac", "HMAC", "-macopt", "hexkey:" + secret.hex()], octets)


def signed(algorithm, claims, key):
    parts = [{"typ": "JWT", "alg": algorithm}, claims]
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    end = b"" if algorithm == "none" else signature(algorithm, key, text.encode())
    return text + "." + encoded(end)


with open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
summary = []
for case in cases:
    token = signed(case["algorithm"], case["claims"], case["key"])
    answer = requests.post(case["url"], headers={"Token": token})
    summary.append({"name": case["name"], "status": answer.status_code, "body": answer.json()})
print(json.dumps(summary))
