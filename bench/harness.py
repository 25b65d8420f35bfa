"""Timing in turns.

A machine's speed drifts by more than the differences that matter, so contestants are never
timed one after the other: a round gives each of them its share of time, and a contestant's
figure is taken over rounds. `cpu` near the number of threads says that it had its cores to
itself; a row with less was disturbed by other processes.
"""
import time


class Contestant:
    """`call()` computes once, or begins to on a device; `finish()` waits until that is done."""

    def __init__(self, name, call, finish=lambda: None):
        self.name, self.call, self.finish = name, call, finish
        self.samples, self.cpu = [], []

    def warm_up(self):
        self.call()
        self.finish()
        start = time.perf_counter()
        self.call()
        self.finish()
        self.once = max(time.perf_counter() - start, 1e-7)

    def play(self, seconds):
        """One round: as many calls as fit, at least one."""
        n = max(1, round(seconds / self.once))
        cpu, start = time.process_time(), time.perf_counter()
        for _ in range(n):
            self.call()
        self.finish()
        wall = time.perf_counter() - start
        self.samples.append(1e3 * wall / n)
        self.cpu.append((time.process_time() - cpu) / wall)

    def figures(self):
        s = sorted(self.samples)
        at = lambda q: s[min(len(s) - 1, int(q * len(s)))]
        return {"p25_ms": at(0.25), "median_ms": at(0.5), "p75_ms": at(0.75), "rounds": len(s),
                "cpu": sum(self.cpu) / len(self.cpu)}


def measure(contestants, rounds, seconds):
    """Plays `rounds` rounds; returns {name: figures}."""
    for c in contestants:
        c.warm_up()
    for _ in range(rounds):
        for c in contestants:
            c.play(seconds)
            time.sleep(0.005)  # spinning threads of the one before come to rest
    return {c.name: c.figures() for c in contestants}
