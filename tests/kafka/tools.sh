# shellcheck shell=bash
# shellcheck disable=SC2154 # the variables in lower case are kafka.sh's
# Jars, and what reads and makes topics. Sourced by kafka.sh, which sets here, build, dir, libs,
# version and bootstrap.
: "${here:?}" "${build:?}"

# The JVM flag that makes starts a third faster, once `fetch` has made the class archive.
class_archive() {
  [ -f "$libs/kafka.jsa" ] && echo "-XX:SharedArchiveFile=$libs/kafka.jsa" || echo -Xshare:auto
}

# The JVM flag for what is logged: 3.x brokers still use log4j 1.
log_configuration() {
  if compgen -G "$libs/reload4j-*.jar" >/dev/null; then
    echo "-Dlog4j.configuration=file:$here/log4j.properties"
  else
    echo "-Dlog4j2.configurationFile=$here/log4j2.properties"
  fi
}

# Runs a command, saying every 15 s that it is still at it.
patiently() {
  local what=$1 t0=$SECONDS job status=0; shift
  "$@" &
  job=$!
  while kill -0 $job 2>/dev/null; do
    sleep 0.5
    [ $(((SECONDS - t0) % 15)) != 14 ] || { say "still $what, $((SECONDS - t0)) s"; sleep 1; }
  done
  wait $job || status=$?
  return $status
}

fetch() {
  if ! compgen -G "$libs/kafka_2.13-*.jar" >/dev/null; then
    command -v mvn >/dev/null || die "mvn is missing: install Maven and a JDK of at least 17"
    local profile=log4j2 t0=$SECONDS
    [[ $version != 3.* ]] || profile=reload4j
    say "fetching the jars of Kafka $version (about 120 MB)…"
    rm -rf "$libs.part"
    mkdir -p "$build"
    patiently "fetching Kafka $version" mvn -q -B -l "$build/mvn.log" -f "$here/pom.xml" \
      "-P$profile" "-Dkafka.version=$version" dependency:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$(realpath -m "$libs.part")" >/dev/null ||
      { cat "$build/mvn.log" >&2; die "Maven could not bring Kafka $version"; }
    mkdir -p "$(dirname "$libs")"
    mv "$libs.part" "$libs"
    say "fetched after $((SECONDS - t0)) s"
  fi
  [ -f "$libs/kafka.jsa" ] || archive_classes
}

# One run of a broker writes the archive when it ends.
archive_classes() (
  dir=$(mktemp -d)
  trap 'down; rm -rf "$dir"' EXIT
  say "making the class archive…"
  KAFKA_JVM=-XX:ArchiveClassesAtExit=$libs/kafka.jsa up 1 >/dev/null
  stop_node 1
  [ -f "$libs/kafka.jsa" ] || die "no class archive was made"
)

# Runs a Java class of the jars; standard output has its results alone, and not the JVM's warnings,
# as of a class archive whose folder was moved.
tool() {
  java -Xmx256m -XX:TieredStopAtLevel=1 -Xlog:disable -Xlog:all=warning:stderr \
    "$(class_archive)" "$(log_configuration)" -Dlevel=ERROR \
    -cp "$libs/*${CLASSES:+:$CLASSES}" "$@" 2> >(grep -v SLF4J >&2)
}

# KAFKA_TOPIC_CONFIG: settings of the topic, `key=value` separated by blanks.
create_topic() {
  local settings=() setting
  for setting in ${KAFKA_TOPIC_CONFIG:-}; do settings+=(--config "$setting"); done
  tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$bootstrap" --create \
    --if-not-exists --topic "$1" --partitions "$2" --replication-factor "$3" \
    "${settings[@]}" >/dev/null
}

delete_topic() {
  tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$bootstrap" --delete --topic "$1"
}

describe_topic() {
  tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$bootstrap" --describe --topic "$1"
}

# Gives each partition of topic $1 the replicas $2 (ids with commas), turned by its number so that
# each leads some, waits until they have it all, and makes the first replica of each the leader.
reassign_topic() {
  local plan n i ids list=() rows=""
  plan=$(mktemp)
  IFS=, read -ra list <<<"$2"
  n=$(describe_topic "$1" | grep -c 'Partition: ')
  for ((i = 0; i < n; i++)); do
    local turned=("${list[@]:i % ${#list[@]}}" "${list[@]:0:i % ${#list[@]}}")
    ids=$(IFS=,; echo "${turned[*]}")
    rows+="${rows:+,}{\"topic\":\"$1\",\"partition\":$i,\"replicas\":[$ids]}"
  done
  echo "{\"version\":1,\"partitions\":[$rows]}" >"$plan"
  reassignment "$plan" --execute >/dev/null
  while reassignment "$plan" --verify | grep -q 'still in progress'; do sleep 0.2; done
  tool org.apache.kafka.tools.LeaderElectionCommand --bootstrap-server "$bootstrap" \
    --election-type preferred --path-to-json-file "$plan" >/dev/null
  rm -f "$plan"
}

reassignment() {
  tool org.apache.kafka.tools.reassign.ReassignPartitionsCommand --bootstrap-server "$bootstrap" \
    --reassignment-json-file "$@"
}

count_records() {
  tool org.apache.kafka.tools.GetOffsetShell --bootstrap-server "$bootstrap" --topic "$1" |
    awk -F: '{sum += $3} END {print sum + 0}'
}

# Compiled once for a folder of jars: that halves the time of every later read. Elsewhere first, as
# another test may be reading.
read_back() {
  local classes made; classes=$build/classes-$(basename "$libs")
  if [ ! "$classes/ReadBack.class" -nt "$here/ReadBack.java" ]; then
    mkdir -p "$build"
    made=$(mktemp -d "$classes-XXXXXX")
    javac -cp "$libs/*" -d "$made" "$here/ReadBack.java"
    mkdir -p "$classes"
    mv "$made"/*.class "$classes"
    rmdir "$made"
  fi
  CLASSES=$classes tool ReadBack "$bootstrap" "$1"
}

# The console consumer has no end of its own: it is told how many records there are.
console() {
  local n; n=$(count_records "$1")
  [ "$n" != 0 ] || return 0
  tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$bootstrap" \
    --topic "$1" --from-beginning --max-messages "$n" --timeout-ms 30000 \
    --property print.partition=true --property print.offset=true --property print.timestamp=true \
    --property print.headers=true --property print.key=true --property null.literal=NULL \
    --property key.separator=$'\t' --property headers.separator=, \
    2> >(grep -vE 'Processed a total|KIP-848' >&2) | sed '1{/^Option --property is/d}'
}
