# Sourced by benchmarks/run: throughput and connections per second of pods beside the floors, client on one core, server on the other.
. benchmarks/floor.sh

run_network() {
  local round kubectl server_same server_other cluster_same cluster_other
  build_crr

  floor_down
  cleanup+=(floor_down)
  floor_veth_up
  floor_routed_up
  floor_vxlan_up v q 10.8 pair
  floor_vxlan_up b r 10.6 bridge
  pods_up

  start_server nsenter --net=/run/netns/cnt-b-w2 --
  start_server nsenter --net=/run/netns/cnt-b-p1 --
  start_server nsenter --net=/run/netns/cnt-b-q2 --
  start_server nsenter --net=/run/netns/cnt-b-r2 --
  for ((round = 0; round < rounds; round++)); do
    measure veth 10.7.0.2 in_netns cnt-b-w1
    measure routed 10.9.0.11 in_netns cnt-b-p0
    measure_in_turn same "$server_same" same-service "$cluster_same" $kubectl exec client --
    measure vxlan 10.8.2.10 in_netns cnt-b-q1
    measure bridged 10.6.2.10 in_netns cnt-b-r1
    measure_in_turn other "$server_other" other-service "$cluster_other" $kubectl exec client --
  done

  say "Throughput (Gbit/s, one TCP stream) and connections per second (4 threads)"
  row path ours baseline ratio
  compare "same node / bare veth, Gbit/s" same-gbps veth-gbps
  compare "same node / routed by the kernel, Gbit/s" same-gbps routed-gbps
  compare "same node / routed by the kernel, conn/s" same-cps routed-cps
  compare "other node / kernel VXLAN, bridged, Gbit/s" other-gbps bridged-gbps
  compare "other node / kernel VXLAN, bridged, conn/s" other-cps bridged-cps
  compare "other node / kernel VXLAN, no bridge, Gbit/s" other-gbps vxlan-gbps
  compare "other node / kernel VXLAN, no bridge, conn/s" other-cps vxlan-cps
  compare "ClusterIP / direct, same node, Gbit/s" same-service-gbps same-gbps
  compare "ClusterIP / direct, same node, conn/s" same-service-cps same-cps
  compare "ClusterIP / direct, other node, Gbit/s" other-service-gbps other-gbps
  compare "ClusterIP / direct, other node, conn/s" other-service-cps other-cps
}

# Connections to a service beside connections to its backend, in short slices.
run_services() {
  local round kubectl server_same server_other cluster_same cluster_other where
  build_crr
  pods_up
  way same-direct "$kubectl" "$server_same"
  way same-service "$kubectl" "$cluster_same"
  way other-direct "$kubectl" "$server_other"
  way other-service "$kubectl" "$cluster_other"
  for where in same other; do
    for ((round = 0; round < rounds; round++)); do measure_slices $where-service $where-direct; done
  done
  say "ClusterIP beside direct, connections per second (4 threads): medians, and the mean of the rounds' ratios with its error"
  printf '%-14s %10s %10s %18s\n' "server" service direct ratio
  for where in same other; do
    printf '%-14s %10s %10s %18s\n' "$where node" "$(median $where-service)" "$(median $where-direct)" "$(mean $where-service-ratio)"
  done
}

# Ways to connect, by name: whose client, and to which address.
declare -A kubectl_of address_of
way() { kubectl_of[$1]=$2 address_of[$1]=$3; }

# Half seconds of two ways in turn: baseline, way, way, baseline, in odd rounds the other way round. What the machine does in the meantime, which is more than
# what is looked for, falls on both.
measure_slices() { # way baseline
  local order=("$2" "$1" "$1" "$2") value=() name i
  ((round % 2)) && order=("$1" "$2" "$2" "$1")
  for name in "${order[@]}"; do
    value+=("$(${kubectl_of[$name]} exec client -- taskset -c 0 "$work/crr" client "${address_of[$name]}" 9000 0.5 4 | jq .cps)")
  done
  for i in 0 1 2 3; do keep "${order[i]}" "${value[i]}"; done
  keep "$1-ratio" "$(awk -v baseline="$2" -v first="${order[0]}" -v a="${value[0]}" -v b="${value[1]}" -v c="${value[2]}" -v d="${value[3]}" \
    'BEGIN { r = (b + c) / (a + d); print first == baseline ? r : 1 / r }')"
}

