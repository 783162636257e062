# shellcheck shell=bash
# shellcheck disable=SC2154 # the variables in lower case are kafka.sh's
# The nodes of a cluster: their configuration, processes and ports. Sourced by kafka.sh, which sets
# HOST, dir (state of the cluster) and libs (folder of jars).
: "${HOST:?}" "${build:?}"
port0=${KAFKA_PORT:-19092}

port() { echo $((port0 + 10 * ($1 - 1) + $2)); }

# Is something listening on port $1?
taken() { (exec 3<>"/dev/tcp/$HOST/$1") 2>/dev/null; }

# Sets port0 so that the ports of $1 nodes are free. The range stays below the ports that the kernel
# gives to outgoing connections: a client that dials a dead node there could reach itself.
choose_ports() {
  local n=$1 i role busy
  for port0 in ${KAFKA_PORT:-$(seq 19092 100 29092)}; do
    busy=
    for ((i = 1; i <= n; i++)); do
      for role in 0 1; do
        ! taken "$(port "$i" $role)" || busy=$(port "$i" $role)
      done
    done
    [ -n "$busy" ] || return 0
  done
  die "port $busy is taken: set KAFKA_PORT to another first port"
}

# Is the process that node $1 noted still that node's?
alive() {
  local pid
  pid=$(cat "$dir/n$1/pid" 2>/dev/null) || return 1
  grep -qzxF "$dir/n$1/server.properties" "/proc/$pid/cmdline" 2>/dev/null
}

signal() { alive "$2" || die "node $2 does not run"; kill "-$1" "$(cat "$dir/n$2/pid")"; }

