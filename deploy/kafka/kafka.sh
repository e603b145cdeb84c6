#!/usr/bin/env bash
# A real Apache Kafka on this machine, one KRaft node, for the outer suite and for trying things out.
#
#   kafka.sh start DIR [PORT]   fetch the jars (first time), format DIR (first time), start, return when it serves
#   kafka.sh wait  DIR [PORT]   return when it serves
#   kafka.sh stop  DIR          stop it; its data stays in DIR
#
# Listens on 127.0.0.1:PORT (default 9092), its controller on PORT+1. DIR/kafka.log is the log, DIR/kafka.pid the process.
# Needs Maven and Java 17 or newer. TIDELAKE_KAFKA_WAIT sets how many seconds it may take to serve (default 90).
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"

die() {
    echo "kafka.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

# The jars, in a cache shared by every clone with the same pom.xml. Prints their directory.
jars() {
    local cache lib partial
    cache=${TIDELAKE_KAFKA_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/tidelake/kafka}
    lib=$cache/$(cksum <"$here/pom.xml" | cut -d ' ' -f 1)
    if [[ ! -d $lib ]]; then
        command -v mvn >/dev/null || die "mvn is not installed: it fetches Kafka's jars (Debian: apt-get install maven)"
        mkdir -p "$cache"
        partial=$(mktemp -d "$cache/partial.XXXXXX")
        echo "Fetching Kafka's jars into $lib" >&2
        if ! mvn -B -q -ntp -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$partial" >&2; then
            rm -rf "$partial"
            die "the jars could not be fetched"
        fi
        # Whole or not at all; of two at once the first to finish wins.
        if [[ -d $lib ]]; then rm -rf "$partial"; else mv "$partial" "$lib"; fi
    fi
    echo "$lib"
}

# The process id, if DIR's Kafka runs: a left-over pid file may name somebody else's process by now.
running() {
    local pid
    pid=$(cat "$dir/kafka.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    ps -ww -p "$pid" -o args= 2>/dev/null | grep -qF -- "kafka.Kafka $dir/server.properties" || return 1
    echo "$pid"
}

# Does a broker answer? Asks for metadata (API 3, version 1, of no topic); the answer lists the brokers that are in service.
serves() {
    local answer
    answer=$(
        exec 2>/dev/null
        exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 0
        printf '\0\0\0\x0e\0\x03\0\x01\0\0\0\x01\xff\xff\0\0\0\0' >&3
        # Length, correlation id, number of brokers: four bytes each.
        timeout 5 head -c 12 <&3 | od -An -v -tx1 | tr -d ' \n'
    ) || true
    [[ ${answer:8} == 0000000100000001 ]]
}

listening() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

await() {
    local begun=$SECONDS limit=${TIDELAKE_KAFKA_WAIT:-90}
    until serves; do
        if ! running >/dev/null; then
            tail -n 30 "$dir/kafka.log" >&2 || true
            die "Kafka is not running; the end of $dir/kafka.log is above"
        fi
        if ((SECONDS - begun >= limit)); then
            tail -n 30 "$dir/kafka.log" >&2 || true
            die "Kafka does not serve on 127.0.0.1:$port after $limit s; the end of $dir/kafka.log is above"
        fi
        sleep 0.2
    done
    running >/dev/null || die "127.0.0.1:$port is served, but not by the Kafka of $dir"
}

start() {
    local lib id major
    if running >/dev/null; then
        await
        echo "Kafka already serves on 127.0.0.1:$port"
        return
    fi
    command -v "$java" >/dev/null || die "java is not installed: Kafka needs Java 17 or newer"
    major=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    ((${major:-0} >= 17)) || die "Kafka needs Java 17 or newer; $java is ${major:-of an unknown version}"
    for taken in "$port" "$((port + 1))"; do
        ! listening "$taken" || die "127.0.0.1:$taken is taken; choose another PORT"
    done
    lib=$(jars)
    cat >"$dir/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/data
# Internal topics, sized for one node.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# As on a well-kept cluster: who needs a topic creates it.
auto.create.topics.enable=false
# Tests wait for the first member, not for the ones that may follow.
group.initial.rebalance.delay.ms=0
# Compaction within a small heap.
log.cleaner.dedupe.buffer.size=16777216
P
    if [[ ! -f $dir/data/meta.properties ]]; then
        id=$("$java" -cp "$lib/*" -Dorg.apache.logging.log4j.level=WARN kafka.tools.StorageTool random-uuid)
        "$java" -cp "$lib/*" -Dorg.apache.logging.log4j.level=WARN kafka.tools.StorageTool \
            format --standalone -t "$id" -c "$dir/server.properties" >>"$dir/kafka.log" 2>&1 ||
            die "formatting failed: see $dir/kafka.log"
        echo "$port" >"$dir/kafka.port"
    fi
    nohup "$java" -Xmx512m -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
        -Dorg.apache.logging.log4j.level=WARN -cp "$lib/*" \
        kafka.Kafka "$dir/server.properties" </dev/null >>"$dir/kafka.log" 2>&1 &
    echo $! >"$dir/kafka.pid"
    # Between fork and exec the process is still called bash.
    until running >/dev/null || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
    (await) || {
        stop >&2
        exit 1
    }
    echo "Kafka serves on 127.0.0.1:$port; log: $dir/kafka.log"
}

stop() {
    local pid begun=$SECONDS
    if ! pid=$(running); then
        rm -f "$dir/kafka.pid"
        echo "Kafka is not running"
        return
    fi
    kill "$pid"
    while running >/dev/null; do
        if ((SECONDS - begun >= 30)); then
            echo "kafka.sh: still running after 30 s: killing it" >&2
            kill -KILL "$pid" 2>/dev/null || true
            while running >/dev/null; do sleep 0.1; done
        fi
        sleep 0.1
    done
    rm -f "$dir/kafka.pid"
    echo "Kafka stopped"
}

(($# == 2 || $# == 3)) || usage
what=$1
[[ $what == stop || -d $2 ]] || mkdir -p "$2"
dir=$(cd -- "$2" 2>/dev/null && pwd) || die "$2: no such directory"
formatted=$(cat "$dir/kafka.port" 2>/dev/null || true)
port=${3:-${formatted:-9092}}
[[ $port =~ ^[0-9]+$ ]] && ((port > 0 && port < 65535)) || die "PORT must be a number from 1 to 65534, not $port"
# The node's address is part of what formatting wrote.
[[ $what == stop || -z $formatted || $port == "$formatted" ]] ||
    die "$dir was formatted for port $formatted; use that port or another directory"

case $what in
start) start ;;
wait) await && echo "Kafka serves on 127.0.0.1:$port" ;;
stop) stop ;;
*) usage ;;
esac
