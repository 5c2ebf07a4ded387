#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# First program of each Linux of the compared systems. Words of the kernel's command line:
#   card=A,B             the modules of its network card, which becomes eth0
#   ip=ADDRESS/PREFIX    eth0's address; none: eth0 is a port of the bridge br0
# Where /usr/bin/host is (kvm_host.sh, xen_host.sh), this Linux is the host of the measured one.
# It prints `NAME ready` when the link is up, or `NAME failed: WHY`, and runs a shell on the console; NAME and prompt are
# `host` or `measured`.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
[ -e /dev/null ] || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /run /tmp
mount -t devpts devpts /dev/pts
# The console carries answers (ask.sh): only a dying kernel has more to say.
dmesg -n 1

name=measured
[ ! -e /usr/bin/host ] || name=host
why=
ip= cards=
for word in $(cat /proc/cmdline); do
	case $word in
	ip=*) ip=${word#ip=} ;;
	card=*) cards=$(echo "${word#card=}" | tr , ' ') ;;
	esac
done

for m in $cards; do modprobe "$m" || why="module $m does not load"; done
for d in /sys/class/net/*; do
	[ -e "$d/device" ] && [ "${d##*/}" != eth0 ] && ip link set "${d##*/}" name eth0
done

# The frames of a port must not wait for the end of a learning phase.
bridge() {
	modprobe bridge
	ip link add br0 type bridge
	echo 0 >/sys/class/net/br0/bridge/forward_delay
	ip link set br0 address "$(cat /sys/class/net/eth0/address)"
	ip link set eth0 master br0
	ip link set br0 up
}

ip link set lo up
[ -n "$ip" ] || bridge
ip link set eth0 up
[ -z "$ip" ] || ip addr add "$ip" dev eth0

n=0
until [ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = 1 ]; do
	[ $n -lt 300 ] || { why="${why:-eth0 has no link}"; break; }
	usleep 100000
	n=$((n + 1))
done
[ $name = measured ] || host prepare || why="host prepare"

echo "$name ${why:+failed: }${why:-ready}"
while :; do
	PS1="$name# " ENV=/etc/ask setsid cttyhack sh
done
