#!/usr/bin/env bash
# A week of watching in minutes: the device build, with a clock that runs SPEED times as fast, samples 30 workers every 5 s
# of its time, recycles one that leaks and keeps a flooded log on a RAM filesystem within its budget. Then: does it grow?
# Prints one table; fails when its private memory or its descriptors grew. A machine so busy that it misses ticks takes as
# long and has fewer of them.
set -euo pipefail
cd "$(dirname "$0")/../.."

# In a PID namespace of its own: workers are found by their command lines, and others may run the same here.
if [ -z "${SOAK_INSIDE:-}" ] && unshare --pid --mount-proc --fork true 2>/dev/null; then
  SOAK_INSIDE=1 exec unshare --pid --mount-proc --fork --kill-child "$0" "$@"
fi

speed=1200 week=$((7 * 86400))
workers=29 # and the leaker
device=build/device/$(uname -m)
work=$(mktemp -d)
pids=()

end() {
  local code=$?
  set +e
  [ -z "${agent:-}" ] || kill -INT "$agent" 2>/dev/null # and the leaker with it
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
  wait
  mountpoint -q "$work/log" && umount "$work/log"
  rm -rf "$work"
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM

CLOCK_SPEED=$speed Deploy/device/build.sh "$(uname -m)" >"$work/build" 2>&1 || { cat "$work/build" >&2; exit 1; }
mkdir "$work/log"
mount -t tmpfs -o size=16m,mode=755 memwarden-soak "$work/log" 2>/dev/null || echo "soak: no right to mount: no log is cut" >&2

{
  echo "interval = 5s"
  echo "state = \"$work/state\""
  echo "http { listen = \"\" socket = \"$work/socket\" }"
  for ((i = 0; i < workers; i++)); do
    build/leaky idle --size $((1000 + i))K &
    pids+=($!)
    echo "worker \"w$i\" { cmdline = \"leaky idle --size $((1000 + i))K\" soft = 64M }"
  done
  echo "worker \"leaker\" { run = {\"build/leaky\", \"leak\", \"--rate\", \"40M\"} soft = 16M hold = 0s cooldown = 1s"
  echo "  grace = 1h start_timeout = 1h budget = 32/1s }"
  echo "log \"$work/log/flood\" { budget = 256K }"
} >"$work/conf"
build/leaky flood --file "$work/log/flood" --rate 100K &
pids+=($!)

"$device/memwarden.fast" run -c "$work/conf" --quiet &
agent=$!
pids+=("$agent")

ask() { # a field of /v1/status, behind its quoted name
  build/memwarden status --json --socket "$work/socket" | grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d: -f2
}
until [ -S "$work/socket" ]; do kill -0 "$agent"; done

# One line per second: days of its time, private dirty kB, descriptors.
elapsed=0
while ((elapsed < week)); do
  sleep 1
  elapsed=$(($(ask uptime_ms) / 1000))
  dirty=$(awk '/^Private_Dirty:/ {print $2}' "/proc/$agent/smaps_rollup")
  descriptors=(/proc/"$agent"/fd/*)
  echo "$elapsed $dirty ${#descriptors[@]}" >>"$work/samples"
done
pss=$(awk '/^Pss:/ {print $2}' "/proc/$agent/smaps_rollup")
recycles=$(build/memwarden workers leaker --json --socket "$work/socket" | grep -o '"recycles":[0-9]*' | cut -d: -f2)
cuts=$(build/memwarden logs --json --socket "$work/socket" | grep -o '"cuts":[0-9]*' | cut -d: -f2)

awk -v pss="$pss" -v ticks="$(ask ticks)" -v written="$(ask written_bytes)" -v recycles="$recycles" -v cuts="$cuts" '
  # The first two days are left out: the rings of events and acts fill once.
  $1 > 172800 { x = $1 / 86400; n++; sx += x; sy += $2; sxx += x * x; sxy += x * $2; syy += $2 * $2
    if (n == 1) { low = high = $2; fdLow = fdHigh = $3 }
    if ($2 < low) low = $2; if ($2 > high) high = $2
    if ($3 < fdLow) fdLow = $3; if ($3 > fdHigh) fdHigh = $3 }
  END {
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    rest = syy - sy * sy / n - slope * slope * (sxx - sx * sx / n)
    error = sqrt((rest > 0 ? rest : 0) / (n - 2) / (sxx - sx * sx / n))
    print "| a week of its time, 30 workers | |\n| --- | --- |"
    print "| ticks, recycles, cuts | " ticks ", " recycles ", " cuts " |"
    print "| private dirty from the third day on | " low " to " high " kB |"
    printf "| its slope | %.2f ± %.2f kB a day |\n", slope, error
    print "| descriptors | " fdLow " to " fdHigh " |"
    print "| PSS at the end, a week of history full | " pss " kB |"
    print "| bytes written by itself | " written " |"
    # Growth is a slope that noise does not explain and that comes to a page by the end of the week.
    exit !((slope < 3 * error || slope * 5 < 4) && fdHigh - fdLow < 8 && recycles > 0 && cuts > 0)
  }' "$work/samples"
