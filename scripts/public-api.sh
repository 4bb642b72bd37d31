#!/usr/bin/env bash
# Writes what each library shows into its PublicAPI.Shipped.txt: scripts/public-api.sh [PROJECT...], all libraries by default.
# Read the difference before you commit it: a removed or changed line breaks somebody.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/prerequisites.sh
ensure_dotnet
projects=("$@")
[ $# -gt 0 ] || projects=($(dirname src/Cilium.*/PublicAPI.Shipped.txt | xargs -n 1 basename))

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for project in "${projects[@]}"; do
  # Without a listing every public symbol is a warning that spells its line. What protoc writes is not listed.
  say "Reading $project"
  echo "#nullable enable" >"src/$project/PublicAPI.Shipped.txt"
  dotnet build "src/$project" -c Release -v quiet -nologo -clp:NoSummary -p:TreatWarningsAsErrors=false >"$log" || { cat "$log" >&2; die "building $project failed"; }
  { echo "#nullable enable"
    grep -vE '/obj/.*([^.].|\.[^g])\.cs\(' "$log" | sed -n "s|.*RS0016: Symbol '\(.*\)' is not part of the declared public API.*/$project\.csproj\]|\1|p" | LC_ALL=C sort -u
  } >"$log.api"
  mv "$log.api" "src/$project/PublicAPI.Shipped.txt"
done
