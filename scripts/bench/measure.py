# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures a workload of a booted system."""
import cost
import many
import web
import workloads


def warm_up(booted, w, quick):
    """By the load generator: a pass in which each byte is compared, and one that warms up. Marks are forgotten."""
    booted.load(w, workloads.CHECKS[w.unit], check=True)
    booted.load(w, booted.system.size(w, quick))
    booted.forget()


def measure_cycles(booted, w, windows, quick):
    """TSC cycles per unit, of a machine that runs on the processor itself; None: the workload's marks are not in the measured
    Linux, so nobody there reads the counter."""
    if w.command in web.SITES or isinstance(booted.system, many.Guests):
        return None
    booted.system.offloads(booted.machine, w.offload == 'on')
    booted.load(w, workloads.CHECKS[w.unit], check=True)
    booted.load(w, booted.system.size(w, quick))
    return cost.cycles(booted.load(w, booted.system.size(w, quick), windows))


def measure_load(booted, w, windows, quick):
    warm_up(booted, w, quick)
    results = booted.load(w, booted.system.size(w, quick), windows)
    return cost.summary(w.unit, results, booted.windows())


def measure(booted, w, windows, quick):
    """The record of a workload."""
    booted.system.offloads(booted.machine, w.offload == 'on')
    if isinstance(booted.system, many.Guests):
        return many.measure(booted, w, windows, quick)
    how = web.measure if w.command in web.SITES else measure_load
    return how(booted, w, windows, quick)
