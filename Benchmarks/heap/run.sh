#!/usr/bin/env bash
# What a heap walk costs the process that is walked: operations of `leaky churn` per second of its own CPU time (others may
# be at work on the machine), by turns with and without a walk every two seconds. Prints one line per round and the mean loss. ROUNDS (5) of 2 x SECONDS_EACH (6). Judges nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${ROUNDS:-5} each=${SECONDS_EACH:-6}
work=$(mktemp -d)
pids=()
end() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT

port=$((20000 + RANDOM % 10000))
echo "http { listen = \"127.0.0.1:$port\" socket = \"\" }" >"$work/conf"
build/memwarden run -c "$work/conf" --quiet &
pids+=($!)
build/leaky churn --threads 1 --report "$work/said" &
subject=$!
pids+=("$subject")

say() { # sets operations and ms, of CPU time
  rm -f "$work/said"
  kill -USR1 "$subject"
  while [ ! -e "$work/said" ]; do sleep 0.01; done
  operations=$(awk '$1 == "operations" { print $2 }' "$work/said")
  ms=$(awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$subject/stat")
}
while [ ! -e "$work/said" ]; do sleep 0.1; done
sleep 2

rate() { # walks or not; prints operations per second
  local from then
  say
  from=$operations then=$ms
  for ((i = 0; i < each / 2; i++)); do
    [ "$1" = no ] || curl -sf "http://127.0.0.1:$port/v1/processes/$subject/heap" >"$work/answer"
    sleep 2
  done
  say
  echo $(((operations - from) * 1000 / (ms - then)))
}
loss=0
for ((round = 1; round <= rounds; round++)); do
  without=$(rate no) with=$(rate yes)
  echo "round $round: $without operations/s, with walks $with"
  loss=$((loss + (without - with) * 10000 / without))
done
awk -v l="$loss" -v n="$rounds" 'BEGIN { printf "mean loss: %.2f %%\n", l / n / 100 }'
grep -o '"walk":{[^}]*}' "$work/answer"
