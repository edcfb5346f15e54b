#!/usr/bin/env bash
# Runs build/device/ARCH/memwarden, under the emulator of its processor where this machine is another one: the command
# line, a configuration, a worker of its own that is recycled, HTTP over loopback and the unix socket, and a clean end.
# An emulator lends the host's kernel: the kernels of boards are the business of the boot tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
arch=${1:-}
. Deploy/device/processors.sh
.ci/setup qemu-user-static curl

memwarden=("build/device/$arch/memwarden")
[ "$(uname -m)" = "$arch" ] || memwarden=("qemu-$qemu-static" "${memwarden[@]}")
work=$(mktemp -d)
agent=

end() {
  local code=$?
  [ -z "$agent" ] || kill -KILL "$agent" 2>/dev/null || true
  [ ! -s "$work/pid" ] || kill -KILL "$(cat "$work/pid")" 2>/dev/null || true
  [ "$code" = 0 ] || { echo "device-test: $arch: what the agent said:" >&2; tail -n 20 "$work/log" >&2 || true; }
  rm -rf "$work"
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM

fail() { echo "device-test: $arch: $*" >&2; exit 1; }
# within SECONDS COMMAND...: until it succeeds.
within() {
  local deadline=$((SECONDS + $1))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "not within $1 s: ${*:2}"
    sleep 0.1
  done
}
# says WHAT TEXT COMMAND...: its output contains TEXT.
says() {
  local output
  output=$("${@:3}" 2>&1) || true
  [[ $output == *"$2"* ]] || fail "$1: expected '$2' in: $output"
  echo "device-test: $arch: $1"
}

says "version" "memwarden 0." "${memwarden[@]}" version
says "the documented configuration is fine" ": ok, 0 workers" "${memwarden[@]}" check -c Config/memwarden.conf
echo 'interval = soon' >"$work/wrong"
says "a wrong configuration is told with its line" "wrong:1" "${memwarden[@]}" check -c "$work/wrong"

port=$((20000 + RANDOM % 10000)) # below the ephemeral range
cat >"$work/conf" <<CONF
interval = 200ms
state = "$work/state"
http { listen = "127.0.0.1:$port" socket = "$work/socket" }
journal { file = "$work/journal" }
worker "sleeper" { run = {"/bin/sh", "-c", "echo \$\$ >$work/pid; exec sleep 600"} soft = 64M }
CONF
"${memwarden[@]}" run -c "$work/conf" >"$work/log" 2>&1 </dev/null &
agent=$!
url=http://127.0.0.1:$port

within 20 curl -sf "$url/healthz"
within 20 test -s "$work/pid"
says "the status over HTTP" '"pss_bytes"' curl -s "$url/v1/status"
says "a worker over HTTP" '"sleeper"' curl -s "$url/v1/workers/sleeper"
says "metrics" 'memwarden_' curl -s "$url/metrics"
says "a foreign Host is refused" '"error"' curl -s -H 'Host: evil.example' "$url/v1/status"
says "a change without a token is refused" '"error"' curl -s -X POST "$url/v1/workers/sleeper/recycle"
for ((i = 0; i < 50; i++)); do exec 3<>"/dev/tcp/127.0.0.1/$port" 3>&-; done
says "the status after 50 clients that said nothing" '"pss_bytes"' curl -s "$url/v1/status"

first=$(cat "$work/pid")
"${memwarden[@]}" recycle sleeper --socket "$work/socket" >"$work/answer" 2>&1 || fail "recycle: $(cat "$work/answer")"
another() { [ -s "$work/pid" ] && [ "$(cat "$work/pid")" != "$first" ] && ! kill -0 "$first"; }
within 20 another
echo "device-test: $arch: a worker is recycled through the unix socket"
within 20 grep -q recycle "$work/journal"

kill -TERM "$agent"
code=0
wait "$agent" || code=$?
agent=
[ "$code" = 0 ] || fail "SIGTERM ended it with exit code $code"
echo "device-test: $arch: it ends on SIGTERM with exit code 0"
