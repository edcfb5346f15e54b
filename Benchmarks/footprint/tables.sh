# The tables of the figures; to be sourced by run.sh.

amount() { # VALUE DIVISOR DECIMALS
  [ -n "$1" ] && awk -v v="$1" -v d="$2" -v n="$3" 'BEGIN { printf "%.*f", n, v / d }' || printf -- –
}

# --- Against the goals: with 30 processes

goal_row() { # WHAT GOAL DIVISOR DECIMALS UNIT KEY [COUNT]
  local name cells=
  for name in "${ours[@]}"; do cells+=" $(amount "${figure[$name.${7:-30}.$6]:-}" "$3" "$4")$5 |"; done
  echo "| $1 | $2 |$cells"
}
goals() {
  local count name
  declare -A title=([memwarden]="host build" [device]="device build" [floor]="C floor")
  printf '| watching 30 idle processes, %s | goal (device build) |' "$(uname -m)"
  for name in "${ours[@]}"; do printf ' %s |' "${title[$name]}"; done
  printf '\n| --- | --- |'
  for name in "${ours[@]}"; do printf ' --- |'; done
  echo
  goal_row "file, stripped, HTTP included" "≤ 1.0 MB" 1000 0 " kB" file
  goal_row "the same with its shared libraries" "none" 1000 0 " kB" files
  goal_row "PSS" "≤ 1.3 MB, with 24 h of history" 1 0 " kB" pss
  goal_row "private dirty" "≤ 400 kB" 1 0 " kB" dirty
  for count in "${counts[@]}"; do
    goal_row "CPU per cycle and process, ten cycles a second, $count processes" "≤ 1.5 × the C floor" 1000 1 " µs" fast "$count"
  done
  goal_row "the same, a cycle every 5 s" "" 1000 1 " µs" cpu
  goal_row "wake-ups per second, a cycle every 5 s" "≤ 0.2" "$idle_seconds" 2 "" wakeups
  goal_row "start to first answer over HTTP" "" 1 1 " ms" first
  goal_row "bytes written to storage in $idle_seconds s" "0" 1 0 "" written
  echo
  echo "- From crossing a limit of 50 MB to the act, a leaker of 100 MB/s, interval 100 ms: $acts; the goal is ≤ 100 ms, ≤ 60 MB."
  echo "- Allocations in 3 s of steady ticks, interval 100 ms: $allocations; the goal is 0."
  echo "- Memory is what $idle_seconds s of history take. It is counted in kB of 1024, files in kB of 1000."
}

# --- Against the others: 3 / 30 / 300 in each cell

cell() { # NAME DIVISOR DECIMALS KEY
  local count text= value same=1 first
  for count in "${counts[@]}"; do
    value=$(amount "${figure[$1.$count.$4]:-}" "$2" "$3")
    text+="${text:+ / }$value"
    first=${first:-$value}
    [ "$value" = "$first" ] || same=
  done
  [ -n "$same" ] && printf ' %s |' "$first" || printf ' %s |' "$text"
}
comparison() {
  local name cells reason
  declare -A title=([memwarden]="memwarden, host build" [device]="memwarden, device build" [floor]="C floor"
    [monit]="Monit" [earlyoom]="earlyoom" [supervisord]="supervisord with memmon" [exporter]="process-exporter")
  echo "| watching ${counts[*]} processes, a cycle of 5 s | file, kB | with libraries, kB | PSS, kB | private dirty, kB | CPU per cycle and process, µs | wake-ups per s | first answer, ms | answers per s |" |
    sed -E 's/watching ([0-9]+) ([0-9]+) ([0-9]+)/watching \1 \/ \2 \/ \3/'
  echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
  for name in "${everybody[@]}"; do
    reason=${absent[$name]:-}
    if [ -n "$reason" ]; then
      echo "| ${title[$name]} | not available: $reason | | | | | | | |"
      continue
    fi
    cells=$(cell "$name" 1000 0 file)$(cell "$name" 1000 0 files)$(cell "$name" 1 0 pss)$(cell "$name" 1 0 dirty)
    cells+=$(cell "$name" 1000 1 cpu)$(cell "$name" "$idle_seconds" 2 wakeups)$(cell "$name" 1 0 first)
    echo "| ${title[$name]} |$cells$(cell "$name" 1 0 rate)"
  done
  echo
  echo "- The answer is the one that lists every process: /v1/workers, Monit's XML status, supervisord's page, /metrics."
  echo "- earlyoom looks at the board's memory only, as often as it thinks fit, and answers nobody: its CPU time is that of 5 s,"
  echo "  divided like the others'. supervisord's includes the ps that memmon starts for each process; where the figure falls"
  echo "  with more processes, it did not get round in 5 s. Its file is Python's, without the modules. process-exporter reads"
  echo "  when it is asked, here every 5 s."
}
