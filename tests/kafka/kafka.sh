#!/usr/bin/env bash
# A real Apache Kafka on loopback, for tests and first steps: KRaft, 1 or 3 combined nodes, run from
# its Maven jars. No container, no tarball.
#
#   kafka.sh fetch                  bring the jars and make a class archive (nothing if there)
#   kafka.sh up N [DIR]             start N fresh nodes, print the bootstrap addresses
#   kafka.sh down [DIR]             stop everything; data and logs stay until the next up
#   kafka.sh topic T PARTS RF [DIR] create topic T (no error if it exists)
#   kafka.sh delete T [DIR]         delete topic T
#   kafka.sh describe T [DIR]       partitions, leaders and in-sync replicas of T
#   kafka.sh reassign T IDS [DIR]   replicas of T's partitions: nodes IDS (1,2,3); moves the leaders
#   kafka.sh count T [DIR]          number of records in T (sum of its end offsets)
#   kafka.sh read T [DIR]           every record of T as a JSON object a line (ReadBack.java)
#   kafka.sh console T [DIR]        every record of T by Kafka's own console consumer
#   kafka.sh kill I [DIR]           kill -9 node I (from 1)
#   kafka.sh stop I [DIR]           shut node I down in good order
#   kafka.sh start I [DIR]          start node I again, its data kept
#   kafka.sh pause I [DIR]          freeze node I: its connections stay open, nothing answers
#   kafka.sh resume I [DIR]         let a frozen node go on
#
# DIR holds the state of one cluster (build/kafka/cluster): DIR/bootstrap, DIR/nI/log.
#
# Environment:
#   KAFKA_VERSION         4.3.1; 4.1.2 and 3.9.1 are tried too
#   KAFKA_LIBS            folder of jars (build/kafka/libs-VERSION)
#   KAFKA_PORT            first port; node I uses this +10*(I-1), its controller one more. Without
#                         it the first free one of 19092, 19192, … is taken.
#   KAFKA_HEAP            heap of a node (1g for one node, 384m for three)
#   KAFKA_CPUS            taskset list for the nodes (none)
#   KAFKA_NUM_PARTITIONS  of topics created by first use (12)
#   KAFKA_MIN_ISR         min.insync.replicas (1 for one node, 2 for three)
#   KAFKA_EXTRA           more lines for server.properties
#   KAFKA_TOPIC_CONFIG    of topics made by "topic": key=value, separated by blanks
#   KAFKA_WAIT            seconds a node may take to be ready (90)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$here/../.." && pwd)/build/kafka
HOST=127.0.0.1

die() { echo "kafka.sh: $*" >&2; exit 1; }
say() { echo "kafka: $*" >&2; }

# shellcheck source=tests/kafka/nodes.sh
. "$here/nodes.sh"
# shellcheck source=tests/kafka/tools.sh
. "$here/tools.sh"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

# Takes DIR from the arguments that are left, and the jars and ports that `up` noted there.
cluster() {
  [ $# -le 1 ] || usage
  dir=$(realpath -m "${1:-$build/cluster}")
  version=${KAFKA_VERSION:-4.3.1}
  libs=${KAFKA_LIBS:-$build/libs-$version}
  case $cmd in fetch | up) return ;; esac
  [ ! -f "$dir/libs" ] || libs=$(<"$dir/libs")
  [ ! -f "$dir/port0" ] || port0=$(<"$dir/port0")
}

# Fails unless there is a cluster in DIR.
running() {
  [ -f "$dir/bootstrap" ] || die "no cluster in $dir: run 'kafka.sh up' first"
  bootstrap=$(<"$dir/bootstrap")
}

cmd=${1:-}; shift || usage
case $cmd in
  fetch) cluster; [ $# = 0 ] || usage; fetch ;;
  up) [ $# -ge 1 ] || usage; cluster "${@:2}"; up "$1" ;;
  down) cluster "$@"; down ;;
  topic) [ $# -ge 3 ] || usage; cluster "${@:4}"; running; create_topic "$1" "$2" "$3" ;;
  delete) [ $# -ge 1 ] || usage; cluster "${@:2}"; running; delete_topic "$1" ;;
  describe) [ $# -ge 1 ] || usage; cluster "${@:2}"; running; describe_topic "$1" ;;
  reassign)
    [ $# -ge 2 ] || usage; cluster "${@:3}"; running; reassign_topic "$1" "$2" ;;
  count) [ $# -ge 1 ] || usage; cluster "${@:2}"; running; count_records "$1" ;;
  read) [ $# -ge 1 ] || usage; cluster "${@:2}"; running; read_back "$1" ;;
  console) [ $# -ge 1 ] || usage; cluster "${@:2}"; running; console "$1" ;;
  kill | stop | start | pause | resume)
    [ $# -ge 1 ] || usage; cluster "${@:2}"; running
    [ -d "$dir/n$1" ] || die "there is no node $1 in $dir"
    "${cmd}_node" "$1" ;;
  *) usage ;;
esac
