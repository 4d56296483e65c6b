#!/usr/bin/env bash
# Software: etcd 3.4.23 (Debian 13 package etcd-server 3.4.23-4+b4), its JSON gateway under /v3.
#
# Guess: the JSON gateway shows by its status or by a field that a lease is gone, that the comparison of a transaction
#   failed, that a field name does not exist.
#
# Seen, each with status 200:
#   - `lease/grant` of 1 second grants "2": three halves of the election timeout, rounded up, is the least TTL.
#   - `lease/keepalive` of a lease that does not exist answers with its ID and without `TTL`. `lease/revoke` of the
#     same lease is a 404.
#   - `kv/txn` whose comparison failed has no `succeeded` field at all, because false is left out.
#   - `kv/put` with a misspelt field (`leese`) ignores it: the key is stored without a lease.
#   - `kv/put` without `lease` over a key that has one takes the lease away: the key no longer expires.
#
# Why it matters: a store of idempotency keys on etcd claims with a lease and writes the answer later. A keep-alive
#   loop that looks at the status believes in a claim that is gone; an answer written without the lease stays for
#   ever; a reader that requires `succeeded` fails on the very answer that says "another caller has the key".
#
# Unpacks the package into a temporary folder (apt-get download), takes free ports on 127.0.0.1, fails if the
# behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 .
apt-get -q download etcd-server=3.4.23-4+b4 >/dev/null 2>&1
dpkg -x etcd-server_*.deb etcd
python3 - <<'PY'
import base64, json, socket, subprocess, sys, time, urllib.error, urllib.request

def free():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return "http://127.0.0.1:%d" % it.getsockname()[1]

client, peer = free(), free()
etcd = subprocess.Popen(
    ["etcd/usr/bin/etcd", "--data-dir", "data", "--listen-client-urls", client, "--advertise-client-urls", client,
     "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def call(path, **body):
    request = urllib.request.Request(client + "/v3/" + path, json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    answer = json.loads(text)
    answer = answer.get("result", answer)
    answer.pop("header", None)
    return status, answer

def started():
    for _ in range(100):
        time.sleep(0.1)
        if etcd.poll() is not None:
            sys.exit("etcd has ended")
        try:
            if call("kv/range", key="AA==")[0] == 200:
                return
        except OSError:
            pass
    sys.exit("etcd does not listen")

def text(value):
    return base64.b64encode(value.encode()).decode()

KEY, VALUE = text("claim"), text("answer")
unused = {"compare": [{"key": KEY, "target": "CREATE", "result": "EQUAL", "create_revision": "0"}],
          "success": [{"request_put": {"key": KEY, "value": VALUE, "lease": "60"}}]}

def lease_of_key():
    return call("kv/range", key=KEY)[1]["kvs"][0].get("lease")

changed = False
def shown(title, got, want):
    global changed
    print(f"{title}: {got}")
    changed |= got != want

try:
    started()
    shown("grant of 1 s", call("lease/grant", ID="1", TTL="1"), (200, {"ID": "1", "TTL": "2"}))
    shown("keepalive, no such lease", call("lease/keepalive", ID="12345"), (200, {"ID": "12345"}))
    status, answer = call("lease/revoke", ID="12345")
    shown("revoke, no such lease", (status, answer["error"]), (404, "etcdserver: requested lease not found"))
    shown("grant of 60 s", call("lease/grant", ID="60", TTL="60"), (200, {"ID": "60", "TTL": "60"}))
    status, answer = call("kv/txn", **unused)
    shown("txn, key is new", (status, answer.get("succeeded")), (200, True))
    shown("txn, key exists", call("kv/txn", **unused), (200, {}))
    shown("lease of the key", lease_of_key(), "60")
    shown("put without lease", call("kv/put", key=KEY, value=VALUE), (200, {}))
    shown("lease of the key", lease_of_key(), None)
    shown("put with leese", call("kv/put", key=KEY, value=VALUE, leese="60"), (200, {}))
    shown("lease of the key", lease_of_key(), None)
finally:
    etcd.kill()
    etcd.wait()
sys.exit("CHANGED: this is not what was seen on etcd 3.4.23" if changed else 0)
PY
