#!/usr/bin/env bash
# Publishes the shipped binaries into artifacts/bin, unless nothing they are made of has changed since the last time.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/prerequisites.sh
out=$PWD/artifacts/bin
as_builder mkdir -p "$out"
trap 'give_to_builder artifacts' EXIT

exec 9>artifacts/publish.lock
flock -n 9 || { say "Waiting for another build of the binaries"; flock 9; }
stamp=$(find src bpf Directory.*.props global.json scripts/publish.sh -type f -not -path '*/obj/*' -not -path '*/bin/*' -print0 |
  sort -z | xargs -0 sha256sum | sha256sum)
if [ -f "$out/.stamp" ] && [ "$(cat "$out/.stamp")" = "$stamp" ]; then exit 0; fi
rm -f "$out/.stamp"

say "Publishing the binaries (a few minutes the first time)"
architecture=$(case "$(uname -m)" in x86_64) echo linux-x64 ;; aarch64) echo linux-arm64 ;; *) die "no runtime for $(uname -m)" ;; esac)
for host in Agent Operator Cni Cli Dbg Hubble Lab; do
  [ -f "src/Cilium.Hosts/$host/$host.csproj" ] || continue
  log=artifacts/publish-$host.log
  # Processes that the build leaves to the next one (compiler server, nodes of MSBuild) must not hold the lock.
  if ! as_builder dotnet publish "src/Cilium.Hosts/$host" -c Release -r "$architecture" -o "artifacts/publish/$host.new" -v quiet -nologo >"$log" 2>&1 9>&-; then
    cat "$log" >&2
    die "publishing $host failed"
  fi
  # A running lab keeps the files it was started from: a new folder takes the place of the old one.
  rm -rf "artifacts/publish/$host" && mv "artifacts/publish/$host.new" "artifacts/publish/$host"
  # Native binaries are one file; the others keep their folder and get a link.
  name=$(sed -n 's:.*<AssemblyName>\(.*\)</AssemblyName>.*:\1:p' "src/Cilium.Hosts/$host/$host.csproj")
  ln -sfn "../publish/$host/$name" "$out/$name"
done
printf '%s' "$stamp" >"$out/.stamp"
