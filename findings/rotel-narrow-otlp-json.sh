#!/usr/bin/env bash
# Software: rotel 0.0.1a15 (PyPI), an OpenTelemetry collector, its OTLP/HTTP receiver with a JSON body, 64-bit Linux.
#
# Guess: the receiver takes every JSON body of the OTLP specification, which is proto3's JSON mapping: numbers as JSON
#   numbers or as strings, absent fields as empty. A `charset` of the media type changes nothing.
#
# Seen, for one log record of a bet:
#   - `content-type: application/json`: 200. `application/json; charset=utf-8`: 400, and so is `Application/JSON`.
#   - `"timeUnixNano": "1795424400000000000"`: 200, as a number: 400. But `{"intValue": 7}` and `{"intValue": "7"}`
#     are both taken, and of doubles only the number is: `{"doubleValue": "1.5"}` is a 400.
#   - an attribute whose value is not set (`{}`) or is an empty list (`{"arrayValue": {}}`): 400 for the whole export.
#   - an export of nothing, `{"resourceLogs": []}`: 200. `{}`: 400.
#   - the 400 has no body and no `content-type`, where the specification has a Status message.
#
# Why it matters: OTLP clients must not retry a 400. An emitter of audit records that sets a charset, or one player
#   attribute that is empty, loses the whole batch, and nothing in the answer says why. Emit times as strings, leave
#   out what is empty, and send the bare media type.
#
# Installs into a temporary folder, takes free ports on 127.0.0.1, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check rotel==0.0.1a15
cd "$work"
venv/bin/python - <<'PY'
import glob, http.client, socket, subprocess, sys, time

def free():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % it.getsockname()[1]

address = free()
agent = glob.glob("venv/lib/python3*/site-packages/rotel/rotel-agent")[0]
rotel = subprocess.Popen(
    [agent, "start", "--otlp-http-endpoint", address, "--otlp-grpc-endpoint", free(), "--exporter", "blackhole",
     "--pid-file", "pid", "--log-file", "log"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def post(body, media="application/json"):
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("POST", "/v1/logs", body, {"content-type": media})
    answer = connection.getresponse()
    return answer.status, answer.getheader("content-type"), answer.read().decode()

def listening():
    for _ in range(100):
        time.sleep(0.1)
        if rotel.poll() is not None:
            sys.exit("rotel has ended")
        try:
            socket.create_connection(address.split(":"), 1).close()
            return
        except OSError:
            pass
    sys.exit("rotel does not listen")

def record(time='"1795424400000000000"', value='{"intValue":"7"}'):
    return ('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":%s,"body":{"stringValue":"bet placed"},'
            '"attributes":[{"key":"stake","value":%s}]}]}]}]}' % (time, value))

TAKEN, REFUSED = (200, "application/json", '{"partialSuccess":null}'), (400, None, "")
changed = False
try:
    listening()
    for title, got, want in [
        ("integers as strings", post(record()), TAKEN),
        ("with a charset", post(record(), "application/json; charset=utf-8"), REFUSED),
        ("media type in capitals", post(record(), "Application/JSON"), REFUSED),
        ("time as a number", post(record(time="1795424400000000000")), REFUSED),
        ("intValue as a number", post(record(value='{"intValue":7}')), TAKEN),
        ("doubleValue as a number", post(record(value='{"doubleValue":1.5}')), TAKEN),
        ("doubleValue as a string", post(record(value='{"doubleValue":"1.5"}')), REFUSED),
        ("value not set", post(record(value="{}")), REFUSED),
        ("empty list", post(record(value='{"arrayValue":{}}')), REFUSED),
        ("no resources", post('{"resourceLogs":[]}'), TAKEN),
        ("no field at all", post("{}"), REFUSED),
    ]:
        print(f"{title}: {got}")
        changed |= got != want
finally:
    rotel.terminate()
    rotel.wait()
sys.exit("CHANGED: this is not what was seen on rotel 0.0.1a15" if changed else 0)
PY
