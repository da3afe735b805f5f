"""What receivers of ours check: Standard Webhooks' own library, and Quiltt's signature as its customers compute it.

Reads a file, one JSON document: what was received, and the secrets. Prints one: what each check said."""

import base64
import hashlib
import hmac
import json
import sys
import time
from datetime import datetime, timezone

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def standard(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


def quiltt(secret, headers, body):
    stamp = headers["quiltt-timestamp"]
    if abs(time.time() - int(stamp)) > 300:
        return False
    made = hmac.new(secret.encode(), b"1" + stamp.encode() + body, hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(made).decode(), headers["quiltt-signature"])


def judged(check, secret, other, headers, body):
    stale = dict(headers)
    for name in ("webhook-timestamp", "quiltt-timestamp"):
        stale[name] = str(int(headers[name]) - 600)
    cut = dict(headers)
    for name in ("webhook-signature", "quiltt-signature"):
        cut[name] = headers[name][:-4]
    return {
        "as_sent": check(secret, headers, body),
        "tampered": check(secret, headers, body.replace(b"created", b"deleted")),
        "stale": check(secret, stale, body),
        "truncated": check(secret, cut, body),
        "other_secret": check(other, headers, body),
    }


with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
headers, body = given["headers"], given["body"].encode()
made = Webhook(given["secret"])
sent_at = int(headers["webhook-timestamp"])
theirs = made.sign(headers["webhook-id"], datetime.fromtimestamp(sent_at, timezone.utc), body.decode())
print(
    json.dumps(
        {
            "standard": judged(standard, given["secret"], given["other"], headers, body),
            "quiltt": judged(quiltt, given["secret"], given["other"], headers, body),
            "signed_alike": theirs == headers["webhook-signature"],
        }
    )
)
