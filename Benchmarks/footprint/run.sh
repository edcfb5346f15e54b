#!/usr/bin/env bash
# Measures the agent against the budget of the design and against the bare C loop (floor.c), both watching the same 30
# idle workers, and prints one markdown table. It judges nothing: it fails only when something did not run. About 60 s.
set -euo pipefail
cd "$(dirname "$0")/../.."

workers=30
idle_seconds=20  # at the default interval of 5 s: memory, wake-ups, bytes written
cycles=65        # at an interval of 100 ms: CPU time
work=$(mktemp -d)
pids=() subject=

end() {
  local code=$?
  [ -z "$subject" ] || kill -KILL "$subject" 2>/dev/null || true
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM

give_up() {
  echo "footprint: $1" >&2
  [ ! -s "$work/output" ] || tail -n 20 "$work/output" >&2
  exit 1
}

for program in build/memwarden build/leaky; do
  [ -x "$program" ] || give_up "$program is missing; run make build"
done
"${CC:-cc}" -std=gnu17 -Os -Wall -Wextra -Werror -s -o "$work/floor" Benchmarks/footprint/floor.c

# --- The workers: half are found by pidfile, half by command line

for ((i = 0; i < workers; i++)); do
  build/leaky idle --size $((1000 + i))K &
  pids+=($!)
  echo $! >"$work/$i.pid"
done

configuration() { # INTERVAL PORT
  echo "interval = $1"
  echo "http { listen = \"127.0.0.1:$2\" socket = \"\" }"
  for ((i = 0; i < workers; i++)); do
    if ((i % 2)); then
      echo "worker \"w$i\" { cmdline = \"leaky idle --size $((1000 + i))K\" soft = 64M }"
    else
      echo "worker \"w$i\" { pidfile = \"$work/$i.pid\" soft = 64M }"
    fi
  done
}

# --- One subject at a time: started, asked, measured, ended

start() { # memwarden|floor INTERVAL_MS; sets subject, port and first_answer (ms)
  # Below the ephemeral range, so that no outgoing connection holds it.
  port=$((20000 + RANDOM % 10000))
  configuration "$2ms" "$port" >"$work/conf"
  local command=(build/memwarden run -c "$work/conf") begun=${EPOCHREALTIME/[.,]/} line=
  [ "$1" = memwarden ] || command=("$work/floor" "$2" "$port" "${pids[@]}")
  "${command[@]}" >"$work/output" 2>&1 </dev/null &
  subject=$!
  until { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; do
    kill -0 "$subject" 2>/dev/null || give_up "$1 ended before it answered"
    ((${EPOCHREALTIME/[.,]/} - begun < 10000000)) || give_up "$1 did not listen within 10 s"
  done
  printf 'GET /v1/status HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$port" >&3
  read -r -t 5 line <&3 || true
  first_answer=$(((${EPOCHREALTIME/[.,]/} - begun) / 100)) # tenths of ms
  exec 3>&-
  [[ $line == *" 200 "* ]] || give_up "$1 answered '${line%$'\r'}'"
}

stop() {
  kill -0 "$subject" 2>/dev/null || give_up "the subject ended while it was measured"
  kill -TERM "$subject"
  wait "$subject" || true
  subject=
}

status_of() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$subject/$2"; }
run_time() { cut -d ' ' -f 1 "/proc/$subject/schedstat"; } # ns on a CPU
# Sums one field of smaps, in kB, over the mappings whose path matches.
sum_maps() {
  awk -v field="$1:" -v path="$2" '
    /^[0-9a-f]+-[0-9a-f]+ / { counted = $6 ~ path }
    counted && $1 == field { sum += $2 }
    END { print sum + 0 }' "/proc/$subject/smaps"
}

declare -A figure
measure() { # memwarden|floor BINARY
  local name=$1 binary=$2 before switches written libraries
  figure[$name.file]=$(stat -c %s "$binary")
  figure[$name.code]=$(size "$binary" | awk 'NR == 2 { print $1 + $2 }')
  libraries=$(ldd "$binary" 2>/dev/null | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }' || true)
  figure[$name.library_count]=0 figure[$name.library_bytes]=0
  for library in $libraries; do
    figure[$name.library_count]=$((figure[$name.library_count] + 1))
    figure[$name.library_bytes]=$((figure[$name.library_bytes] + $(stat -L -c %s "$library")))
  done

  start "$name" 5000
  figure[$name.first]=$first_answer
  switches=$(status_of voluntary_ctxt_switches status) written=$(status_of write_bytes io)
  sleep "$idle_seconds"
  figure[$name.wakeups]=$(($(status_of voluntary_ctxt_switches status) - switches))
  figure[$name.written]=$(($(status_of write_bytes io) - written))
  figure[$name.pss]=$(status_of Pss smaps_rollup)
  figure[$name.pss_libraries]=$(sum_maps Pss '\.so')
  figure[$name.dirty]=$(status_of Private_Dirty smaps_rollup)
  stop

  start "$name" 100
  before=$(run_time)
  sleep "$(awk "BEGIN { print $cycles / 10 }")"
  figure[$name.cpu]=$((($(run_time) - before) / cycles / workers)) # ns
  stop
}
measure memwarden build/memwarden
measure floor "$work/floor"

# --- Allocations in a steady state, and how soon a fast leaker is acted upon: memwarden only

"${CC:-cc}" -O1 -shared -fPIC -o "$work/count.so" Benchmarks/allocations/count.c
start_plain() { # CONFIGURATION ENVIRONMENT...
  env "${@:2}" build/memwarden run -c "$1" >"$work/output" 2>&1 </dev/null &
  subject=$!
}
counted() { od -An -tu8 -N8 "$work/allocations" | tr -d ' '; }
configuration 100ms 0 | sed 's/listen = [^ ]*/listen = ""/' >"$work/conf"
start_plain "$work/conf" "ALLOCATIONS=$work/allocations" "LD_PRELOAD=$work/count.so"
sleep 3
allocations=$(counted)
sleep 3
allocations=$(($(counted) - allocations))
stop

# The figure in the journal is the one that led to the act; what the leaker gained since it crossed tells the time.
{
  echo "interval = 100ms"
  echo "http { listen = \"\" socket = \"\" }"
  echo "journal { file = \"$work/journal\" }"
  echo "worker \"leaker\" { run = {\"build/leaky\", \"leak\", \"--rate\", \"100M\"} hard = 50M cooldown = 0s"
  echo "  budget = 32/1s }"
} >"$work/conf"
start_plain "$work/conf"
until [ "$(grep -c '"event":"recycle_began"' "$work/journal" 2>/dev/null)" -ge 5 ] 2>/dev/null; do
  kill -0 "$subject" 2>/dev/null || give_up "memwarden ended before it acted five times"
  sleep 0.1
done
stop
acts=$(grep '"event":"recycle_began"' "$work/journal" | head -n 5 | sed 's/.*"value_bytes":\([0-9]*\).*/\1/' | sort -n | awk '
  { v[NR] = $1 / 1048576 }
  END { printf "%.0f ms, %.0f MB (median of %d; at most %.0f MB)", (v[3] - 50) * 10, v[3], NR, v[NR] }')

# --- The table

row() { # WHAT GOAL UNIT_DIVISOR DECIMALS UNIT KEY
  local name cells=
  for name in memwarden floor; do
    cells+=$(awk -v v="${figure[$name.$6]}" -v d="$3" -v n="$4" -v u="$5" 'BEGIN { printf "%.*f%s |", n, v / d, u }')
    cells+=' '
  done
  echo "| $1 | $2 | ${cells% }"
}
echo "| what ($workers workers, host build, $(uname -m)) | goal (static device build) | memwarden | C floor |"
echo "| --- | --- | --- | --- |"
row "file, stripped" "≤ 1.0 MB, HTTP included" 1000 0 " kB" file
row "of it text and data" "" 1000 0 " kB" code
row "shared libraries: number" "none" 1 0 "" library_count
row "shared libraries: files" "none" 1000 0 " kB" library_bytes
row "PSS" "≤ 1.3 MB, with 24 h of history" 1 0 " kB" pss
row "of it shared libraries" "" 1 0 " kB" pss_libraries
row "private dirty" "≤ 400 kB" 1 0 " kB" dirty
row "CPU per cycle and process" "≤ 1.5 × the C loop" 1000 1 " µs" cpu
row "wake-ups per second, 5 s interval" "≤ 0.2" "$idle_seconds" 2 "" wakeups
row "start to first answer over HTTP" "" 10 1 " ms" first
row "bytes written to storage in $idle_seconds s" "0" 1 0 "" written
echo "| from crossing a limit of 50 MB to the act, a leaker of 100 MB/s, interval 100 ms | ≤ 100 ms, ≤ 60 MB | $acts | |"
echo "| allocations in 3 s of steady ticks, interval 100 ms | 0 | $allocations | |"
echo
echo "Memory after $idle_seconds s: a history of $idle_seconds s, not of 24 h. Memory is counted in kB of 1024, files in kB of 1000."
