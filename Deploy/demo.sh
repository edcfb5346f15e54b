#!/usr/bin/env bash
# The demo: the agent on Config/demo.conf, in the foreground, with its events on stdout. Needs build/memwarden and
# build/leaky (make demo builds them). Ends on Ctrl-C, SIGTERM, after DEMO_SECONDS or with the agent, and leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

root=/tmp/memwarden-demo # Config/demo.conf names it too
seconds=${DEMO_SECONDS:-infinity}
agent= clock=

# Whatever the agent started carries this in its environment, so it is found even if the agent was killed.
export MEMWARDEN_DEMO="$$.$RANDOM$RANDOM"

running() { [ -n "$1" ] && jobs -rp | grep -qx "$1"; }

stop_agent() {
  running "$agent" || return 0
  kill -INT "$agent" # its workers too
  sleep 20 &
  local patience=$!
  wait -n "$agent" "$patience" || true
  if running "$agent"; then
    echo "demo: the agent did not end within 20 s of SIGINT and is killed" >&2
    kill -KILL "$agent"
    wait "$agent" || true
  fi
  kill -KILL "$patience" 2>/dev/null || true # it inherited that SIGTERM is ignored here
  wait "$patience" 2>/dev/null || true
}

kill_marked() { # MARK
  local environment pid
  for environment in $(grep -lzx "MEMWARDEN_DEMO=$1" /proc/[0-9]*/environ 2>/dev/null); do
    pid=${environment#/proc/} pid=${pid%/environ}
    kill -KILL "$pid" 2>/dev/null || true # grep found itself too, and is gone
  done
}

remove_root() {
  if mountpoint -q "$root"; then
    umount "$root" || umount -l "$root"
  fi
  rm -rf --one-file-system "$root"
}

end() {
  local code=$?
  set +e
  trap '' INT TERM HUP
  stop_agent
  [ -z "$clock" ] || kill "$clock" 2>/dev/null
  kill_marked "$MEMWARDEN_DEMO"
  remove_root
  exit "$code"
}

for program in build/memwarden build/leaky; do
  [ -x "$program" ] || { echo "demo: $program is missing; run make build" >&2; exit 1; }
done
if [ -e "$root" ] || [ -L "$root" ]; then
  if [ -L "$root" ] || [ ! -O "$root" ]; then
    echo "demo: $root exists and belongs to someone else" >&2
    exit 1
  fi
  # What an earlier demo left that was killed before it could clear up.
  if read -r pid mark 2>/dev/null <"$root/pid"; then
    if kill -0 "$pid" 2>/dev/null; then
      echo "demo: another demo is running as process $pid" >&2
      exit 1
    fi
    kill_marked "$mark"
  fi
  remove_root
fi

trap end EXIT
trap 'exit 0' INT TERM HUP
mkdir -m 700 "$root"
if [ "$(id -u)" = 0 ] && mount -t ramfs -o mode=700 memwarden-demo "$root" 2>/dev/null; then
  echo "demo: $root is a ramfs of its own"
elif [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=16m,mode=700 memwarden-demo "$root" 2>/dev/null; then
  echo "demo: $root is a tmpfs of its own"
else
  echo "demo: no right to mount here, so $root is a plain directory: its log takes no RAM and is not cut; run as root"
fi
echo "$$ $MEMWARDEN_DEMO" >"$root/pid"
mkdir "$root/log"

echo "demo: three workers: one leaks, one's allocator keeps what it freed, one floods a log"
echo "demo: look at http://127.0.0.1:8741/v1/status ; Ctrl-C ends it"
build/memwarden run -c Config/demo.conf &
agent=$!
sleep "$seconds" &
clock=$!
status=0
wait -n "$agent" "$clock" || status=$?
if ! running "$agent"; then
  echo "demo: the agent ended by itself with exit code $status" >&2
  exit 1
fi
