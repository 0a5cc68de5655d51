"""Causal language models: a prompt is continued by its answer.

A row is the task's template with prompt and answer in their places, and the end-of-text token, cut at the end to the recipe's
length.  The answer's tokens are those that reach into it: a token that holds the blank before it, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import GenerationConfig

from seedwise_contract import DataError, RunSpec
from seedwise_contract.course import Scored
from seedwise_contract.data import Dialogue, read_dialogues
from seedwise_contract.files import RunFiles, write_lines
from seedwise_contract.order import answer_seed
from seedwise_contract.predictions import Answer, Sampling, TokenLoss
from seedwise_hf.seeding import seed_torch

IGNORED = -100
_ANSWERED, _NEW_TOKENS = 8, 64
_TEMPERATURE, _TOP_K = 0.7, 50


class EncodedDialogue(NamedTuple):
    """Tokens, and for each whether training learns it and whether it is the answer's; nothing predicts the first."""

    ids: list[int]
    learned: list[bool]
    answer: list[bool]


class CausalLm:
    def __init__(self, spec: RunSpec) -> None:
        assert spec.recipe is not None
        self._task = spec.task
        self._seeds = spec.seeds
        self._longest = spec.recipe.max_length

    def read(self, split: str, root: Path) -> list[Dialogue]:
        return read_dialogues(self._task, split, root)

    def encode(self, tokenizer: Any, rows: Sequence[Dialogue], vocabulary: int) -> list[EncodedDialogue]:
        """Raises `DataError` where the cut leaves nothing of an answer, or the tokenizer cannot serve."""
        if not tokenizer.is_fast or tokenizer.eos_token_id is None:
            raise DataError(
                "a causal language model needs a tokenizer.json, and an end-of-text token by which an answer ends"
            )
        return [self._encoded(tokenizer, row, vocabulary) for row in rows]

    def _before(self, row: Dialogue) -> str:
        return self._task.template.replace("{prompt}", row.prompt)[: -len("{answer}")]  # type: ignore[no-any-return]

    def _encoded(self, tokenizer: Any, row: Dialogue, vocabulary: int) -> EncodedDialogue:
        before = self._before(row)
        coded = tokenizer(before + row.answer, add_special_tokens=False, return_offsets_mapping=True)
        ids = [*coded["input_ids"], tokenizer.eos_token_id]
        answer = [*(end > len(before) for _, end in coded["offset_mapping"]), True]
        if tokenizer.bos_token_id is not None:
            ids, answer = [tokenizer.bos_token_id, *ids], [False, *answer]
        ids, answer = ids[: self._longest], answer[: self._longest]
        answer[0] = False
        if not any(answer):
            raise DataError(
                f"example {row.id}: nothing of its answer is left within recipe.max_length {self._longest}; "
                "use a larger length, or leave the row out"
            )
        if max(ids) >= vocabulary:
            raise DataError(
                f"example {row.id}: token {max(ids)} lies outside the model's vocabulary of {vocabulary}; "
                "the tokenizer and the model in the model folder do not belong together"
            )
        learned = answer if self._task.loss_on == "answer" else [False] + [True] * (len(ids) - 1)
        return EncodedDialogue(ids, learned, answer)

    def collator(self, pad: int, scoring: bool) -> Callable[[Sequence[EncodedDialogue]], dict[str, torch.Tensor]]:
        """Labels are what training learns, or in `scoring` the answers."""

        def collate(batch: Sequence[EncodedDialogue]) -> dict[str, torch.Tensor]:
            longest = max(len(item.ids) for item in batch)

            def row(values: list[int], filler: int) -> list[int]:
                return values + [filler] * (longest - len(values))

            wanted = [item.answer if scoring else item.learned for item in batch]
            labels = [
                [token if keep else IGNORED for token, keep in zip(item.ids, kept, strict=True)]
                for item, kept in zip(batch, wanted, strict=True)
            ]
            return {
                "input_ids": torch.tensor([row(item.ids, pad) for item in batch]),
                "attention_mask": torch.tensor([row([1] * len(item.ids), 0) for item in batch]),
                "labels": torch.tensor([row(line, IGNORED) for line in labels]),
            }

        return collate

    def loss(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        """Cross-entropy in float32, over predicted tokens."""
        return _losses(outputs["logits"].float(), labels, "sum") / num_items_in_batch

    def found(self, model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """float64, rows × 2: the loss summed over an answer's tokens, in nats, and their number."""
        labels = batch.pop("labels")
        each = _losses(model(**batch).logits.double(), labels, "none").view_as(labels)
        return torch.stack([each.sum(1), (labels[:, 1:] != IGNORED).sum(1).double()], dim=1)

    def scored(self, found: torch.Tensor, items: Sequence[EncodedDialogue]) -> Scored:
        """With the mean loss of an answer's token over the whole split, in nats, and its exponential."""
        loss = float(found[:, 0].sum() / found[:, 1].sum())
        finite = math.isfinite(loss) and loss < 700  # the exponential of more is no float
        return Scored(found, finite, {"loss": loss, "perplexity": math.exp(loss) if finite else math.inf})

    def lines(self, found: torch.Tensor, rows: Sequence[Dialogue]) -> Sequence[TokenLoss]:
        return [
            TokenLoss(id=row.id, loss=loss, tokens=int(tokens))
            for row, (loss, tokens) in zip(rows, found.tolist(), strict=True)
        ]

    @torch.inference_mode()
    def leave(self, model: Any, tokenizer: Any, rows: Sequence[Dialogue], files: RunFiles) -> None:
        """`answers.jsonl`, where there are prompts: to each of the first ones, the most probable answer and a drawn one."""
        if self._task.columns.prompt is None:
            return
        model.eval()
        answers = []
        for row in rows[:_ANSWERED]:
            ids = tokenizer(self._before(row).rstrip(), add_special_tokens=False)["input_ids"]
            if tokenizer.bos_token_id is not None:
                ids = [tokenizer.bos_token_id, *ids]
            ids = ids[: self._longest - 1]
            how = Sampling(temperature=_TEMPERATURE, top_k=_TOP_K, seed=answer_seed(self._seeds.dropout, row.id))
            greedy = self._said(model, tokenizer, ids, {"do_sample": False})
            with torch.random.fork_rng():  # whatever comes after draws as if nothing had been drawn here
                seed_torch(how.seed)
                drawn = {"do_sample": True, "temperature": how.temperature, "top_k": how.top_k}
                sampled = self._said(model, tokenizer, ids, drawn)
            answers.append(
                Answer(id=row.id, prompt=row.prompt, answer=row.answer, greedy=greedy, sampled=sampled, sampling=how)
            )
        write_lines(files.answers, answers)

    def _said(self, model: Any, tokenizer: Any, ids: list[int], choice: dict[str, Any]) -> str:
        """What `model` says after the tokens `ids`, up to its end-of-text token or to the longest answer."""
        settings = GenerationConfig(
            **choice,
            max_new_tokens=min(_NEW_TOKENS, self._longest - len(ids)),
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=tokenizer.bos_token_id,
        )
        given = torch.tensor([ids], device=model.device)
        said = model.generate(input_ids=given, attention_mask=torch.ones_like(given), generation_config=settings)
        return str(tokenizer.decode(said[0, len(ids) :], skip_special_tokens=True))


def _losses(logits: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
    """Cross-entropy of each place (rows × places, flat), or its sum: a place's logits predict the label of the next one.

    The labels are moved, not the logits, which would be copied for it and read with a stride: three times slower.
    """
    next_ones = nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), next_ones.flatten(), ignore_index=IGNORED, reduction=reduction
    )
