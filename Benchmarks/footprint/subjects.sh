# The programs that are compared; to be sourced by run.sh. Each has a function subject_NAME INTERVAL_MS that writes its
# configuration for the processes in $pids, and sets
#   command   what starts it in the foreground
#   question  the path of its status answer on $port, one that lists every process; empty where it has none
#   listed    how many processes of its own it has beside its first, once it is ready

subject_memwarden() { subject_agent "$1" build/memwarden; }
subject_device() { subject_agent "$1" "$device"; }
subject_agent() {
  local i
  {
    echo "interval = $1ms"
    echo "http { listen = \"127.0.0.1:$port\" socket = \"\" }"
    for ((i = 0; i < ${#pids[@]}; i++)); do # half are found by pidfile, half by command line
      if ((i % 2)); then
        echo "worker \"w$i\" { cmdline = \"leaky idle --size $((1000 + i))K\" soft = 64M }"
      else
        echo "worker \"w$i\" { pidfile = \"$work/$i.pid\" soft = 64M }"
      fi
    done
  } >"$work/conf"
  command=("$2" run -c "$work/conf") question=/v1/workers
}

subject_floor() { command=("$work/floor" "$1" "$port" "${pids[@]}") question=/; }

subject_monit() {
  local i
  {
    echo "set daemon $(($1 / 1000))"
    echo "set logfile $work/monit.log"
    echo "set pidfile $work/monit.pid"
    echo "set idfile $work/monit.id"
    echo "set statefile $work/monit.state"
    echo "set httpd port $port and use address 127.0.0.1 allow 127.0.0.1"
    for ((i = 0; i < ${#pids[@]}; i++)); do
      echo "check process w$i with pidfile $work/$i.pid if memory usage > 64 MB then alert"
    done
  } >"$work/conf"
  chmod 700 "$work/conf"
  command=("$rivals/unpacked/usr/bin/monit" -I -c "$work/conf") question="/_status?format=xml"
}

# It looks at the board's memory alone, as often as it thinks fit, and at processes when it must kill one.
subject_earlyoom() { command=("$rivals/unpacked/usr/bin/earlyoom" --dryrun) question=; }

# It can only watch what it started, so it starts the same programs a second time. memmon runs ps for each.
subject_supervisord() {
  local i
  {
    echo "[supervisord]"
    echo "nodaemon=true"
    echo "logfile=$work/supervisord.log"
    echo "pidfile=$work/supervisord.pid"
    echo "[inet_http_server]"
    echo "port=127.0.0.1:$port"
    echo "[rpcinterface:supervisor]"
    echo "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface"
    echo "[eventlistener:memmon]"
    echo "command=$python -m superlance.memmon -a 64MB"
    echo "events=TICK_5"
    for ((i = 0; i < ${#pids[@]}; i++)); do
      echo "[program:w$i]"
      echo "command=build/leaky idle --size $((1000 + i))K"
      echo "startsecs=0"
      echo "stdout_logfile=NONE"
      echo "stderr_logfile=NONE"
    done
  } >"$work/conf"
  command=(env "PYTHONPATH=$rivals/python" "$python" -m supervisor.supervisord -c "$work/conf") question=/
  listed=$((${#pids[@]} + 1))
}

# It reads when it is asked: a cycle is a question.
subject_exporter() {
  printf 'process_names:\n  - name: "{{.PID}}"\n    comm: [leaky]\n' >"$work/conf"
  command=("$rivals/unpacked/usr/bin/prometheus-process-exporter" -config.path "$work/conf"
    -web.listen-address "127.0.0.1:$port")
  question=/metrics
}
