#!/usr/bin/env bash
# Software: geoip-lite 2.0.3 (npm, of July 2026) with the data in its package, pycountry 26.2.16 (PyPI).
#
# Guess: a package of 2026 brings place names of its time: the `eu` of an address in the United Kingdom is "0", and
#   country and region make a code that a list of ISO 3166-2 knows.
#
# Seen, for all regions met at x.y.0.1 of every x.y:
#   - `eu` is "1" for GB, and for no other country outside the Union that the sweep meets.
#   - Norway has the counties of 2018 and 2019: 12 codes such as NO-12 and NO-19 that pycountry does not know, and
#     none of NO-34, NO-42 and NO-46, which it does.
#   - pycountry does not know any of the 16 codes met in Poland (PL-MZ, where it has PL-14), any of the 8 in
#     Kazakhstan (KZ-ALA), Gauteng and KwaZulu-Natal (ZA-GT, ZA-NL), Corsica (FR-COR), and others.
#
# Why it matters: a rule for players in the Union takes in the British market, or has to leave it out by hand. A
#   rule for a region that was written with today's code never matches, and one that refuses unknown codes refuses
#   all of Poland. Refresh the data before it decides, and compare its codes with those in the rules.
#
# Installs into a temporary folder (the package has 110 MB), fails if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts geoip-lite@2.0.3 >/dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pycountry==26.2.16
cat >sweep.js <<'JS'
const geoip = require("geoip-lite");
const met = {};
for (let x = 1; x < 224; x++) {
  for (let y = 0; y < 256; y++) {
    const place = geoip.lookup(`${x}.${y}.0.1`);
    if (!place) continue;
    const country = (met[place.country] ??= { eu: place.eu, regions: {} });
    if (place.region) country.regions[place.region] = true;
  }
}
for (const country of Object.values(met)) country.regions = Object.keys(country.regions);
console.log(JSON.stringify(met));
JS
node sweep.js >met.json
venv/bin/python - <<'PY'
import json, sys
import pycountry

met = json.load(open("met.json"))
UNION = set("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
FRENCH_AND_FINNISH = set("AX GF GP MF MQ RE YT".split())  # parts of the Union with a country code of their own

def unknown(country):
    return sorted(region for region in met[country]["regions"]
                  if not pycountry.subdivisions.get(code=f"{country}-{region}"))

counts = {country: len(unknown(country)) for country in met if unknown(country)}
seen = {
    "outside the Union with eu 1": sorted(
        country for country, it in met.items() if it["eu"] == "1" and country not in UNION | FRENCH_AND_FINNISH),
    "regions that pycountry does not know": dict(sorted(counts.items())),
    "NO": unknown("NO"), "KZ": unknown("KZ"), "PL": unknown("PL"), "ZA": unknown("ZA"), "FR": unknown("FR"),
    "NO-34, NO-42, NO-46 are met": sorted({"34", "42", "46"} & set(met["NO"]["regions"])),
}
for what, value in seen.items():
    print(f"{what}: {value}")
ok = (seen["outside the Union with eu 1"] == ["GB"] and seen["NO"] == [
    "01", "02", "05", "06", "07", "08", "09", "10", "12", "14", "19", "20"] and len(seen["PL"]) == 16
    and len(seen["KZ"]) == 8 and seen["ZA"] == ["GT", "NL"] and seen["FR"] == ["COR"]
    and not seen["NO-34, NO-42, NO-46 are met"])
sys.exit(0 if ok else "CHANGED: this is not what was seen on geoip-lite 2.0.3 and pycountry 26.2.16")
PY
