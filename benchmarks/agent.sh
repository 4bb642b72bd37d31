# Sourced by benchmarks/run: what pods wait for: CNI ADD, starts of the agent, services; and what the agent costs at rest.
# Times are read on the node kind-worker of a lab; a wrapper around the installed plugin notes when a call began and ended.

run_agent() {
  local lab=bench-agent round i reached sleeping_pod='{ nodeName: kind-worker, containers: [{ name: box, image: busybox, command: [sleep, infinity] }] }'
  build_benchmarks
  gcc -O2 -Wall benchmarks/native/cpu_time.c -o "$work/cpu_time"
  folder=$PWD/.lab/$lab/nodes/kind-worker adds=$work/adds agent_kubectl="kubectl --kubeconfig .lab/$lab/kubeconfig"
  cleanup+=("./lab down --name $lab" "rm -f $work/never")
  rm -f "$work/never" && mkfifo "$work/never"
  for ((round = 0; round < rounds; round++)); do
    ./lab up --name $lab --nodes 2 >/dev/null
    wrap_plugin
    keep first-pod-ms "$(add_pod first | milliseconds)"
    for ((i = 0; i < 20; i++)); do keep add-ms "$(add_pod "one-$i" | milliseconds)"; done
    keep ten-adds-ms "$(add_deployment ten 10 | milliseconds)"
    if ((round < rounds - 1)); then ./lab down --name $lab >/dev/null; fi
  done
  $agent_kubectl wait --for=condition=Ready pod --all --timeout=60s >/dev/null

  label_agents 31
  sleep 40
  keep rss-mib "$(awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$(agent_pid)/status")"
  local before
  before=$(agent_nanoseconds) && sleep 60
  keep cpu-percent "$(awk -v a="$before" -v b="$(agent_nanoseconds)" 'BEGIN { printf "%.3f", (b - a) / 60 / 1e7 }')"

  timed_program /bin/true "$work/timed-true" ""
  timed_program "$work/cilium-cni" "$work/timed-plugin" VERSION
  for ((i = 0; i < 20; i++)); do
    keep true-ms "$(spawned "$work/timed-true")"
    keep plugin-ms "$(CNI_COMMAND=VERSION spawned "$work/timed-plugin")"
  done

  for ((round = 0; round < rounds; round++)); do
    kill -KILL "$(agent_pid)"
    keep restart-ms "$(await_ready 31)"
    agent_away
    wipe_datapath
    agent_back
    keep start-ms "$(await_ready 31)"
  done

  rm -f "$work/proxy.sock"
  $agent_kubectl proxy --unix-socket="$work/proxy.sock" >/dev/null &
  servers+=($!)
  until [ -S "$work/proxy.sock" ]; do sleep 0.1; done
  "$bench" services "$work/proxy.sock" 5000 5
  for ((round = 0; round < rounds; round++)); do
    agent_away
    wipe_datapath
    coproc waiter { "$bench" await-services "$folder/bpf/tc/globals" 5000; }
    read -r _ <&"${waiter[0]}"
    agent_back
    read -r reached <&"${waiter[0]}"
    keep services-ms "$(since_start "$reached")"
    keep services-ready-ms "$(await_ready 31)"
  done

  say "The agent (milliseconds unless said otherwise)"
  row "" median
  row "starting a process that does nothing (/bin/true)" "$(median true-ms)"
  row "starting the plugin (CNI VERSION)" "$(median plugin-ms)"
  row "first pod on a fresh node" "$(median first-pod-ms)"
  row "CNI ADD one after another, p50" "$(median add-ms)"
  row "ten CNI ADDs at once, all done" "$(median ten-adds-ms)"
  row "start with an empty datapath, 31 pods, to ready" "$(median start-ms)"
  row "restart after SIGKILL until 31 pods are ready" "$(median restart-ms)"
  row "start to 5,000 services of 5 backends in maps" "$(median services-ms)"
  row "the same, to ready" "$(median services-ready-ms)"
  row "RSS at rest, MiB" "$(median rss-mib)"
  row "CPU at rest, % of a core" "$(median cpu-percent)"
}

# program place command: puts a program there that notes when the first one, which it runs, began and ended, of calls with that CNI_COMMAND. It has that
# one's length and time: the agent installs a plugin anew whose have changed. Static: to load libraries would be a quarter of what it costs.
timed_program() {
  gcc -O2 -Wall -static -DPROGRAM="\"$1\"" -DTIMES="\"$adds\"" -DCOMMAND="\"$3\"" benchmarks/native/timed_plugin.c -o "$2.new"
  if [ "$(stat -Lc %s "$2.new")" -lt "$(stat -Lc %s "$1")" ]; then truncate -s "$(stat -Lc %s "$1")" "$2.new"; fi
  touch -r "$1" "$2.new"
  mv "$2.new" "$2"
}

