#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Gets what only the benchmark needs: Xen and a web server from Debian's packages, unpacked, never installed. KVM needs nothing
# more than scripts/setup.sh got. Does only what is missing, so a second run needs no network.
#
#   scripts/bench/setup.sh [--help | plots]    O=DIR: where products go (default: out)
#
# plots: instead, installs what `make plots` needs and the benchmark does not (scripts/bench/plots.list); only root can.
#
# Products: $O/bench/web/root/ and $O/bench/xen/root/ (the packages' files), $O/bench/xen/xen.elf, which is complete when it is
# there.
# Exit status: 0, or 1 with what cannot be had and what it is for; the benchmark then leaves Xen, or HTTP, out.
set -euo pipefail

[ "${1:-}" = --help ] && { sed -n '3,12s/^# \{0,1\}//p' "$0"; exit 0; }
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

# unpack_listed DIR: unpack them all, or name the first that cannot be had.
unpack_listed() {
	local p
	# shellcheck disable=SC2046
	unpack_packages "$1" $(listed_packages) && return
	for p in $(listed_packages); do
		can_be_had "$p" || fail "package $p cannot be had; it is for: $(purpose "$p")"
	done
	return 1
}

get_listed() {
	(unpack_listed "$1") 2>>"$LOG" || { update_lists; unpack_listed "$1"; }
}

web() {
	local LIST=scripts/bench/web.list dir=$O/bench/web
	if [ ! -d "$dir/root" ]; then
		rm -rf "$dir"
		mkdir -p "$dir/part"
		get_listed "$dir/part" || fail "the web server's packages cannot be downloaded (see $LOG)"
		mv "$dir/part" "$dir/root"
	fi
	ok "the web server's packages"
}

xen() {
	if [ -f "$X/xen.elf" ]; then
		ok "Xen's packages"
		return
	fi
	say "Xen's packages"
	rm -rf "$X"
	mkdir -p "$X/root"
	get_listed "$X/root" || fail "Xen's packages cannot be downloaded (see $LOG)"
	gzip -dc "$X"/root/boot/xen-*-amd64.gz >"$X/xen.elf.part"
	mv "$X/xen.elf.part" "$X/xen.elf"
	ok "Xen's packages: $(listed_packages | wc -l) unpacked"
}

plots() {
	local p missing=()
	LIST=scripts/bench/plots.list
	for p in $(listed_packages); do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	is_root || fail "the plots need more; as root: apt-get install --no-install-recommends ${missing[*]}"
	update_lists
	for p in "${missing[@]}"; do
		can_be_had "$p" || fail "package $p cannot be had; it is for: $(purpose "$p")"
	done
	say "packages: ${missing[*]}"
	apt install --no-install-recommends "${missing[@]}" || fail "apt-get install failed: see $LOG"
	ok "packages: ${#missing[@]} installed"
}

case ${1:-} in
'') web; xen ;;
plots) plots ;;
*) fail "unknown word $1: see --help" ;;
esac
