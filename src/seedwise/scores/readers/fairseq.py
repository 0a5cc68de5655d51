"""Training logs of fairseq: a line an epoch and subset, as JSON (`--log-format json`) or as `name value` pairs (`simple`)."""

from __future__ import annotations

import json
import re
from typing import Any

from seedwise.scores.frame import Frame, frame_of_records
from seedwise.scores.readers.content import Content

_JSON = re.compile(r"(?:^|\| )(?P<subset>[A-Za-z_0-9-]+) \| (?P<found>\{.*\})\s*$")
_PAIRS = re.compile(r"\| epoch\s+(?P<epoch>\d+)\s*\| valid on '(?P<subset>[^']+)' subset\s*\|(?P<found>.+)$")
_INNER = ("train", "train_inner")  # what was trained on is no score
_SKIPPED = frozenset((
    "wps", "ups", "wpb", "bsz", "num_updates", "lr", "gnorm", "clip", "oom", "loss_scale", "train_wall", "wall", "gb_free",
))  # fmt: skip


def read_log(content: Content) -> Frame | None:
    """A row an epoch, a column a subset and metric (`valid_accuracy`); None where no line is of such a log."""
    if b"| valid" not in content.data and b'"valid_' not in content.data:
        return None
    rows: dict[float, dict[str, Any]] = {}
    lines: dict[float, int] = {}
    for number, line in enumerate(content.text().splitlines(), 1):
        found = _line(line)
        if found is None:
            continue
        epoch, scores = found
        rows.setdefault(epoch, {"epoch": epoch}).update(scores)
        lines[epoch] = number
    if not rows:
        return None
    return frame_of_records(
        content.name,
        list(rows.values()),
        list(lines.values()),
        kind="training log of fairseq",
        roles={"choice": "epoch"},
        lacks="it holds no validation",
    )


def _line(line: str) -> tuple[float, dict[str, Any]] | None:
    """Epoch and scores of one line of a validation; a later validation of an epoch takes the earlier one's place."""
    pairs = _PAIRS.search(line)
    if pairs is not None:
        subset, scores = pairs["subset"], {}
        for part in pairs["found"].split("|"):
            name, _, value = part.strip().rpartition(" ")
            if name and name not in _SKIPPED:
                scores[name if name.startswith(f"{subset}_") else f"{subset}_{name}"] = value
        return float(pairs["epoch"]), scores
    found = _JSON.search(line)
    text = found["found"] if found is not None else line.strip()
    if not text.startswith("{") or (found is not None and found["subset"] in _INNER):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("epoch"), int | float):
        return None
    subset = found["subset"] if found is not None else "valid"
    scores = {
        key: value
        for key, value in record.items()
        if key.startswith(f"{subset}_") and key.removeprefix(f"{subset}_") not in _SKIPPED
    }
    return (float(record["epoch"]), scores) if scores else None
