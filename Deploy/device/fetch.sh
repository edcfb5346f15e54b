#!/usr/bin/env bash
# Unpacks the sources of musl, libmicrohttpd, libconfuse and zlib into DIRECTORY, as the machine's own apt sources offer them.
# apt verifies them; its state is kept in DIRECTORY, so the machine's own lists stay as they are.
set -euo pipefail
. "$(dirname "$0")/../../.ci/again"
mkdir -p "$1"
cd "$1"
exec 9>../sources.lock # two processors may be built at once
flock 9
[ ! -e complete ] || exit 0
rm -rf ./*
mkdir -p apt/sources apt/lists apt/cache

for list in /etc/apt/sources.list.d/*.sources; do
  [ ! -e "$list" ] || sed 's/^Types:.*/Types: deb-src/' "$list" >"apt/sources/${list##*/}"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ ! -e "$list" ] || sed -n 's/^deb /deb-src /p' "$list" >"apt/sources/${list##*/}"
done
apt() {
  apt-get -q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$PWD/apt/sources" \
    -o "Dir::State::Lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=root "$@"
}

# Debian's one patch to libconfuse mends cfg_tilde_expand, which build.sh makes sure is not linked in.
fetch() {
  apt update && apt source --download-only musl libmicrohttpd zlib && apt source --download-only --tar-only libconfuse
}
again fetch >log 2>&1 || {
  tail -n 20 log >&2
  echo "device: the sources could not be fetched, see $PWD/log" >&2
  exit 1
}
dpkg-source --no-check -x musl_*.dsc musl >>log
dpkg-source --no-check -x libmicrohttpd_*.dsc libmicrohttpd >>log
dpkg-source --no-check -x zlib_*.dsc zlib >>log
mkdir libconfuse
tar -xf libconfuse_*.orig.tar.* --strip-components=1 -C libconfuse
touch complete
