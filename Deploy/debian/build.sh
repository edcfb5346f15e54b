#!/usr/bin/env bash
# Makes build/memwarden_VERSION_ARCHITECTURE.deb. With an argument (x86_64, aarch64, armv7, armv7-softfloat, riscv64): of
# the static file that `make device ARCH=…` made. Without: of the host's build/memwarden. VERSION= overrides the version.
set -euo pipefail
cd "$(dirname "$0")/../.."

arch=${1:-}
version=${VERSION:-$(sed -n 's/^let version: StaticString = "\(.*\)"$/\1/p' Sources/memwarden/Main.swift)-1}
maintainer="memwarden maintainers <maintainers@memwarden.example>"
case $arch in
  "") binary=build/memwarden architecture=$(dpkg --print-architecture) ;;
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  armv7) architecture=armhf ;;
  armv7-softfloat) architecture=armel ;;
  riscv64) architecture=riscv64 ;;
  *) echo "deb: there is no architecture $arch" >&2; exit 100 ;;
esac
: "${binary:=build/device/$arch/memwarden}"
[ -x "$binary" ] || { echo "deb: $binary is not there: run \`make ${arch:+device ARCH=$arch}${arch:-build}\`" >&2; exit 1; }

library=$(dirname "$binary")/libmemwarden-trim.so

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
put() { install -D -m "$1" "$2" "$root$3"; }
put 755 "$binary" /usr/sbin/memwarden
put 644 "$library" /usr/lib/memwarden/libmemwarden-trim.so
put 644 Config/memwarden.conf /etc/memwarden.conf
put 755 Deploy/init/memwarden.init /etc/init.d/memwarden
put 644 Deploy/systemd/memwarden.service /usr/lib/systemd/system/memwarden.service
put 644 Deploy/completions/memwarden.bash /usr/share/bash-completion/completions/memwarden
put 644 Deploy/completions/_memwarden /usr/share/zsh/vendor-completions/_memwarden
put 644 Deploy/man/memwarden.8 /usr/share/man/man8/memwarden.8
put 644 Deploy/man/memwarden.conf.5 /usr/share/man/man5/memwarden.conf.5
put 644 NOTICE /usr/share/doc/memwarden/copyright
put 644 CHANGELOG.md /usr/share/doc/memwarden/changelog
cat >>"$root/usr/share/doc/memwarden/copyright" <<'EOF'

Debian has the whole text of these licences in /usr/share/common-licenses/Apache-2.0, LGPL-2.1 and GPL-3.
EOF
cat >"$root/usr/share/doc/memwarden/changelog.Debian" <<EOF
memwarden ($version) unstable; urgency=medium

  * What changed is in changelog.gz.

 -- $maintainer  $(date -R -r CHANGELOG.md)
EOF
gzip -9n "$root"/usr/share/man/man?/* "$root"/usr/share/doc/memwarden/changelog*

mkdir -p "$root/DEBIAN"
for script in postinst prerm postrm; do install -m 755 "Deploy/debian/$script" "$root/DEBIAN/"; done
printf '%s\n' /etc/memwarden.conf /etc/init.d/memwarden >"$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

# dpkg-shlibdeps wants a source tree; a static file needs nothing.
depends=
if [ -z "$arch" ]; then
  mkdir -p "$root/source/debian"
  printf 'Source: memwarden\n\nPackage: memwarden\nArchitecture: any\n' >"$root/source/debian/control"
  depends=$(cd "$root/source" && dpkg-shlibdeps -O -e"$root/usr/sbin/memwarden" | sed -n 's/^shlibs:Depends=//p')
  rm -r "$root/source"
fi
cat >"$root/DEBIAN/control" <<EOF
Package: memwarden
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
${depends:+Depends: $depends
}Section: admin
Priority: optional
Description: memory guard for small boards
 Says where the memory went, does the cheapest thing that gets it back (cuts a
 log on tmpfs or ramfs, recycles a leaking worker), and measures what came
 back. One small process, asleep on a quiet board, with a tiny HTTP API.
 .
 As installed it watches nothing; /etc/memwarden.conf says what to watch.
EOF

find "$root" -type d -exec chmod 755 {} +
deb=build/memwarden_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >/dev/null
echo "$deb"
