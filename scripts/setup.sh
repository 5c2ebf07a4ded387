#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Gets everything that the build needs and the repository does not hold: Debian packages, the driver
# VM's kernel, lwIP's source, QEMU's plugin header. Does only what is missing, so a second run needs no
# network.
#
#   scripts/setup.sh [--help]          O=DIR: where products go (default: out)
#
# Products: $O/kernel/{version,image/,modules,bzImage,vmlinux,vmlinux.boot,e1000.sha256},
# $O/kernel-cloud/ (the same without e1000.sha256), $O/lwip/ and $O/qemu/qemu-plugin.h.
# The kernel image is unpacked below $O, never installed: installing would touch this machine's boot
# loader. Its headers are installed: castor.ko is built against them.
set -euo pipefail

[ "${1:-}" = --help ] && { sed -n '3,14s/^# \{0,1\}//p' "$0"; exit 0; }
cd "$(dirname "$0")/.."
O=${O:-out}
K=$O/kernel
C=$O/kernel-cloud
LIST=scripts/packages.list
SERIES_PACKAGE=linux-image-amd64
CLOUD_PACKAGE=linux-image-cloud-amd64
LOG=$O/setup.log

mkdir -p "$O"
exec 9>"$O/.setup.lock"
flock 9
: >"$LOG"

. scripts/apt.sh

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
# The headers are in no list: the kernel decides which.
purpose_of() {
	case $1 in
	linux-headers-*) echo "castor.ko is built against them" ;;
	*) purpose "$1" ;;
	esac
}

# The versions of the series that $SERIES_PACKAGE tracks (such as 6.1.0-56-amd64), newest first.
kernel_candidates() {
	local newest base
	newest=$(apt-cache depends "$SERIES_PACKAGE" |
		 sed -n 's/^ *Depends: linux-image-\([0-9][^ ]*-amd64\)$/\1/p' | tail -1)
	[ -n "$newest" ] || return 0
	base=$(sed 's/-[0-9]*-amd64$//; s/\./\\./g' <<<"$newest")
	apt-cache pkgnames linux-image- | sed -n "s/^linux-image-\($base-[0-9]*-amd64\)$/\1/p" | sort -rV
}

is_kernel_ready() {
	local v
	v=$(cat "$K/version" 2>/dev/null) || return 1
	is_installed "linux-headers-$v" && [ -f "$K/image/boot/vmlinuz-$v" ] &&
		(cd "$O" && sha256sum --quiet -c kernel/e1000.sha256) >/dev/null 2>&1 &&
		[ -f "$K/bzImage" ] && [ -f "$K/vmlinux" ] && [ -f "$K/vmlinux.boot" ]
}

# The headers of the kernel that kernel() would choose; nothing when it has one.
needed_headers() {
	local v
	is_kernel_ready && return
	for v in $(kernel_candidates); do
		can_be_had "linux-headers-$v" || continue
		echo "linux-headers-$v"
		return
	done
}

