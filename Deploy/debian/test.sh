#!/usr/bin/env bash
# Installs, starts, upgrades, removes and purges the package in fresh Debian trees: once with SysV init scripts, once on
# a booted systemd, where the sandbox of the unit is tried as well: watchdog, reload, a restart through systemctl, a log
# of another user. Needs root, debootstrap, systemd-nspawn (which it installs) and a Debian mirror.
set -euo pipefail
cd "$(dirname "$0")/../.."
mirror=${MIRROR:-http://deb.debian.org/debian} suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
base=$PWD/build/debian/$suite
[ "$(id -u)" = 0 ] || { echo "deb-test: as root, please" >&2; exit 100; }

needed=()
command -v debootstrap >/dev/null || needed+=(debootstrap)
command -v systemd-nspawn >/dev/null || needed+=(systemd-container)
command -v lintian >/dev/null || needed+=(lintian)
[ ${#needed[@]} = 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${needed[@]}"

say() { echo "deb-test: $*"; }
fail() {
  echo "deb-test: FAILED: $*" >&2
  tail -n 30 "$work/console" >&2 2>/dev/null || true
  exit 1
}
# eventually SECONDS COMMAND...
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "in vain: $*"
    sleep 0.2
  done
}

old=$(VERSION=0.0.1-1 Deploy/debian/build.sh)
new=$(Deploy/debian/build.sh)
lintian --no-cfg --suppress-tags initial-upload-closes-no-bugs --fail-on error,warning "$new" 2>/dev/null ||
  { echo "deb-test: lintian complains" >&2; exit 1; }

if [ ! -e "$base/complete" ]; then
  say "fetching a Debian tree, once"
  rm -rf "$base"
  mkdir -p "$base"
  debootstrap --variant=minbase \
    --include=systemd-sysv,dbus,procps,lighttpd,libmicrohttpd12,libconfuse2,zlib1g "$suite" "$base/root" "$mirror" >"$base/log"
  touch "$base/complete"
fi

work=$(mktemp -d)
boot=
tidy() {
  [ -z "$boot" ] || { kill "$boot" && wait "$boot"; } 2>/dev/null || true
  umount "$work/root" 2>/dev/null || true
  rm -rf "$work"
}
trap tidy EXIT
fresh_tree() {
  mkdir -p "$work/root" "$work/upper" "$work/work"
  mount -t overlay -o "lowerdir=$base/root,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
  cp "$old" "$work/root/root/old.deb"
  cp "$new" "$work/root/root/new.deb"
}
drop_tree() {
  umount "$work/root"
  rm -rf "$work/upper" "$work/work"
}
nspawn=(systemd-nspawn -q -D "$work/root" --register=no --keep-unit --private-network --console=pipe)

# What is the same with both: run inside, with the name of the init system.
cat >"$work/lifecycle" <<'EOF'
set -eu
fail() { echo "FAILED: $*"; exit 1; }
answers() { for _ in $(seq 50); do memwarden status >/dev/null 2>&1 && return; sleep 0.2; done; fail "$1: no answer"; }
pid() { pgrep -x memwarden || true; }
dpkg -i /root/old.deb >/dev/null
answers install
before=$(pid)
sed -i 's/^interval = .*/interval = 7s/' /etc/memwarden.conf
/etc/init.d/memwarden reload
memwarden events | grep -q 'configuration reloaded' || fail "reload: not heard"
echo 'nonsense = 1' >>/etc/memwarden.conf
! /etc/init.d/memwarden reload 2>/dev/null || fail "reload: a wrong configuration is accepted"
[ "$(pid)" = "$before" ] || fail "reload: the wrong configuration ended it"
sed -i '/nonsense/d' /etc/memwarden.conf
dpkg -i /root/new.deb >/dev/null
answers upgrade
[ "$(pid)" != "$before" ] || fail "upgrade: the old program still runs"
grep -q 'interval = 7s' /etc/memwarden.conf || fail "upgrade: the configuration was replaced"
dpkg -r memwarden >/dev/null
[ -z "$(pid)" ] || fail "remove: it still runs"
[ -e /etc/memwarden.conf ] || fail "remove: the configuration is gone"
dpkg -i /root/new.deb >/dev/null
answers "install again"
dpkg -P memwarden >/dev/null 2>&1
[ -z "$(pid)" ] || fail "purge: it still runs"
left=$(find / -xdev -name '*memwarden*' ! -path '/proc/*' ! -path '/sys/*' ! -path '*/log/journal/*')
[ -z "$left" ] || fail "purge: left behind: $left"
echo "installed, reloaded, upgraded, removed, purged with $1"
EOF

fresh_tree
cp "$work/lifecycle" "$work/root/root/lifecycle"
# invoke-rc.d starts nothing where it cannot tell the runlevel; runlevel(8) takes it from here.
"${nspawn[@]}" --setenv=RUNLEVEL=2 --setenv=PREVLEVEL=N -a /bin/sh /root/lifecycle "SysV init scripts" </dev/null 2>&1 | tee "$work/console" |
  sed '/^Attempted to remove disk/d; s/^/deb-test: /' ||
  fail "SysV"
drop_tree

fresh_tree
cp "$work/lifecycle" "$work/root/root/lifecycle"
"${nspawn[@]}" -b </dev/null >"$work/console" 2>&1 &
boot=$!
eventually 10 pgrep -P "$boot" systemd
inside() { nsenter -t "$(pgrep -P "$boot" systemd)" -a -- "$@"; }
eventually 60 inside systemctl is-active multi-user.target
inside sh /root/lifecycle systemd 2>&1 | tee -a "$work/console" | sed 's/^/deb-test: /' || fail "systemd"

# The unit's sandbox, at work.
mkdir -p "$work/root/etc/systemd/system/memwarden.service.d"
printf '[Service]\nWatchdogSec=2\n' >"$work/root/etc/systemd/system/memwarden.service.d/test.conf"
inside dpkg -i /root/new.deb >/dev/null
inside mkdir -p /srv/logs
inside mount -t tmpfs -o size=16m none /srv/logs
inside install -d -o www-data -g www-data -m 750 /srv/logs/web
inside tee /etc/memwarden.conf >/dev/null <<'EOF'
interval = 1s
worker "web" { pidfile = "/run/lighttpd.pid" soft = 64M restart = {"systemctl", "restart", "lighttpd.service"} }
log "/srv/logs/web/access.log" { budget = 64K }
EOF
inside systemctl start lighttpd
inside systemctl reload memwarden
unit() { inside systemctl show -P "$1" "$2"; }
[ "$(unit ActiveState memwarden)" = active ] || fail "not active"
complaints=$(inside systemd-analyze verify --man=no memwarden.service 2>&1 || true)
[ -z "$complaints" ] || fail "verify: $complaints"
say "security: $(systemd-analyze security --offline=yes Deploy/systemd/memwarden.service | tail -n 1)"

before=$(unit MainPID lighttpd)
eventually 10 inside sh -c 'memwarden workers web --json | grep -q "\"pid\""'
inside memwarden recycle web >/dev/null
eventually 20 inside sh -c 'memwarden events | grep -q "acted web: recycled in"'
[ "$(unit MainPID lighttpd)" != "$before" ] || fail "lighttpd was not restarted"
say "a service of another user restarted through systemctl, from within the sandbox"

inside setpriv --reuid www-data --regid www-data --clear-groups \
  sh -c 'umask 077; yes "a line of an access log" | head -c 4000000 >>/srv/logs/web/access.log'
eventually 10 inside sh -c 'memwarden events | grep -q "access.log: cut by"'
[ "$(inside du -k /srv/logs/web/access.log | cut -f1)" -le 64 ] || fail "the log is over its budget"
say "a log of another user, mode 0600, cut to its budget"

inside sh -c 'memwarden status' | sed 's/^/  /'
before=$(unit MainPID memwarden)
sleep 5
[ "$(unit MainPID memwarden)" = "$before" ] || fail "the watchdog bites a healthy guard"
kill -STOP "$(pgrep -x memwarden --ns "$(pgrep -P "$boot" systemd)" --nslist pid)"
restarted() { [ "$(unit NRestarts memwarden)" = 1 ] && inside memwarden status; }
eventually 20 restarted
say "the watchdog restarts a guard that hangs"

inside sh -c 'echo nonsense = 1 >>/etc/memwarden.conf'
! inside systemctl reload memwarden 2>/dev/null || fail "a wrong configuration is accepted"
[ "$(unit ActiveState memwarden)" = active ] || fail "a wrong configuration ended it"
inside systemctl stop memwarden
! inside systemctl start memwarden 2>/dev/null || fail "started with a wrong configuration"
eventually 5 test "$(unit ActiveState memwarden)" = failed
say "a wrong configuration is refused: by reload, without harm; by start, without trying again"
inside dpkg -P memwarden >/dev/null
say "all well"