wrap_plugin() {
  local plugin=$folder/cni/bin/cilium-cni
  cp -p "$plugin" "$work/cilium-cni"
  : >"$adds"
  timed_program "$work/cilium-cni" "$plugin" ADD
}

add_pod() { # name: starts a pod and prints a line "began ended"
  printf 'apiVersion: v1\nkind: Pod\nmetadata: { name: %s }\nspec: %s\n' "$1" "$sleeping_pod" | adds_of 1
}

# Ten pods that kubectl itself creates come one after the other: the call for the last began when most were done.
add_deployment() { # name count: starts pods at once and prints a line "began ended" for each
  printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: %s }\nspec:\n  replicas: %s\n  selector: { matchLabels: { run: %s } }\n  template: { metadata: { labels: { run: %s } }, spec: %s }\n' \
    "$1" "$2" "$1" "$1" "$sleeping_pod" | adds_of "$2"
}

adds_of() { # count: applies a manifest that brings as many pods
  local seen had i
  mapfile -t seen <"$adds"
  had=${#seen[@]}
  $agent_kubectl apply -f - >/dev/null
  # Without starting processes: on a machine of few cores they would be measured too.
  for ((i = 0; i < 400 && ${#seen[@]} < had + $1; i++)); do
    read -rt 0.05 <>"$work/never" || mapfile -t seen <"$adds"
  done
  printf '%s\n' "${seen[@]:had}"
}

spawned() { # program: runs it and prints milliseconds
  : >"$adds"
  "$1" </dev/null >/dev/null
  milliseconds <"$adds"
}

milliseconds() { awk '{ if (!NR || $1 < first || !first) first = $1; if ($2 > last) last = $2 } END { printf "%.1f", (last - first) * 1000 }'; }

agent_pid() { cat "$folder/run/cilium.pid"; }
# The clock ticks of stat are too coarse for an agent at rest, and a sum over its threads forgets those that end.
agent_nanoseconds() { "$work/cpu_time" "$(agent_pid)"; }

# Milliseconds from the beginning of the agent's process to a time since boot, or to now; clock ticks are 10 ms.
since_start() {
  local at=${1:-$(cut -d' ' -f1 /proc/uptime)}
  awk -v began="$(awk '{ print $22 }' "/proc/$(agent_pid)/stat")" -v at="$at" 'BEGIN { printf "%.0f", at * 1000 - began * 10 }'
}

# Waits until the agent takes requests and as many pods' endpoints as said are ready; prints the milliseconds since its process began.
await_ready() {
  local i ready
  for ((i = 0; i < 3000; i++)); do
    ready=$(curl -s --max-time 2 --unix-socket "$folder/run/cilium.sock" http://localhost/v1/endpoint 2>/dev/null | jq '[.[] | select(.status.state == "ready" and .status.identity.id != 4)] | length' 2>/dev/null) || ready=0
    if [ "${ready:-0}" -ge "$1" ]; then since_start; return; fi
    sleep 0.02
  done
  die "the agent did not become ready"
}

# Agents run where the label is, and are asked as often as deploy/ has it: the lab asks every five seconds, which is work for the agent. Of a change of the DaemonSet all start anew, and on a machine of few cores each would be measured beside the others.
label_agents() { # pods: waits until their endpoints are ready again
  local pid
  pid=$(agent_pid)
  $agent_kubectl label nodes --all bench/agent=here >/dev/null
  $agent_kubectl -n kube-system patch daemonset cilium --type strategic -p \
    '{"spec":{"template":{"spec":{"nodeSelector":{"bench/agent":"here"},"containers":[{"name":"cilium-agent","readinessProbe":{"periodSeconds":30}}]}}}}' >/dev/null
  while [ "$(agent_pid)" = "$pid" ]; do sleep 0.02; done
  await_ready "$1" >/dev/null
}

agent_away() {
  local pid
  pid=$(agent_pid)
  $agent_kubectl label node kind-worker bench/agent- >/dev/null
  while [ -d "/proc/$pid" ]; do sleep 0.1; done
}

agent_back() {
  local pid
  pid=$(agent_pid)
  $agent_kubectl label node kind-worker bench/agent=here >/dev/null
  while [ "$(agent_pid)" = "$pid" ]; do sleep 0.02; done
}

# As after a reboot of the node: nothing is pinned, attached or running but the pods.
wipe_datapath() { find "$folder/bpf/cilium" "$folder/bpf/tc" -type f -delete; }
