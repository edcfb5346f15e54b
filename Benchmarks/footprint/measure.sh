# Reads from the kernel what one program costs; to be sourced by run.sh. The figures go to ${figure[NAME.COUNT.KEY]}.
# A subject is one process, or several: supervisord's memmon belongs to it, what it watches does not.
declare -A figure
subject=() # the subject's processes; the first was started here

give_up() {
  echo "footprint: $1" >&2
  [ ! -s "$work/output" ] || tail -n 20 "$work/output" >&2
  exit 1
}

# start NAME INTERVAL_MS: until it has answered, or looks alive where it never answers. Sets first_answer (ms).
start() {
  local begun deadline=$((SECONDS + 60))
  # Below the ephemeral range, so that no outgoing connection holds it.
  port=$((20000 + RANDOM % 10000)) listed=0 first_answer=
  "subject_$1" "$2"
  begun=${EPOCHREALTIME/[.,]/}
  "${command[@]}" >"$work/output" 2>&1 </dev/null &
  subject=($!)
  if [ -n "$question" ]; then
    first_answer=$("$work/ask" first "$port" "$question" "$begun") || give_up "$1 did not answer"
  fi
  until [ "$(children "${subject[0]}" | wc -l)" -ge "$listed" ]; do
    ((SECONDS < deadline)) || give_up "$1 did not start its processes"
    sleep 0.2
  done
  if ((listed > 0)); then
    mapfile -t -O 1 subject < <(children "${subject[0]}" | while read -r pid; do
      ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q memmon || echo "$pid"
    done)
  fi
  sleep 1
  kill -0 "${subject[0]}" 2>/dev/null || give_up "$1 ended before it was measured"
}
children() { cat "/proc/$1/task/"*/children 2>/dev/null | tr -s ' ' '\n' | sed '/^$/d'; }

stop() { # the signal, TERM by default
  local pid
  kill -0 "${subject[0]}" 2>/dev/null || give_up "the subject ended while it was measured"
  kill -"${1:-TERM}" "${subject[0]}"
  wait "${subject[0]}" || true
  subject=()
}

# A field of one of the files of /proc/PID, summed over the subject's processes.
sum_of() { # KEY FILE
  local pid
  for pid in "${subject[@]}"; do cat "/proc/$pid/"$2; done | awk -v key="$1:" '$1 == key { s += $2 } END { print s + 0 }'
}
wakeups() { sum_of voluntary_ctxt_switches 'task/*/status'; }
# ns on a CPU, all threads, and what reaped children used.
run_time() {
  local pid
  {
    for pid in "${subject[@]}"; do
      cat "/proc/$pid/task/"*/schedstat
      sed 's/.*) //' "/proc/$pid/stat" | awk '{ print ($14 + $15) * 10000000 }'
    done
  } | awk '{ s += $1 } END { printf "%.0f\n", s }' # mawk's %d ends at 2^31
}
# Bytes of the distinct files that it has mapped to run code: its own file, and with `all` its libraries.
mapped_files() { # own|all
  local pid file
  for pid in "${subject[@]}"; do
    if [ "$1" = own ]; then readlink "/proc/$pid/exe"; else awk '$2 ~ /x/ && $6 ~ "^/" { print $6 }' "/proc/$pid/maps"; fi
  done | sort -u | while read -r file; do stat -L -c %s "$file"; done | awk '{ s += $1 } END { print s + 0 }'
}

# measure NAME: at its usual cycle of 5 s, and how fast it answers.
measure() {
  local key=$1.${#pids[@]} switches written before asker=
  start "$1" 5000
  figure[$key.first]=$first_answer
  # Who reads when asked is asked once per cycle.
  if [ "$1" = exporter ]; then
    "$work/ask" every "$port" "$question" 5000 $((idle_seconds / 5)) >"$work/asked" &
    asker=$!
  fi
  switches=$(wakeups) written=$(sum_of write_bytes io) before=$(run_time)
  sleep "$idle_seconds"
  figure[$key.cpu]=$((($(run_time) - before) / (idle_seconds / 5) / ${#pids[@]})) # ns
  figure[$key.wakeups]=$(($(wakeups) - switches))
  figure[$key.written]=$(($(sum_of write_bytes io) - written))
  figure[$key.pss]=$(sum_of Pss smaps_rollup)
  figure[$key.dirty]=$(sum_of Private_Dirty smaps_rollup)
  figure[$key.file]=$(mapped_files own)
  figure[$key.files]=$(mapped_files all)
  [ -z "$asker" ] || wait "$asker" || give_up "$1 did not answer"
  if [ -n "$question" ]; then
    figure[$key.rate]=$("$work/ask" rate "$port" "$question" 1000) || give_up "$1 gave a wrong answer"
  fi
  stop
}

# measure_fast NAME: CPU time at ten cycles a second, which only memwarden and the floor can.
measure_fast() {
  local before cycles=65
  start "$1" 100
  before=$(run_time)
  sleep "$(awk "BEGIN { print $cycles / 10 }")"
  figure[$1.${#pids[@]}.fast]=$((($(run_time) - before) / cycles / ${#pids[@]})) # ns
  stop
}