packages() {
	local p missing=()
	# Root installs the headers with the kernel; others are told everything at once.
	for p in $(listed_packages) $(is_root || needed_headers); do
		is_installed "$p" || missing+=("$p")
	done
	if [ ${#missing[@]} = 0 ]; then
		ok "packages: all installed"
		return
	fi
	if ! is_root; then
		{
			echo "These Debian packages are missing and only root can install them:"
			for p in "${missing[@]}"; do printf '  %-20s %s\n' "$p" "$(purpose_of "$p")"; done
			echo "As root:  apt-get install --no-install-recommends ${missing[*]}"
		} >&2
		fail "packages are missing"
	fi
	update_lists
	for p in "${missing[@]}"; do
		can_be_had "$p" || fail "package $p cannot be had; it is for: $(purpose_of "$p")"
	done
	say "packages: ${missing[*]}"
	apt install --no-install-recommends "${missing[@]}" || fail "apt-get install failed: see $LOG"
	ok "packages: ${#missing[@]} installed"
}

# download_image VERSION FOLDER
download_image() {
	rm -rf "$2/image"
	mkdir -p "$2/image"
	unpack_packages "$2/image" "linux-image-$1"
}

# unpack_image VERSION FOLDER: the products that any kernel has.
unpack_image() {
	depmod -b "$2/image" "$1"
	ln -sfn "image/lib/modules/$1" "$2/modules"
	ln -sfn "image/boot/vmlinuz-$1" "$2/bzImage"
	python3 scripts/vmlinux.py "$2/bzImage" "$2/vmlinux" "$2/vmlinux.boot"
}

install_headers() {
	is_installed "linux-headers-$1" && return 0
	is_root || fail "castor.ko needs linux-headers-$1; as root: apt-get install linux-headers-$1"
	apt install --no-install-recommends "linux-headers-$1"
}

get_kernel() {
	local v
	for v in $(kernel_candidates); do
		can_be_had "linux-headers-$v" || continue
		say "kernel $v: image and headers"
		download_image "$v" "$K" && install_headers "$v" && { KVER=$v; return; }
	done
	fail "no kernel of $SERIES_PACKAGE's series with image and headers can be had; it is for: the driver VM (see $LOG)"
}

kernel() {
	if is_kernel_ready; then
		ok "kernel $(cat "$K/version")"
		return
	fi
	update_lists
	get_kernel
	say "kernel $KVER: unpack"
	rm -f "$K/version"
	unpack_image "$KVER" "$K"
	(cd "$O" && sha256sum kernel/modules/kernel/drivers/net/ethernet/intel/e1000/e1000.ko \
		>kernel/e1000.sha256)
	echo "$KVER" >"$K/version"
	ok "kernel $KVER: $(du -h -L "$K/bzImage" | cut -f1) bzImage, e1000.ko $(cut -c1-16 "$K/e1000.sha256")..."
}

# A kernel of another flavour, for guests: whichever is the newest that can be had.
cloud_kernel() {
	local v
	v=$(cat "$C/version" 2>/dev/null) || v=
	if [ -n "$v" ] && [ -f "$C/image/boot/vmlinuz-$v" ] && [ -f "$C/vmlinux.boot" ]; then
		ok "kernel $v"
		return
	fi
	update_lists
	v=$(apt-cache depends "$CLOUD_PACKAGE" | sed -n 's/^ *Depends: linux-image-\([0-9][^ ]*\)$/\1/p' | tail -1)
	[ -n "$v" ] || fail "$CLOUD_PACKAGE cannot be had; it is for: a guest with another kernel (see $LOG)"
	say "kernel $v"
	mkdir -p "$C"
	rm -f "$C/version"
	download_image "$v" "$C" ||
		fail "linux-image-$v cannot be had; it is for: a guest with another kernel (see $LOG)"
	unpack_image "$v" "$C"
	echo "$v" >"$C/version"
	ok "kernel $v: $(du -h -L "$C/bzImage" | cut -f1) bzImage"
}

# A private apt configuration: the system's own sources with deb -> deb-src, and own lists.
private_sources() {
	local dir=$1 f
	mkdir -p "$dir/parts" "$dir/lists/partial" "$dir/cache/archives/partial"
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -f "$f" ] || continue
		sed -n 's/^deb[ \t]/deb-src /p' "$f" >"$dir/parts/$(basename "$f" .list).list"
	done
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -f "$f" ] || continue
		sed 's/^Types:.*/Types: deb-src/' "$f" >"$dir/parts/$(basename "$f")"
	done
}

private_apt() {
	local dir=$1
	shift
	apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$dir/parts" \
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" \
		-o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@" >>"$LOG" 2>&1
}

# source_package NAME PURPOSE DIR: downloads the source package's files to DIR/src.
source_package() {
	chmod 755 "$3"
	private_sources "$3"
	# A source of the system that has no sources of its own makes update fail: only NAME matters.
	private_apt "$3" update || true
	(mkdir "$3/src" && LOG=$(realpath "$LOG") && cd "$3/src" && private_apt "$3" --download-only source "$1") ||
		fail "source package $1 cannot be had; it is for: $2 (see $LOG)"
}

lwip() {
	local tmp
	if [ -f "$O/lwip/src/include/lwip/init.h" ]; then
		ok "lwIP source"
		return
	fi
	say "lwIP source package"
	tmp=$(mktemp -d)
	source_package lwip "the guest's TCP/IP" "$tmp"
	rm -rf "$O/lwip"
	dpkg-source -q -x "$tmp"/src/lwip_*.dsc "$O/lwip" >>"$LOG" 2>&1 ||
		fail "lwIP's source package cannot be unpacked (see $LOG)"
	rm -rf "$tmp"
	ok "lwIP source: $(sed -n '1s/^lwip (\(.*\)).*/\1/p' "$O/lwip/debian/changelog" | cut -d')' -f1)"
}

# The interface of the emulator's plugins is in no binary package: one header of QEMU's source.
plugin_header() {
	local tmp
	if [ -f "$O/qemu/qemu-plugin.h" ]; then
		ok "QEMU's plugin header"
		return
	fi
	say "QEMU source package, for one header"
	tmp=$(mktemp -d)
	source_package qemu "counting executed instructions" "$tmp"
	mkdir -p "$O/qemu"
	tar -xJf "$tmp"/src/qemu_*.orig.tar.xz -O --wildcards '*/include/qemu/qemu-plugin.h' \
		>"$O/qemu/qemu-plugin.h.part" || fail "QEMU's source has no include/qemu/qemu-plugin.h"
	mv "$O/qemu/qemu-plugin.h.part" "$O/qemu/qemu-plugin.h"
	rm -rf "$tmp"
	ok "QEMU's plugin header"
}

packages
kernel
cloud_kernel
lwip
plugin_header
