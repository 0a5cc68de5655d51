"""English from a verdict: it names the question and claims no more than the verdict does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .family import MIN_SEEDS, MIN_TASKS
from .noncentral import MAX_EXAMPLES, MAX_SEEDS
from .prose import format_floor, format_p, format_score, p_is
from .verdict import Basis, Outcome, Question, Verdict


def sentence(
    verdict: Verdict,
    name_a: str,
    name_b: str,
    metric: str,
    unit: str = "points",
    scale: float = 100.0,
    training: str = "",
) -> str:
    """Return the verdict as one or more sentences.

    Estimates are multiplied by `scale` and given in `unit`: scores between 0 and 1 become points with the
    defaults, scores already in points take scale=1. A negative scale says that scores are minus the metric, of which a
    lower value is better: what is printed is the metric's own. `training` says on which training sets it holds, where that is
    not the one at hand.
    """
    return " ".join(part for part in _Words(verdict, name_a, name_b, metric, unit, scale, training).parts() if part)


@dataclass(frozen=True, slots=True)
class _Words:
    verdict: Verdict
    a: str
    b: str
    metric: str
    unit: str
    scale: float
    training: str

    def parts(self) -> list[str]:
        v = self.verdict
        if v.outcome is Outcome.DEGENERATE:
            return [
                f"No verdict on {self.a} against {self.b} on {self.metric} ({v.reason}): {self._named('; '.join(v.notes))}.",
                self._needed(),
            ]
        observed = self._observed()
        if v.outcome is Outcome.UNATTAINABLE:
            return [
                self._unattainable(),
                f"Described only, not decided: {observed}.",
                self._companions(),
                self._notes(),
            ]
        if v.outcome is Outcome.INCONCLUSIVE:
            differ = "differ" if v.claim == "equivalence" else "are equal"
            return [
                f"{self._scope()}, these data do not decide {self._claim()}: {observed}.",
                f"This is not evidence that they {differ}.",
                self._companions(),
                self._of_runs(),
                self._needed(),
                self._notes(),
            ]
        if v.outcome is Outcome.EQUIVALENT:
            head = f"{self._scope()}, {self.a} and {self.b} are equivalent within ±{self._margin()}: {observed}."
        else:
            better, other = (self.a, self.b) if v.outcome is Outcome.A_BETTER else (self.b, self.a)
            head = f"{self._scope()}, {better} scores higher than {other}: {observed}."
            if self.scale < 0.0:
                head = f"{self._scope()}, {better} has a lower {self.metric} than {other}: {observed}."
        return [head, self._basis(), self._clean_seeds(), self._companions(), self._of_runs(), self._notes()]

    def _scope(self) -> str:
        v = self.verdict
        scope = {
            Question.SEEDS_AND_EXAMPLES: "Over seeds and examples",
            Question.SEEDS: "Over seeds, on this test file only",
            Question.EXAMPLES: "Over examples, both being deterministic",
            Question.CHECKPOINTS: "Of these two checkpoints, on such examples",
            Question.CHECKPOINT: "Of this one checkpoint against seeds, on such examples",
            Question.CHECKPOINT_ON_FILE: "Of this one checkpoint against seeds, on this test file only",
            Question.TASKS: f"On these {v.n_tasks} tasks, over seeds and examples",
            Question.TASKS_ON_FILES: f"On these {v.n_tasks} tasks, over seeds, on these test files only",
            Question.LIKE_TASKS: f"On tasks like these {v.n_tasks}, taken as a sample",
        }[v.question]
        counted = [] if all(v.deterministic) and v.question is not Question.CHECKPOINTS else [self._seeds()]
        if v.n_examples is not None:
            clusters = "" if v.n_clusters is None else f" in {v.n_clusters} {_plural(v.n_clusters, 'cluster')}"
            counted.append(f"{v.n_examples} examples{clusters}")
        sets = self.training or ("this training set" if v.n_tasks is None else "these training sets")
        training = "" if all(v.deterministic) else f", with {sets}"
        return f"{scope} ({', '.join(counted)}){training}"

    def _seeds(self) -> str:
        v = self.verdict
        n_a, n_b = v.n_seeds
        if v.question is Question.CHECKPOINTS or (v.question is Question.LIKE_TASKS and n_a == n_b == 1):
            return "one run of each"
        if all(v.deterministic):
            return "no seeds"
        if v.paired:
            return f"{n_a} paired {_plural(n_a, 'seed')}"
        if any(v.deterministic):
            n, seeded, fixed = (n_b, self.b, self.a) if v.deterministic[0] else (n_a, self.a, self.b)
            against = f"one run of {fixed}" if v.question.of_checkpoints else f"the deterministic {fixed}"
            return f"{n} {_plural(n, 'seed')} of {seeded} against {against}"
        if n_a == n_b:
            return f"{n_a} {_plural(n_a, 'seed')} an arm"
        return f"{n_a} {_plural(n_a, 'seed')} of {self.a} and {n_b} of {self.b}"

    def _observed(self) -> str:
        v = self.verdict
        if v.estimate is None or v.interval is None or v.p is None:
            return "no estimate"
        low, high = sorted(bound * self.scale for bound in v.interval)
        estimate = self._score(v.estimate * self.scale)
        signed = estimate if estimate.startswith("-") else f"+{estimate}"
        items = [f"{_percent(1.0 - v.alpha)} interval {self._score(low)} to {self._score(high)}", p_is(v.p)]
        if v.standard_error is not None and v.df is not None:
            error = self._score(v.standard_error * abs(self.scale))
            items.append(f"standard error {error}, {_df(v.df)} df")
        if v.tost is not None:
            t_low, t_high = sorted(bound * self.scale for bound in v.tost.interval)
            items.append(f"{_percent(1.0 - 2.0 * v.tost.alpha)} interval {self._score(t_low)} to {self._score(t_high)}")
            items.append(f"equivalence within ±{self._margin()} {p_is(v.tost.p)}")
        if v.p_adjusted is not None and v.family_size > 1:
            items.append(f"adjusted p of the claim {format_p(v.p_adjusted)}, Holm over {v.family_size}")
        elif v.family_size > 1:
            items.append(f"decided at {self._level()}")
        return f"{self.metric} of {self.a} minus {self.b} is {f'{signed} {self.unit}'.strip()} ({'; '.join(items)})"

    def _score(self, value: float) -> str:
        low, high = self.verdict.interval or (0.0, 0.0)
        return format_score(value, abs((high - low) * self.scale) / 2.0)

    def _basis(self) -> str:
        v = self.verdict
        if v.basis is Basis.EXACT:
            return "The exact test over seeds confirms it."
        if v.basis is Basis.EXACT_TASKS:
            return "The exact test over tasks confirms it."
        if v.basis not in (Basis.NEAR_NORMAL, Basis.NEAR_NORMAL_TASKS):
            return ""
        over = "seeds" if v.basis is Basis.NEAR_NORMAL else "tasks"
        rests = f"It rests on {over} that scatter near normally"
        if v.outcome is Outcome.EQUIVALENT:
            return f"{rests}; of equivalence there is no exact test."
        if v.floor is not None and v.floor_is_high:
            return f"{rests}; no exact test over so few {over} could confirm it (floor {format_floor(v.floor)})."
        if v.p_exact is None:
            return f"{rests}; no exact test over them was taken."
        return f"{rests}; the exact test over {over} does not confirm it."

    def _clean_seeds(self) -> str:
        """What seeds without a collapse do not exclude."""
        v = self.verdict
        arms = zip((self.a, self.b), v.n_seeds, v.collapsed, v.collapse_bound, strict=True)
        clean = [(name, n, bound) for name, n, count, bound in arms if bound is not None and count == 0]
        if not clean:
            return ""
        if len(clean) == 2 and clean[0][1] == clean[1][1]:
            clean = [("an arm", *clean[0][1:])]
            none = f"None of {clean[0][1]} seeds an arm"
            left = _percent(round(clean[0][2], 2))
        else:
            none = "None of " + " and of ".join(f"{n} seeds of {name}" for name, n, _ in clean)
            left = " and ".join(_percent(round(bound, 2)) for _, _, bound in clean)
        return f"{none} lies far behind the others, which leaves a rate of collapse of up to {left} (one-sided 95 %)."

    def _companions(self) -> str:
        v = self.verdict
        parts = []
        if v.p_exact is not None and v.floor is not None:
            over = "tasks" if v.question is Question.LIKE_TASKS else "seeds"
            parts.append(f"test over {over} {p_is(v.p_exact)}, floor {format_floor(v.floor)}")
        drawn = v.question is Question.LIKE_TASKS
        if v.p_a_greater_b is not None and (drawn or not all(v.deterministic)):
            over = "tasks" if drawn else "pairs of seeds" if v.paired else "seeds"
            sign = "<" if self.scale < 0.0 else ">"
            text = f"P({self.a} {sign} {self.b}) over the {over} at hand {v.p_a_greater_b:.2f}"
            if v.p_a_greater_b_interval is not None:
                low, high = v.p_a_greater_b_interval
                text += f" ({_percent(1.0 - v.alpha)} interval {low:.2f} to {high:.2f})"
            parts.append(text)
        if v.mcnemar is not None:
            parts.append(
                f"McNemar's exact test {v.mcnemar.only_a} : {v.mcnemar.only_b} examples right in one only, {p_is(v.mcnemar.p)}"
                + ("" if v.n_clusters is None else " (as if examples were independent)")
            )
        return f"Companions: {'; '.join(parts)}." if parts else ""

    def _of_runs(self) -> str:
        """What single runs cannot say, and where one more run should lie."""
        v = self.verdict
        if v.question is Question.LIKE_TASKS and v.n_seeds == (1, 1) and not all(v.deterministic):
            return (
                f"This says nothing about how {self.a} and {self.b} were trained: there is one run of each, and another may fall "
                f"elsewhere. A verdict on the methods takes {MIN_SEEDS} seeds an arm or more."
            )
        if v.question is Question.CHECKPOINTS:
            return " ".join(
                part
                for part in (
                    f"This says nothing about how {self.a} and {self.b} were trained: another run of either may fall "
                    f"elsewhere. A verdict on the methods takes {MIN_SEEDS} seeds an arm or more.",
                    self._tolerated(),
                )
                if part
            )
        if not v.question.of_checkpoints:
            return ""
        run = self.a if v.deterministic[0] else self.b
        seeded = self.b if v.deterministic[0] else self.a
        text = (
            f"This says nothing about how {run} was trained: another run of it may fall elsewhere, and a verdict on the methods "
            f"takes {MIN_SEEDS} seeds of it or more."
        )
        found = v.prediction
        if found is None or found.p is None:
            return text
        low, high = sorted(bound * self.scale for bound in found.interval)
        inside = "inside, as one more run of it might" if found.inside else "outside"
        return (
            f"{text} One more run of {seeded} should lie within {self._score(low)} to {self._score(high)} "
            f"({_percent(1.0 - found.alpha)} prediction interval); {run} lies {inside}."
        )

    def _tolerated(self) -> str:
        found = [
            f"{n} seeds where the standard deviation between seeds is at most {self._score(sd * abs(self.scale))}"
            for n, sd in self.verdict.seed_sds
            if sd is not None
        ]
        if not self.verdict.seed_sds:
            return ""
        if not found:
            return (
                "If the methods differ on examples as these runs do, no number of seeds on these examples would show a difference "
                "of this size with 80 % power."
            )
        return f"A difference of this size between the methods is found with 80 % power by {', or '.join(found)}."

    def _claim(self) -> str:
        if self.verdict.claim == "equivalence":
            return f"whether {self.a} and {self.b} are equivalent within ±{self._margin()}"
        return f"which of {self.a} and {self.b} is better"

    def _unattainable(self) -> str:
        v = self.verdict
        claim = f"{self._claim()} on {self.metric}"
        if v.seeds_are_few:
            return (
                f"With {self._seeds()} nothing is decided, here {claim}: a verdict takes {MIN_SEEDS} seeds in each arm that has "
                f"any, since with fewer the test is wrong two to three times too often; {self._seeds_that_do()} would do."
            )
        if v.tasks_are_few:
            return (
                f"{v.n_tasks} tasks say nothing of tasks like these, here {claim}: it takes {MIN_TASKS} tasks or more to tell how "
                "tasks differ; of these very tasks a claim over the suite can be decided."
            )
        floor = "undefined" if v.floor is None else format_floor(v.floor)
        if v.question is Question.LIKE_TASKS:
            return (
                f"By a rule of this study (exact: required), not of nature, {v.n_tasks} tasks cannot decide {claim} at alpha = "
                f"{self._level()}: the smallest p an exact test over them can return is {floor}."
            )
        return (
            f"By a rule of this study (exact: required), not of nature, {self._seeds()} cannot decide {claim} at alpha = "
            f"{self._level()}: the smallest p an exact test over them can return is {floor}; {self._seeds_that_do()} would do."
        )

    def _needed(self) -> str:
        v = self.verdict
        needed = v.needed
        if needed is None:
            return ""
        if not needed.approximate:
            return f"{self._seeds_that_do()} would make the claim decidable."
        truth = "If the estimate and the variances at hand are the truth"
        both = v.question in (Question.SEEDS_AND_EXAMPLES, Question.CHECKPOINT, Question.TASKS)
        options = []
        if needed.seeds_per_arm is not None:
            options.append(f"about {self._seeds_that_do()}")
        if v.question is Question.LIKE_TASKS:
            if needed.examples is not None:
                options.append(f"about {needed.examples} tasks")
            if not options:
                return f"{truth}, no number of tasks up to {MAX_EXAMPLES:,} would decide it with 80 % power."
            return f"{truth}, {' or '.join(options)} would decide it with 80 % power."
        if needed.examples is not None:
            draws = ""
            if v.n_clusters is not None and v.n_examples:
                draws = f" in {round(needed.examples * v.n_clusters / v.n_examples)} clusters like these"
            options.append(f"about {needed.examples} examples{draws}")
        if not options:
            limits = f"of seeds up to {MAX_SEEDS} an arm"
            if both:
                limits += f", and none of examples up to {MAX_EXAMPLES:,}, the other staying as it is,"
            elif v.question in (Question.EXAMPLES, Question.CHECKPOINTS):
                limits = f"of examples up to {MAX_EXAMPLES:,}"
            return f"{truth}, no number {limits} would decide it with 80 % power."
        closed = ""
        if needed.seeds_per_arm is None and both:
            closed = f"; no number of seeds up to {MAX_SEEDS} would on these examples"
        if needed.examples is None and both:
            closed = "; more examples alone would not"
        return f"{truth}, {' or '.join(options)} would decide it with 80 % power{closed}."

    def _seeds_that_do(self) -> str:
        v = self.verdict
        n = None if v.needed is None else v.needed.seeds_per_arm
        if n is None:
            return "no number of seeds"
        if any(v.deterministic):
            return f"{n} seeds of {self.b if v.deterministic[0] else self.a}"
        if v.paired:
            return f"{n} paired seeds"
        return f"{n} seeds an arm"

    def _notes(self) -> str:
        return f"Note: {self._named('; '.join(self.verdict.notes))}." if self.verdict.notes else ""

    def _named(self, text: str) -> str:
        """Notes with the arms' own names, which a verdict does not know."""
        names = {"A": self.a, "B": self.b}
        return re.sub(
            r"\b(?:(of) |arm )(A|B)\b", lambda found: f"{found[1] + ' ' if found[1] else ''}{names[found[2]]}", text
        )

    def _level(self) -> str:
        v = self.verdict
        level = format_floor(v.level).rstrip("0")
        return level if v.family_size == 1 else f"{level} (family of {v.family_size}, Holm's first step)"

    def _margin(self) -> str:
        margin = self.verdict.margin
        return "" if margin is None else f"{margin * abs(self.scale):g} {self.unit}".strip()


def _percent(level: float) -> str:
    return f"{100.0 * level:g} %"


def _df(df: float) -> str:
    return f"{df:.1f}" if df < 1000.0 else f"{df:.0f}"


def _plural(n: int, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"
