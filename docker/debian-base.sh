#!/bin/sh
# Builds a base image from the distribution's packages, for machines whose Docker engine reaches no registry:
#
#     sudo sh docker/debian-base.sh
#
# It needs root (debootstrap makes device nodes and changes root), debootstrap, tar and a Docker engine.
#
#     --suite NAME    Debian release (default bookworm, which has Python 3.11)
#     --name NAME     image to make (default seedwise-base:debian-SUITE)
#     --mirror URL    package mirror (default: SEEDWISE_DEBIAN_MIRROR, else debootstrap's own)
#
# Proxies come from http_proxy and https_proxy (with sudo: `sudo -E`); nothing of them stays in the image.  Packages are
# the newest of the suite on the day it runs: docker/images.lock records the layer digests that came of it.
set -eu

suite=bookworm
name=
mirror=${SEEDWISE_DEBIAN_MIRROR:-}
while [ $# -gt 0 ]; do
    case $1 in
        --suite | --name | --mirror)
            [ $# -ge 2 ] || { echo "$0: $1 needs a value" >&2; exit 2; }
            case $1 in
                --suite) suite=$2 ;;
                --name) name=$2 ;;
                --mirror) mirror=$2 ;;
            esac
            shift 2 ;;
        -h | --help) sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) echo "$0: unknown option '$1' (see --help)" >&2; exit 2 ;;
    esac
done
name=${name:-seedwise-base:debian-$suite}

[ "$(id -u)" -eq 0 ] || { echo "$0: needs root: run 'sudo sh $0'" >&2; exit 1; }
for tool in debootstrap tar docker; do
    command -v "$tool" >/dev/null || { echo "$0: $tool is not installed: 'apt-get install $tool' (docker: docker.io)" >&2; exit 1; }
done
docker version >/dev/null 2>&1 || { echo "$0: no Docker engine answers; start one first" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
root=$work/root

echo "$0: debootstrap $suite from ${mirror:-its default mirror}" >&2
# libgomp1 is what numerical libraries need beside the C library.
packages=python3,libgomp1
if ! debootstrap --variant=minbase --include="$packages" \
    "$suite" "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    echo "$0: debootstrap failed (above); is the mirror reachable, and does it have '$suite'?" >&2
    exit 1
fi

# Nothing that differs from run to run, and nothing of this machine, may stay.
rm -rf "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/var/cache/ldconfig/aux-cache "$root"/tmp/* "$root"/etc/machine-id "$root"/etc/apt/apt.conf.d/*proxy* \
    "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/*
find "$root/usr/share/doc" -depth -type f ! -name copyright -delete
find "$root/usr/share/doc" -depth -type d -empty -delete
find "$root/usr/share/doc" -type l ! -exec test -e {} \; -delete
find "$root" -xdev -name __pycache__ -type d -prune -exec rm -rf {} +
rm -rf "$root"/proc/* "$root"/sys/* "$root"/dev/*
: >"$root/etc/apt/sources.list"
: >"$root/etc/resolv.conf"
echo localhost >"$root/etc/hostname"
# Python's own bytecode, checked by content rather than by time, so that a layer does not depend on the clock.
chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.* || true

tar --sort=name --mtime=@0 --numeric-owner --one-file-system -C "$root" -c . |
    docker import --change 'CMD ["python3"]' --change 'ENV LANG=C.UTF-8' - "$name" >"$work/id"
echo "$name $(cat "$work/id")"
echo "layer $(docker image inspect --format '{{join .RootFS.Layers " "}}' "$name")"
