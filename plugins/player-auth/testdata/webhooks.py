"""Makes webhooks.json: webhooks that the senders' own libraries signed, and what these say of them.

    python3 -m venv v && v/bin/pip install stripe==16.1.0 standardwebhooks==1.1.0
    v/bin/python webhooks.py > webhooks.json
"""

import datetime
import importlib.metadata
import json
import time
from unittest import mock

import standardwebhooks
import stripe
from standardwebhooks import webhooks

NOW = 1_800_000_000
BODY = '{"id":"evt_1","type":"payment_intent.succeeded","amount":2500,"note":"\u00e9 \U0001f3b0"}'
ONE, NEXT, OTHER = "whsec_Sf3p1mYzq0Wc2Xk9", "whsec_newer0Wc2Xk9abcd", "whsec_nobody0Wc2Xk9ab"
KEYS = {n: "whsec_" + k for n, k in {
    ONE: "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", NEXT: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    OTHER: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"}.items()}


def stripe_case(name, secrets, header, body=BODY, at=NOW):
    def good(secret):
        try:
            with mock.patch("time.time", lambda: float(NOW)):
                return stripe.WebhookSignature.verify_header(body, header, secret, 300)
        except stripe.SignatureVerificationError:
            return False
    return {"name": name, "kind": "stripe", "secrets": secrets, "body": body,
            "headers": {"stripe-signature": header}, "good": any(map(good, secrets))}


def signed(secret, at=NOW, body=BODY):
    return stripe.WebhookSignature.generate_signature_header(body, secret, at)


def part(secret):
    return signed(secret).split(",")[1]


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


def sign(secret, at=NOW, body=BODY, msg="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"):
    moment = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    return standardwebhooks.Webhook(KEYS[secret]).sign(msg, moment, body)


def standard_case(name, secrets, signature, body=BODY, at=NOW, msg="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"):
    headers = {"webhook-id": msg, "webhook-timestamp": str(at), "webhook-signature": signature}

    def good(secret):
        try:
            with mock.patch.object(webhooks, "datetime", Clock):
                standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)
            return True
        except webhooks.WebhookVerificationError:
            return False
    secrets = [KEYS[secret] for secret in secrets]
    return {"name": name, "kind": "standard_webhooks", "secrets": secrets, "body": body,
            "headers": headers, "good": any(map(good, secrets))}


CASES = [
    stripe_case("as signed", [ONE], signed(ONE)),
    stripe_case("the older secret of two", [NEXT, ONE], signed(ONE)),
    stripe_case("both secrets signed", [NEXT], f"{signed(ONE)},{part(NEXT)}"),
    stripe_case("a test signature beside it", [ONE], f"{signed(ONE)},v0={'ab' * 32}"),
    stripe_case("the signature in front", [ONE], f"{part(ONE)},t={NOW}"),
    stripe_case("another's secret", [ONE], signed(OTHER)),
    stripe_case("a test signature alone", [ONE], signed(ONE).replace("v1=", "v0=")),
    stripe_case("another body", [ONE], signed(ONE), BODY.replace("2500", "9900")),
    stripe_case("another time", [ONE], signed(ONE).replace(str(NOW), str(NOW - 1))),
    stripe_case("five minutes old", [ONE], signed(ONE, NOW - 300)),
    stripe_case("older", [ONE], signed(ONE, NOW - 301)),
    stripe_case("no time", [ONE], part(ONE)),
    stripe_case("nothing", [ONE], f"t={NOW}"),
    standard_case("as signed", [ONE], sign(ONE)),
    standard_case("the older secret of two", [NEXT, ONE], sign(ONE)),
    standard_case("both secrets signed", [NEXT], f"{sign(ONE)} {sign(NEXT)}"),
    standard_case("an asymmetric signature beside it", [ONE], f"v1a,{'A' * 86}== {sign(ONE)}"),
    standard_case("another's secret", [ONE], sign(OTHER)),
    standard_case("an asymmetric signature alone", [ONE], sign(ONE).replace("v1,", "v1a,")),
    standard_case("another body", [ONE], sign(ONE), BODY.replace("2500", "9900")),
    standard_case("another id", [ONE], sign(ONE, msg="msg_other")),
    standard_case("another time", [ONE], sign(ONE, NOW - 1)),
    standard_case("five minutes old", [ONE], sign(ONE, NOW - 300), at=NOW - 300),
    standard_case("older", [ONE], sign(ONE, NOW - 301), at=NOW - 301),
    standard_case("five minutes ahead", [ONE], sign(ONE, NOW + 300), at=NOW + 300),
    standard_case("further ahead", [ONE], sign(ONE, NOW + 301), at=NOW + 301),
]
MADE_WITH = {name: importlib.metadata.version(name) for name in ["stripe", "standardwebhooks"]}
print(json.dumps({"made_with": MADE_WITH, "now": NOW, "cases": CASES}, indent=1))
