#!/usr/bin/env bash
# Removes what a killed test run left: namespaces, bpffs mounts and cgroups that carry our tests' names and the id of a process that is gone, and labs
# of the lab tests (t-*). It touches nothing else; other labs are taken down by ./lab down.
set -u
cd "$(dirname "$(readlink -f "$0")")/.."

alive() { [ -n "$1" ] && [ -d "/proc/$1" ]; }

for file in /run/netns/ck-* /run/netns/cd-*; do
  [ -e "$file" ] || continue
  name=$(basename "$file")
  owner=$(cut -d- -f2 <<<"$name")
  alive "$owner" || ip netns del "$name" 2>/dev/null || echo "could not remove namespace $name" >&2
done

for folder in /sys/fs/cgroup/unified/cilium-{kernel,datapath}-test-* /sys/fs/cgroup/cilium-{kernel,datapath}-test-*; do
  [ -d "$folder" ] || continue
  owner=$(basename "$folder" | cut -d- -f4)
  alive "$owner" || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || echo "could not remove $folder" >&2
done

while read -r _ point _; do
  case "$point" in
    */cilium-datapath-test-* | */cilium-kernel-test-*)
      owner=$(basename "$point" | grep -oE '[0-9]+' | head -n 1)
      alive "$owner" || { umount "$point" 2>/dev/null && rmdir "$point" 2>/dev/null; } || echo "could not unmount $point" >&2
      ;;
  esac
done </proc/mounts

for lab in .lab/t-*; do
  [ -d "$lab" ] && [ -x artifacts/bin/cilium-lab ] || continue
  artifacts/bin/cilium-lab down --name "$(basename "$lab")" --root "$PWD/.lab" --binaries "$PWD/artifacts/bin" >/dev/null ||
    echo "could not take down lab $(basename "$lab")" >&2
done
exit 0
