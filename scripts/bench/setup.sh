#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Gets what only the benchmark needs: Xen from Debian's packages, unpacked, never installed. KVM needs nothing more than
# scripts/setup.sh got. Does only what is missing, so a second run needs no network.
#
#   scripts/bench/setup.sh [--help]    O=DIR: where products go (default: out)
#
# Products: $O/bench/xen/root/ (the packages' files) and $O/bench/xen/xen.elf, which is complete when it is there.
# Exit status: 0, or 1 with what cannot be had and what it is for; the benchmark then leaves Xen out.
set -euo pipefail

[ "${1:-}" = --help ] && { sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0; }
cd "$(dirname "$0")/../.."
O=${O:-out}
X=$O/bench/xen
LIST=scripts/bench/packages.list
LOG=$O/bench/setup.log

mkdir -p "$O/bench"
exec 9>"$O/bench/.setup.lock"
flock 9
: >"$LOG"

. scripts/apt.sh

# Unpack them all, or name the first that cannot be had.
unpack_listed() {
	local p
	# shellcheck disable=SC2046
	unpack_packages "$X/root" $(listed_packages) && return
	for p in $(listed_packages); do
		can_be_had "$p" || fail "package $p cannot be had; it is for: $(purpose "$p")"
	done
	return 1
}

xen() {
	if [ -f "$X/xen.elf" ]; then
		ok "Xen's packages"
		return
	fi
	say "Xen's packages"
	rm -rf "$X"
	mkdir -p "$X/root"
	(unpack_listed) 2>>"$LOG" || { update_lists; unpack_listed; } || fail "Xen's packages cannot be downloaded (see $LOG)"
	gzip -dc "$X"/root/boot/xen-*-amd64.gz >"$X/xen.elf.part"
	mv "$X/xen.elf.part" "$X/xen.elf"
	ok "Xen's packages: $(listed_packages | wc -l) unpacked"
}

xen
