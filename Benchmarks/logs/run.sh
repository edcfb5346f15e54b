#!/usr/bin/env bash
# One writer of numbered lines on a 16 MB tmpfs, guarded in turn by memwarden, logrotate, svlogd and s6-log: what stood on
# the tmpfs at most, which lines are left, what it cost. Prints one markdown table; fails only when something did not run.
# Needs root, for the tmpfs. About 25 s for each row.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C # of the order of names
shopt -s nullglob

seconds=${SECONDS_EACH:-20} rate=4000000 line=80 # 50 000 lines a second
total=$((seconds * rate)) lines=$((seconds * rate / line))
work=$(mktemp -d) guard='' writer='' watcher=''
ram=$work/ram disk=$work/disk

end() {
  local code=$?
  set +e
  for pid in $guard $writer $watcher; do kill "$pid" 2>/dev/null; done
  wait 2>/dev/null
  mountpoint -q "$ram" && umount "$ram"
  rm -rf "$work"
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM

give_up() {
  echo "logs: $1" >&2
  [ ! -s "$work/said" ] || tail -n 20 "$work/said" >&2
  exit 1
}
[ "$(id -u)" = 0 ] || give_up "the tmpfs needs root"
for program in build/memwarden build/leaky; do [ -x "$program" ] || give_up "$program is missing; run make build"; done

# --- What every row does

fresh() {
  if mountpoint -q "$ram"; then umount "$ram"; fi
  rm -rf "$ram" "$disk"
  mkdir "$ram" "$disk"
  mount -t tmpfs -o size=16m,mode=755 memwarden-logs "$ram"
  : >"$ram/log"
}

# The most that was allocated, looked at every 10 ms or so; one figure in work/peak when it is told to end.
watch_peak() {
  local peak=0 used ended=
  trap 'ended=1' TERM
  while [ -z "$ended" ]; do
    used=$(stat -f -c '%b %f' "$ram" | awk '{ print ($1 - $2) * 4096 }')
    ((used <= peak)) || peak=$used
    sleep 0.005
  done
  echo "$peak" >"$work/peak"
}

processor_ms() { awk '{ printf "%d", $1 / 1000000 }' "/proc/$1/schedstat"; } # of a process, without its children
written() { awk '$1 == "wchar:" { print $2 }' "/proc/$1/io"; }

# Starts the writer on a path, waits until it has written all, and for what its guard does after that.
flood() { # PATH
  build/leaky flood --file "$1" --rate "$rate" --total "$total" --reopen &
  writer=$!
  watch_peak &
  watcher=$!
  begun=${EPOCHREALTIME/[.,]/}
  until [ "$(written "$writer")" -ge "$total" ]; do
    kill -0 "$writer" 2>/dev/null || give_up "the writer ended"
    sleep 0.05
  done
  took=$(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
  sleep 2
}
stop_writer() {
  kill "$writer" "$watcher"
  wait "$writer" "$watcher" 2>/dev/null || true
  writer='' watcher=''
}

# Of the text on standard input: lines left, gaps among them (in lines), lines there twice or torn.
count() {
  tr -d '\000' | awk -v length_=$((line - 1)) '
    length($0) != length_ || $1 !~ /^[0-9]+$/ { torn++; next }
    { n = $1 + 0; kept++; if (last && n > last + 1) lost += n - last - 1; if (n <= last) twice++; if (n > last) last = n }
    END { printf "%d %d %d %d", kept, lost, twice, torn + 0 }'
}

row() { # NAME PROCESSOR_MS COUNTS
  read -r kept lost twice torn <<<"$3"
  awk -v name="$1" -v peak="$(cat "$work/peak")" -v kept="$kept" -v lost="$lost" -v odd=$((twice + torn)) -v ms="$2" \
    -v took="$took" -v all="$lines" 'BEGIN {
      printf "| %s | %.2f MB | %d of %d | %d | %d | %.1f ms | %.1f s |\n", name, peak / 1048576, kept, all, lost, odd,
        ms / (took / 1000), took / 1000 }'
}

# The files in the order of the numbers in their names, or with r the other way round.
concatenate() { # r|'' FILE...
  [ $# -lt 2 ] || printf '%s\0' "${@:2}" | sort -zV${1:+r} | xargs -0 zcat -f
}

# --- The rows

echo "| guard ($lines lines of $line bytes in $seconds s, tmpfs of 16 MB) | most on the tmpfs | lines left | lost among them | twice or torn | processor time per second | writer took |"
echo "| --- | --- | --- | --- | --- | --- | --- |"

memwarden_row() { # NAME LOG_KEYS METHOD
  fresh
  printf 'http { listen = "" socket = "%s" }\nlog "%s" { budget = 1M %s }\n' "$work/socket" "$ram/log" "$2" >"$work/conf"
  build/memwarden run -c "$work/conf" >"$work/said" 2>&1 &
  guard=$!
  until [ -S "$work/socket" ]; do kill -0 "$guard" 2>/dev/null || give_up "memwarden ended"; sleep 0.05; done
  flood "$ram/log"
  local ms
  ms=$(processor_ms "$guard")
  curl -s --unix-socket "$work/socket" http://localhost/v1/logs | grep -q "\"last_cut\":{\"method\":\"$3\"" ||
    give_up "the log was not cut by $3"
  kill "$guard"
  wait "$guard" || give_up "memwarden ended with an error"
  guard=
  stop_writer
  row "$1" "$ms" "$({ concatenate '' "$disk"/log.*; concatenate '' "$ram"/log.*; cat "$ram/log"; } | count)"
}
memwarden_row "memwarden, cut in place (punch)" "" punch
memwarden_row "memwarden, punch, archived on disk" "archive = \"$disk\" archive_keep = 1000 archive_budget = 1G" punch
memwarden_row "memwarden, rename and reopen, archived on disk" \
  "method = rename reopen = HUP archive = \"$disk\" archive_keep = 1000 archive_budget = 1G" rename

logrotate_row() {
  fresh
  chmod 755 "$ram" "$disk"
  printf '%s {\n size 1M\n rotate 1000\n copytruncate\n olddir %s\n missingok\n}\n' "$ram/log" "$disk" >"$work/logrotate.conf"
  chmod 644 "$work/logrotate.conf"
  (
    trap 'times >"$work/times"; exit 0' TERM
    while :; do
      logrotate -s "$work/logrotate.state" "$work/logrotate.conf" >>"$work/said" 2>&1
      sleep 1
    done
  ) &
  guard=$!
  flood "$ram/log"
  kill "$guard"
  wait "$guard" || true
  guard=
  stop_writer
  local ms
  # The second line of times: user and system time of the children.
  ms=$(awk -F'[ms ]+' 'NR == 2 { printf "%d", ($1 * 60 + $2 + $3 * 60 + $4) * 1000 }' "$work/times")
  row "logrotate, copytruncate every second, archived on disk" "$ms" \
    "$({ concatenate r "$disk"/log.*; cat "$ram/log"; } | count)"
}
logrotate_row

# The writer's own pipe, kept on the tmpfs in files of 256 KiB: four of them are the same megabyte.
pipe_row() { # NAME COMMAND..., which reads its standard input and writes to $ram/dir
  local ms
  fresh
  mkdir -m 755 "$ram/dir"
  printf 's262144\nn3\n' >"$ram/dir/config" # svlogd's
  mkfifo "$work/pipe"
  "${@:2}" <"$work/pipe" >"$work/said" 2>&1 &
  guard=$!
  exec 4>"$work/pipe"
  rm "$work/pipe"
  flood "/proc/$$/fd/4"
  ms=$(processor_ms "$guard")
  stop_writer
  exec 4>&-
  wait "$guard" || true
  guard=
  row "$1" "$ms" "$(cat "$ram"/dir/@* "$ram/dir/current" | count)"
}
pipe_row "memwarden log, the writer's pipe" build/memwarden log "$ram/dir" --size 256K --keep 3
pipe_row "svlogd, the writer's pipe" svlogd "$ram/dir"
pipe_row "s6-log, the writer's pipe" s6-log n3 s262144 "$ram/dir"
