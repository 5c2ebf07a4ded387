# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's packages, for the set-up scripts: words to the user, lists, downloads. Sourced in bash with
#   LIST   a list of packages: a line each, name, then what it is for
#   LOG    where apt's own words go
# shellcheck shell=bash

APT_UPDATED=

say()  { printf '[ .. ] %s\n' "$*"; }
ok()   { printf '[ ok ] %s\n' "$*"; }
fail() { printf '[fail] %s\n' "$*" >&2; exit 1; }
is_root() { [ "$(id -u)" = 0 ]; }

listed_packages() { awk '!/^#/ { print $1 }' "$LIST"; }
# purpose PACKAGE: what the list says that it is for
purpose() { awk -v p="$1" '$1 == p { $1 = ""; sub(/^ +/, ""); print }' "$LIST"; }
can_be_had() { [ -n "$(LC_ALL=C apt-cache policy "$1" | sed -n '/Candidate: [^(]/p')" ]; }

# Another package manager may hold dpkg's lock for a moment: wait for it.
apt() { DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >>"$LOG" 2>&1; }

# Only root can; once is enough.
update_lists() {
	[ -z "$APT_UPDATED" ] || return 0
	APT_UPDATED=1
	is_root || return 0
	say "package lists"
	apt update || fail "apt-get update failed: see $LOG"
	ok "package lists"
}

# unpack_packages DIR PACKAGE...: their files below DIR, not installed. Needs no root, but the folder of the download must
# be writable for apt's own user.
unpack_packages() {
	local dir=$1 deb tmp
	shift
	tmp=$(mktemp -d)
	chmod 755 "$tmp"
	(cd "$tmp" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$@") >>"$LOG" 2>&1 || { rm -rf "$tmp"; return 1; }
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$dir" || { rm -rf "$tmp"; return 1; }
	done
	rm -rf "$tmp"
}
