"""How long a session still takes, from what its runs have taken so far: pure, so that it can be tried on any course of events."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

_TELLING = 0.2  # share of a run from which on its own pace says more than that of others


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as it stands.

    `kind` is the same for runs that take as long, `family` for runs whose time goes with their `work` (training examples; 0 where
    nothing is trained by gradient).  `seconds` is what it took where it is done, in this session or (`earlier`) before; else
    `elapsed` is how long it has been running (0: it waits), and `fraction` the share of its updates that are done.  `after` is what
    comes after them, the scoring of the reported split, as a share of the time up to there; a guess, while none of its kind is done.
    """

    kind: str
    family: str
    work: int
    after: float = 0.0
    seconds: float | None = None
    earlier: bool = False
    elapsed: float = 0.0
    fraction: float = 0.0

    @property
    def pace(self) -> float | None:
        """What the whole run takes at its own pace; None while that tells too little."""
        if not self.elapsed or self.fraction < _TELLING:
            return None
        return self.elapsed / self.fraction * (1 + self.after)


def seconds_left(runs: Sequence[Seen], slots: int) -> float | None:
    """Until the last of `runs` is done, `slots` at a time in the given order; None while nothing is known."""
    todo = [run for run in runs if run.seconds is None]
    known = _Durations(runs)
    running, waiting = [], []
    for run in todo:
        whole = known.of(run)
        if whole is None:
            return None
        if run.elapsed:
            updates = (1 - run.fraction) * run.elapsed / run.fraction if run.pace is not None else 0.0
            running.append(
                max(whole - run.elapsed, updates)
            )  # a run slower than its kind has its updates to do all the same
        else:
            waiting.append(whole)
    ends = running + [0.0] * (min(slots, len(todo)) - len(running))
    heapq.heapify(ends)
    for seconds in waiting:
        heapq.heappush(ends, heapq.heappop(ends) + seconds)
    return max(ends, default=0.0)


class _Durations:
    """What a whole run takes, by what says most of it.

    That is runs of its kind in this session; else earlier ones, corrected by how this session compares with earlier ones; else its
    own pace; else the pace of its family, or of everything that trains.
    """

    def __init__(self, runs: Sequence[Seen]) -> None:
        now = [run for run in runs if run.seconds is not None and not run.earlier]
        paced = [run for run in runs if run.pace is not None]
        self._now = _means((run.kind, run.seconds) for run in now)
        self._paced = _means((run.kind, run.pace) for run in paced)
        self._earlier = _means((run.kind, run.seconds) for run in runs if run.earlier)
        both = {**self._paced, **self._now}
        ratios = [seconds / self._earlier[kind] for kind, seconds in both.items() if self._earlier.get(kind)]
        self._slower = fmean(ratios) if ratios else 1.0
        timed = [(run, run.seconds if run.seconds is not None else run.pace) for run in (*now, *paced)]
        rates = [(run.family, seconds / run.work) for run, seconds in timed if run.work and seconds is not None]
        self._rates = _means(rates)
        self._rate = fmean(rate for _, rate in rates) if rates else None
        idle = [seconds for run, seconds in timed if not run.work and seconds is not None]
        self._untrained = fmean(idle) if idle else 0.0

    def of(self, run: Seen) -> float | None:
        if run.kind in self._now:
            return self._now[run.kind]
        if run.kind in self._earlier:
            return self._earlier[run.kind] * self._slower
        if run.kind in self._paced:
            return self._paced[run.kind]
        if not run.work:
            return self._untrained
        rate = self._rates.get(run.family, self._rate)
        return None if rate is None else rate * run.work


def _means(pairs: Iterable[tuple[str, float | None]]) -> Mapping[str, float]:
    found: dict[str, list[float]] = {}
    for key, value in pairs:
        if value is not None:
            found.setdefault(key, []).append(value)
    return {key: fmean(values) for key, values in found.items()}
