# What the scripts share: the root of the tree, messages, and the Debian packages that they need.
# Sourced by them after `set -euo pipefail`; not a program.

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
script=$(basename "$0")

BUILD_PACKAGES=(gcc libc-ares-dev libc6-dev libconfig-dev libcurl4-openssl-dev libidn2-dev
    libjansson-dev libncurses-dev libsqlite3-dev libssl-dev libsystemd-dev libunistring-dev meson
    ninja-build pkg-config)
FUZZ_PACKAGES=(clang-14 libclang-rt-14-dev libexpat1-dev)
REFERENCE_PACKAGES=(doxygen)
FORMAT_PACKAGES=(clang-format-14 git)
TEST_PACKAGES=(binutils ca-certificates dnsmasq-base ejabberd finch git libcmocka-dev
    jabberd2 libexpat1-dev libglib2.0-dev libuv1-dev openssl procps profanity prosody
    prosody-modules python3 python3-pytest python3-pytest-xdist python3-slixmpp tmux valgrind)
PROGRAMS=(burbled burblectl burble)

say() {
    printf '%s: %s\n' "$script" "$*"
}

fail() {
    printf '%s: %s\n' "$script" "$*" >&2
    exit 1
}

# Installs those of the packages that are missing; asks apt nothing when there are none.
ensure_packages() {
    local present missing=() package as_root=()
    present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null) || true
    for package in "$@"; do
        grep -qx "$package installed" <<<"$present" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "missing packages; as root, type: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${as_root[@]}" bash -s -- "${missing[@]}" <<'INSTALL' ||
# No service is started: Prosody, which the tests run themselves, would take our port.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
quiet() {
    local output
    output=$("$@" 2>&1 </dev/null) || { printf '%s\n' "$output" >&2; return 1; }
}
quiet apt-get update -q && quiet apt-get install -q -y --no-install-recommends "$@"
INSTALL
        fail "could not install ${missing[*]}"
}

# Configures a build folder, once per set of options: set_up FOLDER OPTION...
set_up() {
    local folder=$1 options
    shift
    options="${CC-cc} $*"
    if [ -f "$root/$folder/build.ninja" ] &&
        [ "$(cat "$root/$folder/setup.options" 2>/dev/null)" = "$options" ]; then
        return 0
    fi
    say "configuring $folder"
    rm -rf "${root:?}/$folder"
    mkdir -p "$root/$folder"
    meson setup "$root/$folder" "$root" "$@" >"$root/$folder/setup.log" 2>&1 || {
        cat "$root/$folder/setup.log" >&2
        fail "could not configure $folder"
    }
    printf '%s\n' "$options" >"$root/$folder/setup.options"
}

# Runs ninja in a build folder; it is quiet unless there is somebody to look at its progress.
compile() {
    local folder=$1 quiet=()
    shift
    [ -t 1 ] || quiet=(--quiet)
    ninja -C "$root/$folder" "${quiet[@]}" "$@"
}

# The programs that have sources, one per line.
programs() {
    local program
    for program in "${PROGRAMS[@]}"; do
        if grep -qs "executable('$program'" "$root/src/$program/meson.build"; then
            printf '%s\n' "$program"
        fi
    done
}

# link_programs BUILD BIN: BIN/<program> is a link to the program in that build.
link_programs() {
    local program
    mkdir -p "$root/$2"
    for program in $(programs); do
        ln -sf "$root/$1/src/$program/$program" "$root/$2/$program"
    done
}

# build_release [quietly]: every program, optimised, in build/bin.
build_release() {
    local program targets=()
    ensure_packages "${BUILD_PACKAGES[@]}"
    set_up build/release --buildtype=release -Dunit_tests=disabled
    for program in $(programs); do
        targets+=("src/$program/$program")
    done
    [ ${#targets[@]} -gt 0 ] || fail "there is no program to build yet"
    compile build/release "${targets[@]}" || fail "the build failed"
    link_programs build/release build/bin
}
