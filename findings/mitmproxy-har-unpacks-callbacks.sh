#!/usr/bin/env bash
# Software: mitmproxy 11.0.2 (PyPI), `mitmdump --set hardump=FILE` as a reverse proxy.
#
# Guess: the HAR tells what was on the wire: the bytes of a body, or some sign that they were changed, and the size
#   that was sent. HAR 1.2 defines `bodySize` as the size of the request body in bytes.
#
# Seen, for a partner's callback with a gzip body of JSON and a signature over those bytes:
#   - `postData.text` is the unpacked JSON, while the headers still say `content-encoding: gzip` and the length of the
#     packed body. `bodySize` is the unpacked size: nothing in the entry has the bytes that were signed, or says so.
#   - a body of other bytes (protobuf) is read as Latin-1 text, without a mark: `postData` has no `encoding`.
#   - `redirectURL` is set from the `location` of a 201, and `expires` of a response cookie is missing.
#
# Why it matters: a recorded callback that is replayed is refused by the signature check, and with its headers the
#   recorded text is no valid gzip either. Tell partners to send the recording system uncompressed callbacks, or
#   record where the packed bytes are kept (mitmproxy's own flow file has them).
#
# Installs into a temporary folder, takes free ports on 127.0.0.1, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mitmproxy==11.0.2
cd "$work"
venv/bin/python - <<'PY'
import gzip, hashlib, hmac, http.client, http.server, json, socket, subprocess, sys, threading, time

class Casino(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(201)
        self.send_header("location", "/transactions/t-1")
        self.send_header("set-cookie", "node=a; Path=/; Expires=Tue, 24 Nov 2026 09:00:00 GMT")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

casino = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Casino)
threading.Thread(target=casino.serve_forever, daemon=True).start()
with socket.socket() as it:
    it.bind(("127.0.0.1", 0))
    port = it.getsockname()[1]
proxy = subprocess.Popen(
    ["venv/bin/mitmdump", "-q", "--mode", f"reverse:http://127.0.0.1:{casino.server_port}", "--listen-host",
     "127.0.0.1", "-p", str(port), "--set", "hardump=out.har", "--set", "confdir=conf"])

def listening():
    for _ in range(200):
        time.sleep(0.1)
        if proxy.poll() is not None:
            sys.exit("mitmdump has ended")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            pass
    sys.exit("mitmdump does not listen")

def sign(body):
    return hmac.new(b"a demo key", body, hashlib.sha256).hexdigest()

def post(path, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, headers)
    connection.getresponse().read()
    connection.close()

PLAIN = b'{"transaction":"t-1","amount":"5.00"}'
PACKED, PROTOBUF = gzip.compress(PLAIN, mtime=0), b"\x08\x96\x01\xff"
try:
    listening()
    post("/callback", PACKED, content_type="application/json", content_encoding="gzip", x_signature=sign(PACKED))
    post("/protobuf", PROTOBUF, content_type="application/x-protobuf")
finally:
    proxy.terminate()  # writes the HAR
    proxy.wait()
entries = json.load(open("out.har"))["log"]["entries"]
request, response = entries[0]["request"], entries[0]["response"]
headers = {it["name"].lower(): it["value"] for it in request["headers"]}
text = request["postData"]["text"]
seen = {
    "postData.text": (text, PLAIN.decode()),
    "content-encoding": (headers["content-encoding"], "gzip"),
    "content-length is the packed length": (headers["content-length"] == str(len(PACKED)), True),
    "bodySize is the unpacked length": (request["bodySize"] == len(PLAIN), True),
    "the signature fits the recorded text": (headers["x-signature"] == sign(text.encode()), False),
    "redirectURL of a 201": ((response["status"], response["redirectURL"]), (201, "/transactions/t-1")),
    "cookie has expires": ("expires" in response["cookies"][0], False),
    "protobuf": (entries[1]["request"]["postData"],
                 {"mimeType": "application/x-protobuf", "text": PROTOBUF.decode("latin-1"), "params": []}),
}
for what, (got, _) in seen.items():
    print(f"{what}: {got!r}")
sys.exit("CHANGED: this is not what was seen on mitmproxy 11.0.2" if any(a != b for a, b in seen.values()) else 0)
PY
