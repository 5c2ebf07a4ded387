# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures a workload of a booted system."""
import cost
import web
import workloads


def measure_load(booted, w, windows, quick):
    """By the load generator, behind a pass in which each byte is compared, and one that warms up."""
    booted.load(w, workloads.CHECKS[w.unit], check=True)
    count = w.quick if quick else w.count
    booted.load(w, count)
    booted.forget()
    results = booted.load(w, count, windows)
    return cost.summary(w.unit, results, booted.windows())


def measure(booted, w, windows, quick):
    """The record of a workload."""
    booted.system.offloads(booted.machine, w.offload == 'on')
    how = web.measure if w.command in web.SITES else measure_load
    return how(booted, w, windows, quick)
