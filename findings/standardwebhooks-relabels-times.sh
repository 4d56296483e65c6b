#!/usr/bin/env bash
# Software: standardwebhooks 1.1.0 (PyPI), Webhook.sign and Webhook.verify.
#
# Guess: `sign` takes a datetime, so it signs the instant that the datetime names. 10:00+01:00 and 09:00+00:00 are one
#   instant (they compare equal) and give one signature.
#
# Seen: `sign` does not convert the time to UTC, it relabels it: the zone is thrown away and the digits of the clock
#   are read as UTC. A time with the zone of Malta in winter is signed as one hour later, and `verify` of the same
#   library refuses what `sign` has just signed for the true `webhook-timestamp`. A time without a zone is read as
#   UTC, where Python's own `timestamp()` reads it as local time.
#
# Why it matters: a sender whose clock is in UTC, and so every CI machine, works. The same sender on a machine or
#   with a library that yields local times signs webhooks (settlements, payouts) that every receiver refuses, for an
#   offset that changes with summer time. Pass `datetime.now(timezone.utc)`.
#
# Installs into a temporary folder, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
"$work/venv/bin/python" - <<'PY'
import sys, time
from datetime import datetime, timedelta, timezone
from standardwebhooks import Webhook, WebhookVerificationError

hook = Webhook(b"a demo key that is 32 bytes long")
body = '{"type":"bet.settled","data":{"bet_id":"b-1","return":1769}}'
now = int(time.time())

def verified(moment, sent):
    signature = hook.sign("msg-1", moment, body)
    headers = {"webhook-id": "msg-1", "webhook-timestamp": str(sent), "webhook-signature": signature}
    try:
        hook.verify(body, headers)
        return "verified"
    except WebhookVerificationError as error:
        return str(error)

utc = datetime.fromtimestamp(now, timezone.utc)
malta = utc.astimezone(timezone(timedelta(hours=1)))
later = datetime.fromtimestamp(now + 3600, timezone.utc)
seen = {
    "the two times are equal": utc == malta,
    "signed with the time in UTC": verified(utc, now),
    "signed with the time in Malta": verified(malta, now),
    "Malta's signature is that of one hour later": hook.sign("msg-1", malta, body) == hook.sign("msg-1", later, body),
}
for title, value in seen.items():
    print(f"{title}: {value}")
want = [True, "verified", "No matching signature found", True]
sys.exit(0 if list(seen.values()) == want else "CHANGED: this is not what was seen on standardwebhooks 1.1.0")
PY
