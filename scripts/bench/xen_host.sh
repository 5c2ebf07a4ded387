#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What dom0, the host of the measured Linux, does under Xen:
#   host prepare    before its shell starts: modules and daemons
#   host start      start the measured Linux, /etc/guest/domain (xen.py)
#   host console    its console, until Ctrl-]
# and, called by xl when the backend of its card is there, with $vif and $XENBUS_PATH:
#   host online     put the card's other end into the bridge
export PATH=$PATH:$(echo /usr/lib/xen-*/bin)

case $1 in
prepare)
	# xenfs needs xen-privcmd.
	for m in xen-evtchn xen-privcmd xenfs xen-gntdev xen-gntalloc xen-netback; do
		modprobe $m || exit
	done
	mount -t xenfs xenfs /proc/xen
	mkdir -p /var/run/xen /var/lib/xen /var/log/xen /var/lock
	xenstored
	xen-init-dom0 >/dev/null
	xenconsoled
	;;
start)
	xl create /etc/guest/domain
	;;
console)
	xl console measured
	;;
online)
	ip link set "$vif" master br0
	ip link set "$vif" up
	xenstore-write "$XENBUS_PATH/hotplug-status" connected
	;;
esac