# Two nodes, a client on one and a server on each, with their addresses and services.
pods_up() {
  ./lab down --name bench >/dev/null
  cleanup+=("./lab down --name bench")
  ./lab up --name bench --nodes 2 >/dev/null
  kubectl="kubectl --kubeconfig .lab/bench/kubeconfig"
  $kubectl apply -f benchmarks/network.yaml >/dev/null
  $kubectl wait --for=condition=Ready pod --all --timeout=60s >/dev/null
  server_same=$($kubectl get pod server-same -o 'jsonpath={.status.podIP}')
  server_other=$($kubectl get pod server-other -o 'jsonpath={.status.podIP}')
  cluster_same=$($kubectl get service server-same -o 'jsonpath={.spec.clusterIP}')
  cluster_other=$($kubectl get service server-other -o 'jsonpath={.spec.clusterIP}')
  start_server $kubectl exec server-same --
  start_server $kubectl exec server-other --
}

# What it costs that flows are recorded: two labs side by side, one without events and Hubble.
run_recording() {
  local lab round labs=(seen unseen)
  build_crr
  cleanup+=("./lab down --name bench-seen" "./lab down --name bench-unseen")
  ./lab up --name bench-seen --nodes 1 >/dev/null
  ./lab up --name bench-unseen --nodes 1 --set hubble.enabled=false --set bpf.events.trace.enabled=false --set bpf.events.drop.enabled=false \
    --set bpf.events.policyVerdict.enabled=false >/dev/null
  for lab in seen unseen; do
    kubectl="kubectl --kubeconfig .lab/bench-$lab/kubeconfig"
    sed 's/kind-worker/kind-control-plane/' benchmarks/network.yaml | $kubectl apply -f - >/dev/null
    $kubectl wait --for=condition=Ready pod client server-same --timeout=60s >/dev/null
    start_server $kubectl exec server-same --
    way "$lab-slices" "$kubectl" "$($kubectl get pod server-same -o 'jsonpath={.status.podIP}')"
  done
  for ((round = 0; round < 4 * rounds; round++)); do measure_slices seen-slices unseen-slices; done
  for ((round = 0; round < rounds; round++)); do
    for lab in $((round % 2)) $((1 - round % 2)); do
      lab=${labs[lab]}
      kubectl="kubectl --kubeconfig .lab/bench-$lab/kubeconfig"
      measure "$lab" "$($kubectl get pod server-same -o 'jsonpath={.status.podIP}')" $kubectl exec client --
    done
  done
  say "Same node, flows recorded beside nothing recorded"
  row path recorded "not" ratio
  compare "Gbit/s" seen-gbps unseen-gbps
  compare "conn/s" seen-cps unseen-cps
  printf '%-44s %14s %14s %s\n' "conn/s in $((4 * rounds)) rounds of short slices" "$(median seen-slices)" "$(median unseen-slices)" "$(mean seen-slices-ratio)"
}

build_crr() {
  local source=../shared/tools/crr.c
  [ -f "$source" ] || die "the connection benchmark needs $source beside the checkout"
  gcc -O2 -pthread -w "$source" -o "$work/crr"
}

compare() { row "$1" "$(median "$2")" "$(median "$3")" "$(ratio "$2" "$3")"; }

# The servers run until the end; kubectl exec takes its processes with it when the pod goes.
start_server() {
  "$@" taskset -c 1 iperf3 -s >"$work/iperf3-${#servers[@]}.log" 2>&1 </dev/null &
  servers+=($!)
  "$@" taskset -c 1 "$work/crr" server 9000 >"$work/crr-${#servers[@]}.log" 2>&1 </dev/null &
  servers+=($!)
}

# The second of two finds the connections of the first still in the tables: which is first changes from round to round.
measure_in_turn() { # series address series address command...
  local first=("$1" "$2") second=("$3" "$4")
  shift 4
  if ((round % 2)); then
    measure "${second[@]}" "$@"
    measure "${first[@]}" "$@"
  else
    measure "${first[@]}" "$@"
    measure "${second[@]}" "$@"
  fi
}

# A server that is still starting, or still ending its last stream, answers "busy": asked again, and never counted as a figure.
measure() { # series address command...
  local series=$1 address=$2 gbps= try
  shift 2
  for try in 1 2 3 4 5; do
    gbps=$("$@" taskset -c 0 iperf3 -c "$address" -t 2 -J 2>/dev/null | jq -r '.end.sum_received.bits_per_second // empty | . / 1e9 * 100 | round / 100') && [ -n "$gbps" ] && break
    sleep 1
  done
  [ -n "$gbps" ] || die "$series: iperf3 to $address gave no figure"
  keep "$series-gbps" "$gbps"
  keep "$series-cps" "$("$@" taskset -c 0 "$work/crr" client "$address" 9000 2 4 | jq .cps)"
}
