"""What the service tells about itself: events in, nothing out; silent by default.

Whoever implements it (logs, metrics, alerts) must return quickly and never raise:
hooks are called by the threads that run activations.
"""

from collections.abc import Mapping
from typing import Protocol

from engine.problems import Problem


class Signals(Protocol):
    """Who is told what happens to runs and workers."""

    def run_started(self, name: str) -> None:
        """Hear that a run of an activation begins, also one that goes on."""

    def run_finished(
        self, name: str, state: str, totals: Mapping[str, int], seconds: float
    ) -> None:
        """Hear that a run ended by itself; `state` is the run's, mostly `done`."""

    def run_stopped(self, name: str, problem: Problem, *, again: bool) -> None:
        """Hear that a run was stopped; `again` if it is tried again before its slot."""

    def worker_lost(self, worker: str) -> None:
        """Hear that another worker shows no sign of life any more."""

    def trouble(self, problem: Problem) -> None:
        """Hear that the service itself cannot do its work: its database is away."""

    def tick(self) -> None:
        """Do what is due; called about once a minute by a thread of its own."""


class Silent:
    """Nobody is told."""

    def run_started(self, name: str) -> None:
        """Take no notice."""

    def run_finished(
        self, name: str, state: str, totals: Mapping[str, int], seconds: float
    ) -> None:
        """Take no notice."""

    def run_stopped(self, name: str, problem: Problem, *, again: bool) -> None:
        """Take no notice."""

    def worker_lost(self, worker: str) -> None:
        """Take no notice."""

    def trouble(self, problem: Problem) -> None:
        """Take no notice."""

    def tick(self) -> None:
        """Take no notice."""
