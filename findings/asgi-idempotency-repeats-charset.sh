#!/usr/bin/env bash
# Software: asgi-idempotency-header 0.2.0 (PyPI), with starlette 0.41.3 and fastapi 0.115.6.
#
# Guess: a POST with an Idempotency-Key is executed once, and a retry gets the first answer back, byte by byte, with
#   its headers and `idempotent-replayed: true`.
#
# Seen: that depends on the content type and form of the answer, which decide after the fact:
#   - `application/json`: executed once. The replayed body is parsed and written anew: odds of 1.50 come back as 1.5,
#     and `location` is missing.
#   - `application/json; charset=utf-8`, `application/problem+json`, an empty 204: every retry with the key is
#     executed again. Nothing marks or logs it.
#   - a 500 in `application/json` is stored as the answer of the key, and every retry gets it.
#
# Why it matters: a bet whose service adds a charset to its content type is placed once for each retry, behind a layer
#   that is there to prevent it. A client that signs or hashes answers finds the replay changed. Where a gateway keeps
#   the claim, this layer should not be the only one that does.
#
# Installs into a temporary folder, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    asgi-idempotency-header==0.2.0 starlette==0.41.3 fastapi==0.115.6 redis==5.2.1
"$work/venv/bin/python" - <<'PY'
import asyncio, sys
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from idempotency_header_middleware import IdempotencyHeaderMiddleware
from idempotency_header_middleware.backends.memory import MemoryBackend

BET = b'{"bet_id":"b-1","odds":1.50}'
executed = []

def answer(path, status, body, **headers):
    async def handler(request):
        executed.append(path)
        return Response(body, status, {name.replace("_", "-"): value for name, value in headers.items()})
    return Route(path, handler, methods=["POST"])

app = IdempotencyHeaderMiddleware(backend=MemoryBackend(), app=Starlette(routes=[
    answer("/json", 201, BET, content_type="application/json", location="/bets/b-1"),
    answer("/charset", 201, BET, content_type="application/json; charset=utf-8"),
    answer("/problem", 422, b'{"code":"odds_changed"}', content_type="application/problem+json"),
    answer("/empty", 204, b""),
    answer("/error", 500, b'{"code":"try_again"}', content_type="application/json")]))

async def post(path):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b'{"stake":500}', "more_body": False}

    async def send(message):
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
               "headers": [(b"idempotency-key", b"key-of-" + path[1:].encode())]}, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], body, headers.get("location"), headers.get("idempotent-replayed")

changed = False
for path, times, want in [
    ("/json", 1, (201, b'{"bet_id":"b-1","odds":1.5}', None, "true")),
    ("/charset", 3, (201, BET, None, None)),
    ("/problem", 3, (422, b'{"code":"odds_changed"}', None, None)),
    ("/empty", 3, (204, b"", None, None)),
    ("/error", 1, (500, b'{"code":"try_again"}', None, "true")),
]:
    first, _, third = [asyncio.run(post(path)) for _ in range(3)]
    print(f"{path}: executed {executed.count(path)} times in 3 calls")
    print(f"  first: {first}\n  third: {third}")
    changed |= executed.count(path) != times or third != want
sys.exit("CHANGED: this is not what was seen on asgi-idempotency-header 0.2.0" if changed else 0)
PY
