#!/usr/bin/env bash
# Software: pycountry 26.2.16 (PyPI), and from npm iso-3166 4.4.0, iso-3166-2 1.0.0, country-region-data 4.1.0.
#
# Guess: packages with the codes of ISO 3166-2 agree on the code of a region that a licence depends on, and those
#   published in 2026 (all but iso-3166-2, of 2024) have the counties that Norway has had since January 2024.
#
# Seen:
#   - Paris is FR-75C in two and FR-75 in one; Jilin is CN-JL in three and CN-22 in one; Gauteng is ZA-GP in two
#     and ZA-GT in two; Odisha is IN-OD in two and IN-OR in two; Mazovia is PL-14 in three and PL-MZ in one.
#     No package has both codes of a region, as an alias or as a withdrawn one.
#   - England (GB-ENG) is missing in country-region-data, and so is Paris by either code.
#   - pycountry, iso-3166 and country-region-data have Viken and Troms og Finnmark, which ended with 2023, and none
#     of Akershus, Buskerud and Finnmark. iso-3166-2 has these three, because it has the counties of before 2018.
#
# Why it matters: a front end that fills its list from one package and a gateway rule that was checked with another
#   do not mean the same place by the same text, and neither tells that the other's code is unknown rather than far
#   away. Keep a table of the codes that your geolocation vendor sends, and test the rules against that.
#
# Installs into a temporary folder, fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts \
    iso-3166@4.4.0 iso-3166-2@1.0.0 country-region-data@4.1.0 >/dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pycountry==26.2.16
cat >lists.mjs <<'JS'
import { createRequire } from "module";
import { iso31662 } from "iso-3166";
const require = createRequire(import.meta.url);
const regions = require("country-region-data/data.json");
const two = require("iso-3166-2");
const listed = { "iso-3166": {}, "iso-3166-2": {}, "country-region-data": {} };
for (const it of iso31662) listed["iso-3166"][it.code] = it.name;
for (const country of Object.values(two.data)) {
  for (const [code, it] of Object.entries(country.sub)) listed["iso-3166-2"][code] = it.name;
}
for (const country of regions) {
  for (const it of country.regions) {
    listed["country-region-data"][`${country.countryShortCode}-${it.shortCode}`] = it.name;
  }
}
console.log(JSON.stringify(listed));
JS
node lists.mjs >lists.json
venv/bin/python - <<'PY'
import json, sys
import pycountry

lists = {"pycountry": {it.code: it.name for it in pycountry.subdivisions}, **json.load(open("lists.json"))}
PAIRS = [("FR-75C", "FR-75"), ("CN-JL", "CN-22"), ("ZA-GP", "ZA-GT"), ("IN-OD", "IN-OR"), ("PL-14", "PL-MZ")]
COUNTIES = ["Viken", "Troms og Finnmark", "Akershus", "Buskerud", "Finnmark"]
seen = {}
for name, codes in lists.items():
    norway = {title for code, title in codes.items() if code.startswith("NO-")}
    has = [[code for code in pair if code in codes] for pair in PAIRS]
    counties = [county for county in COUNTIES if county in norway]
    seen[name] = ([it[0] if len(it) == 1 else it for it in has], "GB-ENG" in codes, counties)
    print(f"{name}: {seen[name][0]}, GB-ENG: {seen[name][1]}, Norway: {seen[name][2]}")
recent, merged = ["FR-75C", "CN-JL", "ZA-GP", "IN-OD", "PL-14"], ["Viken", "Troms og Finnmark"]
want = {
    "pycountry": (recent, True, merged),
    "iso-3166": (recent, True, merged),
    "iso-3166-2": (["FR-75", "CN-22", "ZA-GT", "IN-OR", "PL-MZ"], True, ["Akershus", "Buskerud", "Finnmark"]),
    "country-region-data": ([[], "CN-JL", "ZA-GT", "IN-OR", "PL-14"], False, merged),
}
sys.exit(0 if seen == want else "CHANGED: this is not what was seen on these versions")
PY
