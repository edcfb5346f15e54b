#!/usr/bin/env bash
# Unpacks the programs that memwarden is compared with into DIRECTORY: Debian's packages, and memmon from PyPI. Nothing is
# installed, so no service of theirs is ever started or enabled. What cannot be had is said in DIRECTORY/NAME.missing.
set -uo pipefail
. "$(dirname "$0")/../../.ci/again"
mkdir -p "$1"
cd "$1" || exit 1
rm -f ./*.missing

fetch() { # PACKAGE PROGRAM
  [ ! -x "unpacked/$2" ] || return 0
  { apt-get -q -o APT::Sandbox::User=root download "$1" && dpkg-deb -x "$1"_*.deb unpacked; } >"$1.log" 2>&1
}
update() { apt-get update -q >update.log 2>&1; }

debian=("monit usr/bin/monit" "earlyoom usr/bin/earlyoom"
  "prometheus-process-exporter usr/bin/prometheus-process-exporter")
for pair in "${debian[@]}"; do
  read -r package program <<<"$pair"
  fetch "$package" "$program" || { again update && fetch "$package" "$program"; } ||
    echo "Debian's package cannot be fetched" >"$package.missing"
  if ldd "unpacked/$program" 2>/dev/null | grep -q 'not found'; then
    echo "lacks $(ldd "unpacked/$program" | awk '/not found/ { print $1; exit }')" >"$package.missing"
  fi
done

# superlance has memmon, and brings supervisor along.
if [ ! -d python/superlance ]; then
  again python3 -m pip install --quiet --target python superlance setuptools\<81 >pip.log 2>&1 ||
    echo "superlance cannot be fetched from PyPI" >supervisord.missing
fi
exit 0
