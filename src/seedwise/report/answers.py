"""What language models say to the first prompts of the reported split."""

from __future__ import annotations

from collections.abc import Mapping

from seedwise.planning.plan import Plan
from seedwise.report.curve_rows import Answered, Said
from seedwise.store.store import Store, StoredRun
from seedwise_contract import Answer, read_answers

SHOWN = 3  # prompts; every run's answers to more of them are in its own file
_FILE = "answers.jsonl"


def read_answered(plan: Plan, runs: Mapping[str, StoredRun], store: Store) -> tuple[Answered, ...]:
    """The first prompts, each with the answers of every arm's first finished run; none where runs leave no answers."""
    found: list[tuple[str, int, list[Answer]]] = []
    for name in plan.study.arms:
        for planned in plan.of_arm(name):
            run = runs.get(planned.run_id or "")
            if run is not None and _FILE in run.result.files:
                found.append((name, planned.seed, list(read_answers(store.verified(run, _FILE)))[:SHOWN]))
                break
    prompts = {answer.id: answer for _, _, answers in found for answer in answers}
    return tuple(
        Answered(
            id=first.id,
            prompt=first.prompt,
            answer=first.answer,
            how=f"from the {first.sampling.top_k} most probable tokens at temperature {first.sampling.temperature:g}",
            said=tuple(
                Said(arm=name, seed=seed, greedy=answer.greedy, sampled=answer.sampled)
                for name, seed, answers in found
                for answer in answers
                if answer.id == first.id
            ),
        )
        for first in prompts.values()
    )
