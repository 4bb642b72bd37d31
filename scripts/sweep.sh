#!/usr/bin/env bash
# Removes what a killed test run left: namespaces, bpffs mounts, cgroups and processes whose names carry our test prefix.
# It touches nothing else. Labs clean up by their own state folder (./lab down).
set -u
for file in /run/netns/cnt-* /run/netns/cl-t-*; do
  [ -e "$file" ] || continue
  name=$(basename "$file")
  ip netns pids "$name" 2>/dev/null | xargs -r kill -9 2>/dev/null
  ip netns del "$name" 2>/dev/null || true
done
exit 0
