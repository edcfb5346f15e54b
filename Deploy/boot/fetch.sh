#!/usr/bin/env bash
# Unpacks the kernel image and the static busybox of another processor into DIRECTORY, as the machine's own apt sources
# offer them. Nothing is installed: apt's state for that processor is kept in DIRECTORY.
# fetch.sh DIRECTORY DEBIAN_PROCESSOR IMAGE_PACKAGE [CODENAME]
set -euo pipefail
. "$(dirname "$0")/../../.ci/again"
mkdir -p "$1"
cd "$1"
[ ! -e complete ] || exit 0
debian=$2 image=$3 codename=${4:-}
rm -rf ./*
mkdir -p apt/sources apt/lists apt/cache unpacked

# A release other than this machine's has the same mirrors and keys.
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
for list in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ ! -e "$list" ] || sed "s/\b$own\b/${codename:-$own}/g; /^Types:/s/ deb-src//; /^deb-src /d" "$list" \
    >"apt/sources/${list##*/}"
done
options=(-q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$PWD/apt/sources"
  -o "Dir::State::Lists=$PWD/apt/lists" -o Dir::State::Status=/dev/null -o "Dir::Cache=$PWD/apt/cache"
  -o "APT::Architecture=$debian" -o "APT::Architectures=$debian" -o APT::Sandbox::User=root)

give_up() {
  tail -n 20 log >&2
  echo "boot: the kernel and busybox for $debian could not be fetched, see $PWD/log" >&2
  exit 1
}
fetch() {
  # A mirror in the middle of its update lacks one index or another: any kernel of the release will do.
  apt-get "${options[@]}" update || true
  kernel=$(apt-cache "${options[@]}" depends --important "$image" | sed -n 's/^ *Depends: //p' | head -n 1)
  apt-get "${options[@]}" download "$kernel" busybox-static
}
again fetch >log 2>&1 || give_up
dpkg-deb --fsys-tarfile "$kernel"_*.deb | tar -x -C unpacked --wildcards './boot/vmlinu*'
dpkg-deb -x busybox-static_*.deb unpacked
mv unpacked/boot/vmlinu* kernel
find unpacked -name busybox -type f -exec mv {} busybox ';'
echo "$kernel" >kernel.name
rm -rf apt unpacked ./*.deb
touch complete