# Number of brokers that the node on port $1 knows (Metadata v1 without topics); 0 if it is silent.
probe() {
  local bytes
  { exec 3<>"/dev/tcp/$HOST/$1"; } 2>/dev/null || { echo 0; return; }
  printf '\0\0\0\016\0\03\0\01\0\0\0\01\377\377\0\0\0\0' >&3
  bytes=$(timeout 2 head -c 12 <&3 | od -An -tu1 -j8 -N4) || bytes=
  exec 3>&- 3<&-
  # shellcheck disable=SC2086 # four numbers, four words
  set -- $bytes
  [ $# = 4 ] && echo $((($1 << 24) + ($2 << 16) + ($3 << 8) + $4)) || echo 0
}

# Writes the configuration of node $1 of $2.
configure() {
  local i=$1 n=$2 d=$dir/n$1 voters="" j
  local rf=$((n < 3 ? n : 3))
  for ((j = 1; j <= n; j++)); do voters+="${voters:+,}$j@$HOST:$(port $j 1)"; done
  mkdir -p "$d"
  cat >"$d/server.properties" <<EOF
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://$HOST:$(port "$i" 0),CONTROLLER://$HOST:$(port "$i" 1)
advertised.listeners=PLAINTEXT://$HOST:$(port "$i" 0)
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$d/data
auto.create.topics.enable=true
num.partitions=${KAFKA_NUM_PARTITIONS:-12}
default.replication.factor=$rf
min.insync.replicas=${KAFKA_MIN_ISR:-$((n < 3 ? 1 : 2))}
offsets.topic.replication.factor=$rf
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=$rf
transaction.state.log.min.isr=$((rf < 2 ? 1 : 2))
transaction.state.log.num.partitions=3
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
log.segment.bytes=134217728
log.retention.bytes=402653184
log.retention.check.interval.ms=10000
log.retention.ms=-1
log.segment.delete.delay.ms=1000
EOF
  [ -z "${KAFKA_EXTRA:-}" ] || printf '%s\n' "$KAFKA_EXTRA" >>"$d/server.properties"
}

# Starts the process of node $1. KAFKA_JVM: another JVM flag in place of the class archive.
launch() {
  local d=$dir/n$1 pin=() jvm
  ! alive "$1" || die "node $1 runs already"
  [ -z "${KAFKA_CPUS:-}" ] || pin=(taskset -c "$KAFKA_CPUS")
  read -ra jvm <"$dir/jvm"
  setsid "${pin[@]}" java "${jvm[@]}" "${KAFKA_JVM:-$(class_archive)}" -Djava.awt.headless=true \
    -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
    "$(log_configuration)" -Dlevel=INFO -cp "$libs/*" \
    kafka.Kafka "$d/server.properties" >>"$d/log" 2>&1 </dev/null &
  echo $! >"$d/pid"
  # Until it has become Java it does not look alive.
  until alive "$1" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
}

# Waits until each of nodes $2… knows at least $1 brokers.
ready() {
  local n=$1 i t0=$SECONDS; shift
  for i in "$@"; do
    until [ "$(probe "$(port "$i" 0)")" -ge "$n" ]; do
      alive "$i" || { tail -20 "$dir/n$i/log" >&2; die "node $i died: see $dir/n$i/log"; }
      [ $((SECONDS - t0)) -lt "${KAFKA_WAIT:-90}" ] ||
        die "node $i is not ready after ${KAFKA_WAIT:-90} s: see $dir/n$i/log"
      sleep 0.2
    done
  done
}

# Formats the storage of $1 nodes, all at once.
format() {
  local n=$1 i id jobs=()
  # No "-": at the front it would be taken for an option.
  id=$(head -c16 /dev/urandom | base64 | tr '+/' 'ps' | tr -d =)
  for ((i = 1; i <= n; i++)); do
    tool kafka.tools.StorageTool format -t "$id" -c "$dir/n$i/server.properties" \
      >"$dir/n$i/log" 2>&1 &
    jobs+=($!)
  done
  for ((i = 1; i <= n; i++)); do
    wait "${jobs[i - 1]}" || { cat "$dir/n$i/log" >&2; die "node $i could not be formatted"; }
  done
}

up() {
  local n=$1 i t0=$SECONDS list=""
  [[ $n =~ ^[1-9]$ ]] || die "the number of nodes must be 1 to 9, not '$n'"
  compgen -G "$libs/kafka_2.13-*.jar" >/dev/null ||
    die "no jars in $libs: run 'kafka.sh fetch' first, or set KAFKA_LIBS"
  down
  rm -rf "$dir"/n[0-9]* "$dir/bootstrap"
  mkdir -p "$dir"
  choose_ports "$n"
  say "starting $n node(s) of $(basename "$libs" | sed s/libs-/Kafka-/) on port $port0…"
  local heap=${KAFKA_HEAP:-$([ "$n" = 1 ] && echo 1g || echo 384m)}
  echo "-Xms$heap -Xmx$heap" >"$dir/jvm"
  echo "$port0" >"$dir/port0"
  echo "$libs" >"$dir/libs"
  for ((i = 1; i <= n; i++)); do
    configure "$i" "$n"
    list+="${list:+,}$HOST:$(port $i 0)"
  done
  format "$n"
  for ((i = 1; i <= n; i++)); do launch "$i"; done
  mapfile -t all < <(seq "$n")
  ready "$n" "${all[@]}"
  echo "$list" >"$dir/bootstrap"
  say "ready after $((SECONDS - t0)) s"
  echo "$list"
}

# The nodes that were ever started here.
nodes() { local d; for d in "$dir"/n[0-9]; do [ ! -d "$d" ] || echo "${d##*/n}"; done; }

any_alive() { local i; for i in $(nodes); do ! alive "$i" || return 0; done; return 1; }

# The last nodes of a larger cluster lose their quorum and never finish: killed after a moment.
down() {
  local i patience=10
  [ "$(nodes | wc -l)" != 1 ] || patience=50
  for i in $(nodes); do ! alive "$i" || { signal CONT "$i"; signal TERM "$i"; }; done
  while [ $patience -gt 0 ] && any_alive; do sleep 0.2; patience=$((patience - 1)); done
  for i in $(nodes); do
    ! alive "$i" || signal KILL "$i"
    rm -f "$dir/n$i/pid"
  done
}

gone() { while alive "$1"; do sleep 0.1; done; rm -f "$dir/n$1/pid"; }

kill_node() { signal KILL "$1"; gone "$1"; }
pause_node() { signal STOP "$1"; }
resume_node() { signal CONT "$1"; }
start_node() { launch "$1"; ready 1 "$1"; }
stop_node() {
  signal TERM "$1"
  local pid; pid=$(cat "$dir/n$1/pid")
  timeout 60 tail --pid="$pid" -f /dev/null || die "node $1 did not stop within 60 s"
  gone "$1"
}
