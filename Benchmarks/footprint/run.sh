#!/usr/bin/env bash
# Measures memwarden against the budget of the design and the bare C loop (floor.c), both watching the same 30 idle
# processes, and prints one markdown table; about 80 s. With `all`: also Monit, earlyoom, supervisord with memmon and
# process-exporter, and 3, 30 and 300 processes; a second table; about 12 minutes. It judges nothing: it fails only when
# something did not run.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=Benchmarks/footprint

# In a PID namespace of its own the processes of this machine are not seen: neither they nor those that come and go among
# them are part of what is measured. It also ends everything with us.
if [ -z "${FOOTPRINT_INSIDE:-}" ] && unshare --pid --mount-proc --fork true 2>/dev/null; then
  FOOTPRINT_INSIDE=1 exec unshare --pid --mount-proc --fork --kill-child "$0" "$@"
fi
[ -n "${FOOTPRINT_INSIDE:-}" ] || echo "footprint: not root: the other processes of this machine are seen too" >&2

idle_seconds=20
work=$(mktemp -d)
pids=()
rivals=$PWD/build/footprint python=/usr/bin/python3 device=build/device/$(uname -m)/memwarden
counts=(30) ours=(memwarden device floor) everybody=(memwarden device floor)
declare -A absent
if [ "${1:-}" = all ]; then
  counts=(3 30 300)
  everybody+=(monit earlyoom supervisord exporter)
  absent[monit]=$(cat "$rivals/monit.missing" 2>/dev/null || true)
  absent[earlyoom]=$(cat "$rivals/earlyoom.missing" 2>/dev/null || true)
  absent[supervisord]=$(cat "$rivals/supervisord.missing" 2>/dev/null || true)
  absent[exporter]=$(cat "$rivals/prometheus-process-exporter.missing" 2>/dev/null || true)
else
  idle_seconds=15
fi
. "$here/subjects.sh"
. "$here/measure.sh"
. "$here/tables.sh"

end() {
  local code=$?
  [ ${#subject[@]} -eq 0 ] || kill -KILL "${subject[@]}" 2>/dev/null || true
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM

for program in build/memwarden build/leaky; do
  [ -x "$program" ] || give_up "$program is missing; run make build"
done
[ -x "$device" ] || { ours=(memwarden floor) && absent[device]="make device ARCH=$(uname -m)"; }
"${CC:-cc}" -std=gnu17 -Os -Wall -Wextra -Werror -s -o "$work/floor" "$here/floor.c"
"${CC:-cc}" -std=gnu17 -O2 -Wall -Wextra -Werror -o "$work/ask" "$here/ask.c"
"${CC:-cc}" -O1 -shared -fPIC -o "$work/count.so" Benchmarks/allocations/count.c

# --- What it costs to watch so many

for count in "${counts[@]}"; do
  while ((${#pids[@]} < count)); do
    build/leaky idle --size $((1000 + ${#pids[@]}))K &
    echo $! >"$work/${#pids[@]}.pid"
    pids+=($!)
  done
  for name in "${everybody[@]}"; do
    [ -z "${absent[$name]:-}" ] || continue
    [ ${#counts[@]} = 1 ] || echo "footprint: $name, $count processes" >&2
    measure "$name"
    [[ " ${ours[*]} " != *" $name "* ]] || measure_fast "$name"
  done
done

# --- Allocations in a steady state, and how soon a fast leaker is acted upon: memwarden only

start_plain() { # CONFIGURATION ENVIRONMENT...
  env "${@:2}" build/memwarden run -c "$1" >"$work/output" 2>&1 </dev/null &
  subject=($!)
}
counted() { od -An -tu8 -N8 "$work/allocations" | tr -d ' '; }
subject_memwarden 100
sed -i 's/listen = [^ ]*/listen = ""/' "$work/conf"
start_plain "$work/conf" "ALLOCATIONS=$work/allocations" "LD_PRELOAD=$work/count.so"
sleep 3
allocations=$(counted)
sleep 3
allocations=$(($(counted) - allocations))
stop

# The figure in the journal is the one that led to the act; what the leaker gained since it crossed tells the time.
{
  echo "interval = 100ms"
  echo "state = \"$work/state\""
  echo "http { listen = \"\" socket = \"\" }"
  echo "journal { file = \"$work/journal\" }"
  echo "worker \"leaker\" { run = {\"build/leaky\", \"leak\", \"--rate\", \"100M\"} hard = 50M cooldown = 0s"
  echo "  budget = 32/1s }"
} >"$work/conf"
start_plain "$work/conf"
until [ "$(grep -c '"event":"recycle_began"' "$work/journal" 2>/dev/null)" -ge 5 ] 2>/dev/null; do
  kill -0 "${subject[0]}" 2>/dev/null || give_up "memwarden ended before it acted five times"
  sleep 0.1
done
stop INT # and the leaker with it
acts=$(grep '"event":"recycle_began"' "$work/journal" | head -n 5 | sed 's/.*"value_bytes":\([0-9]*\).*/\1/' | sort -n | awk '
  { v[NR] = $1 / 1048576 }
  END { printf "%.0f ms, %.0f MB (median of %d; at most %.0f MB)", (v[3] - 50) * 10, v[3], NR, v[NR] }')

goals
[ "${1:-}" != all ] || { echo && comparison; }
