#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the host of the measured Linux does under KVM:
#   host prepare    before its shell starts: modules, and the tap of the measured Linux's card
#   host start      start the measured Linux; the emulator's line is in /etc/guest/qemu (kvm.py)
#   host console    its console, until Ctrl-X
tap=tap0

case $1 in
prepare)
	for m in kvm_amd tun vhost_net; do modprobe $m || exit; done
	tunctl -t $tap >/dev/null
	ip link set $tap master br0
	ip link set $tap up
	;;
start)
	setsid sh /etc/guest/qemu >/run/qemu.log 2>&1 </dev/null &
	n=0
	until grep -q redirected /run/qemu.log; do
		[ $n -lt 300 ] || { cat /run/qemu.log; exit 1; }
		usleep 100000
		n=$((n + 1))
	done
	;;
console)
	microcom "$(sed -n 's/.*redirected to \([^ ]*\).*/\1/p' /run/qemu.log)"
	;;
esac
