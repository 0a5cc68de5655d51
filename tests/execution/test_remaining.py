"""Time left, on simulated sessions: right within 20 % after the first third, however runs are packed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from seedwise.execution.remaining import Seen, seconds_left


@dataclass(frozen=True)
class Course:
    """A run as it would go on a free machine: seconds before, of and after its updates."""

    kind: str
    work: int
    setup: float
    training: float
    tail: float
    earlier: bool = False

    @property
    def seconds(self) -> float:
        return self.setup + self.training + self.tail

    def seen(self, **progress: float | None) -> Seen:
        after = 1.5 * self.tail / self.training if self.training else 0.0  # a guess, and a bad one
        return Seen(self.kind, self.kind.split("/")[0], self.work, after, **progress)  # type: ignore[arg-type]


def session(
    courses: list[Course], slots: int, speed: Callable[[int, float], float] = lambda running, now: 1.0
) -> Iterator[tuple[float, list[Seen]]]:
    """What is seen every second; `speed` is that of each run, by how many run and by the time."""
    done = [0.0] * len(courses)  # seconds of work
    began: dict[int, float] = {}
    ended: dict[int, float] = {}
    now = 0.0
    waiting = list(range(len(courses)))
    while len(ended) < len(courses):
        while waiting and len(began) - len(ended) < slots:
            began[waiting.pop(0)] = now - 0.1
        pace = speed(len(began) - len(ended), now)
        now += 1.0
        for number in set(began) - set(ended):
            done[number] += pace
            if done[number] >= courses[number].seconds:
                ended[number] = now
        yield (
            now,
            [
                course.seen(seconds=ended[n] - began[n])
                if n in ended
                else course.seen(
                    elapsed=now - began[n] if n in began else 0.0,
                    fraction=min(1.0, max(0.0, done[n] - course.setup) / course.training) if course.training else 0.0,
                )
                for n, course in enumerate(courses)
            ],
        )


def quick(seeds: int, noise: float = 0.1) -> list[Course]:
    """The quick studies: pretrained and random arms of two backends, adapters, and a baseline of seconds."""
    generator = random.Random(seeds)

    def several(kind: str, work: int, setup: float, training: float, tail: float, arms: int) -> list[Course]:
        pace = [generator.uniform(1 - noise, 1 + noise) for _ in range(seeds * arms)]
        return [Course(kind, work, setup * p, training * p, tail * p) for p in pace]

    baseline = Course("sklearn/tfidf", 0, 1, 0, 1)
    adapters = [*several("peft/lora", 1600, 1, 54, 8, 1), *several("peft/bitfit", 1600, 1, 46, 8, 1)]
    studies = [adapters, several("fairseq/full", 1600, 4, 75, 8, 2), several("hf/full", 1600, 1, 70, 8, 2)]
    return [baseline, *(course for study in studies for course in first_of_each(study))]


def first_of_each(courses: list[Course]) -> list[Course]:
    """As the engine orders those of a study: a run of each arm, then the others."""
    first = {course.kind: course for course in reversed(courses)}
    return [*first.values(), *(course for course in courses if course is not first[course.kind])]


def interleaved(courses: list[Course]) -> list[Course]:
    random.Random(0).shuffle(courses)
    return courses


def slower_together(running: int, now: float) -> float:
    return 1.0 / (1.0 + 0.3 * (running - 1))


def busy_meanwhile(running: int, now: float) -> float:
    """Another program takes half of the machine in the first third."""
    return 0.9 if now > 250 else 0.75


SESSIONS = {
    "one arm, one at a time": ([Course("hf/full", 1600, 2, 70, 8)] * 6, 1, None),
    "two at a time": (quick(6), 2, None),
    "eight at a time": (quick(12), 8, None),
    "interleaved": (interleaved(quick(6)), 3, None),
    "packed runs slow each other": (interleaved(quick(8)), 4, slower_together),
    "the machine was busy for a while": (interleaved(quick(6)), 2, busy_meanwhile),
    "nothing has finished after a third": ([Course("hf/full", 1600, 2, 300, 12)] * 4, 4, None),
    "one long run": ([Course("hf/full", 90000, 5, 4000, 60)], 1, None),
    "one long run among short ones": ([*interleaved(quick(4)), Course("hf/long", 16000, 2, 700, 20)], 2, None),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_right_within_a_fifth_after_the_first_third(name: str) -> None:
    courses, slots, speed = SESSIONS[name]
    told = list(session(courses, slots, speed or (lambda running, now: 1.0)))
    end = told[-1][0]
    worst = 0.0
    for now, seen in told:
        left = seconds_left(seen, slots)
        if end / 3 <= now <= 0.9 * end:
            assert left is not None
            worst = max(worst, abs(left - (end - now)) / (end - now))
    assert worst <= 0.20, f"{100 * worst:.0f} % off"


def test_nothing_is_said_while_nothing_is_known() -> None:
    assert seconds_left([Seen("a", "a", 100), Seen("a", "a", 100, elapsed=3.0)], 2) is None
    assert seconds_left([], 2) == 0.0


def test_what_was_done_before_tells_what_this_machine_has_yet_to_show() -> None:
    """Earlier runs took 100 s and 50 s; here one of the first kind takes 200 s."""
    earlier = [Seen("a", "f", 10, seconds=100.0, earlier=True), Seen("b", "g", 10, seconds=50.0, earlier=True)]
    assert seconds_left([*earlier, Seen("b", "g", 10)], 1) == pytest.approx(50.0)
    assert seconds_left([*earlier, Seen("a", "f", 10, seconds=200.0), Seen("b", "g", 10)], 1) == pytest.approx(100.0)


def test_runs_are_packed_and_not_just_divided() -> None:
    """Three runs of 60 s on two slots take 120 s, not 90."""
    done = Seen("a", "a", 10, seconds=60.0)
    assert seconds_left([done, *[Seen("a", "a", 10)] * 3], 2) == pytest.approx(120.0)
    assert seconds_left([done, Seen("a", "a", 10, elapsed=50.0, fraction=0.9), Seen("a", "a", 10)], 2) == pytest.approx(
        60.0
    )


def test_a_run_that_takes_longer_than_its_kind_is_not_at_its_end() -> None:
    left = seconds_left([Seen("a", "a", 10, seconds=60.0), Seen("a", "a", 10, elapsed=80.0, fraction=0.5)], 1)
    assert left is not None
    assert left > 20.0
