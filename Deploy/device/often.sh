#!/usr/bin/env bash
# Writes often.txt anew: the functions that run on a quiet board. The link puts them side by side, so that of the code
# only these pages need to be in memory (see cl_let_go_of_code). Needs valgrind and the device build of this machine;
# a minute. A name that is not there any more does no harm, one that is missing costs a page.
set -euo pipefail
cd "$(dirname "$0")/../.."
built=build/device/$(uname -m)
work=$(mktemp -d) pids=()
trap 'kill ${pids[@]+"${pids[@]}"} 2>/dev/null; rm -rf "$work"' EXIT
.ci/setup valgrind

# Without the name of its symbols' file, which valgrind cannot read.
objcopy --remove-section=.gnu_debuglink "$built/memwarden" "$work/memwarden"
printf 'interval = 200ms\nstate = "%s/state"\nhttp { listen = "127.0.0.1:0" socket = "" }\n' "$work" >"$work/conf"
for i in {1..30}; do
  build/leaky idle --size "$((1000 + i))K" &
  pids+=($!)
  echo $! >"$work/$i.pid"
  echo "worker \"w$i\" { pidfile = \"$work/$i.pid\" soft = 64M }" >>"$work/conf"
done
valgrind --tool=callgrind --instr-atstart=no --dump-instr=yes --callgrind-out-file="$work/calls" \
  "$work/memwarden" run -c "$work/conf" >"$work/said" 2>&1 </dev/null &
agent=$!
pids+=("$agent")
for ((i = 0; i < 100; i++)); do
  ! grep -q 'watching 30 workers' "$work/said" || break
  kill -0 "$agent" && sleep 0.2
done
sleep 10 # the start is over
callgrind_control -i on "$agent" >/dev/null
sleep 30
kill "$agent"
wait "$agent" || true

{
  echo "# Functions that run on a quiet board, for the order of the link. Written by often.sh."
  nm -n "$built/memwarden.debug" | awk -v calls="$work/calls" '
    NF == 3 && $2 ~ /^[tTwW]$/ { start[++n] = hex($1); name[n] = $3 }
    function hex(digits,    value, i) {
      for (i = 1; i <= length(digits); i++) value = value * 16 + index("123456789abcdef", substr(digits, i, 1))
      return value
    }
    function symbol(address,    low, high, middle) {
      low = 1
      high = n
      while (low < high) {
        middle = int((low + high + 1) / 2)
        if (start[middle] <= address) low = middle; else high = middle - 1
      }
      return name[low]
    }
    END {
      while ((getline line <calls) > 0) {
        split(line, word, " ")
        if (line ~ /^ob=.*\/memwarden$/) ours = word[1]
        if (line ~ /^ob=/) own = word[1] == ours
        step = word[1]
        if (step ~ /^0x/) at = hex(substr(step, 3))
        else if (step ~ /^\+[0-9]+$/) at += substr(step, 2)
        else if (step ~ /^-[0-9]+$/) at -= substr(step, 2)
        else if (step != "*") continue
        if (own) print symbol(at)
      }
    }' | sort -u
} >Deploy/device/often.txt
wc -l Deploy/device/often.txt
