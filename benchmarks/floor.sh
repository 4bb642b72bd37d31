# Sourced by benchmarks/run: the floors. Two pods routed by the kernel on one node, and two behind a plain kernel VXLAN.
# Namespaces are called cnt-b-*; floor_down removes them.

in_netns() { local name=$1; shift; nsenter --net="/run/netns/$name" -- "$@"; }

floor_pair() { # node pod address gateway
  ip link add "fl-$2" netns "cnt-b-$1" mtu "${5:-1500}" type veth peer name eth0 netns "cnt-b-$2"
  ip -n "cnt-b-$1" addr add "$4/32" dev "fl-$2"
  ip -n "cnt-b-$1" link set "fl-$2" up
  ip -n "cnt-b-$1" route add "$3/32" dev "fl-$2"
  ip -n "cnt-b-$2" link set eth0 mtu "${5:-1500}" up
  ip -n "cnt-b-$2" addr add "$3/32" dev eth0
  ip -n "cnt-b-$2" route add "$4" dev eth0
  ip -n "cnt-b-$2" route add default via "$4"
}

floor_namespace() {
  ip netns add "cnt-b-$1"
  ip -n "cnt-b-$1" link set lo up
  in_netns "cnt-b-$1" sysctl -qw net.ipv4.ip_forward=1
}

floor_routed_up() {
  for name in n0 p0 p1; do floor_namespace "$name"; done
  floor_pair n0 p0 10.9.0.10 10.9.0.1
  floor_pair n0 p1 10.9.0.11 10.9.0.2
}

# Two nodes, a pod behind each. Joined by a veth pair, or as the lab joins its nodes: each to a bridge in a namespace of its own.
floor_vxlan_up() { # node pod network joined(pair|bridge)
  local i name
  for name in "$1"1 "$1"2 "$2"1 "$2"2; do floor_namespace "$name"; done
  if [ "$4" = pair ]; then
    ip link add eth0 netns "cnt-b-${1}1" type veth peer name eth0 netns "cnt-b-${1}2"
  else
    floor_namespace "${1}0"
    ip -n "cnt-b-${1}0" link add br0 type bridge
    ip -n "cnt-b-${1}0" link set br0 up
    for i in 1 2; do
      ip link add "node$i" netns "cnt-b-${1}0" type veth peer name eth0 netns "cnt-b-$1$i"
      ip -n "cnt-b-${1}0" link set "node$i" master br0 up
    done
  fi
  for i in 1 2; do
    ip -n "cnt-b-$1$i" addr add 172.31.9.$i/24 dev eth0
    ip -n "cnt-b-$1$i" link set eth0 up
    ip -n "cnt-b-$1$i" link add vx0 mtu 1450 type vxlan id 9 local 172.31.9.$i remote 172.31.9.$((3 - i)) dstport 4789 dev eth0
    ip -n "cnt-b-$1$i" addr add "$3.255.$i/24" dev vx0
    ip -n "cnt-b-$1$i" link set vx0 up
    floor_pair "$1$i" "$2$i" "$3.$i.10" "$3.$i.1" 1450
    ip -n "cnt-b-$1$i" route add "$3.$((3 - i)).0/24" via "$3.255.$((3 - i))"
  done
}

floor_veth_up() {
  for name in w1 w2; do floor_namespace "$name"; done
  ip link add eth0 netns cnt-b-w1 type veth peer name eth0 netns cnt-b-w2
  for i in 1 2; do
    ip -n cnt-b-w$i addr add 10.7.0.$i/24 dev eth0
    ip -n cnt-b-w$i link set eth0 up
  done
}

floor_down() {
  local file
  for file in /run/netns/cnt-b-*; do
    [ -e "$file" ] && ip netns del "$(basename "$file")"
  done
  return 0
}
