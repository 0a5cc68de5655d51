"""How many parameters a model has, under each of the rules by which reports count them.

Every rule is worked out twice: from the sizes alone, and over the list of parameters (name → shape) that a framework's
real model has.  Both must give the same number.

Rules 1 to 4 count the encoder as fairseq's RoBERTa has it, so that they are the same in both frameworks where the model
is a RoBERTa: token types are left out, because fairseq has none.  Rules 5 and 6 count a whole model of one framework.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from seedwise.assets.sizes import Sizes
from seedwise.errors import SeedwiseError

Framework = Literal["hf", "fairseq"]
FRAMEWORKS: tuple[Framework, ...] = ("hf", "fairseq")
Shapes = Mapping[str, tuple[int, ...]]
_EMPTY_ROWS = 2  # RoBERTa's and fairseq's first position is the padding index, 1, plus one


class CountError(SeedwiseError):
    """The formula and the real modules give different numbers: one of them is wrong."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """`formula` counts by sizes, `counted` over real parameters; both for one framework's form of the model."""

    name: str
    title: str
    frameworks: tuple[Framework, ...]
    formula: Callable[[Sizes, Framework], int]
    counted: Callable[[Shapes, Sizes, Framework], int]


def position_rows(sizes: Sizes, framework: Framework) -> int:
    """Rows of the position table; BERT's, in transformers, has no empty ones."""
    return sizes.positions + (0 if framework == "hf" and sizes.kind == "bert" else _EMPTY_ROWS)


def matrices(sizes: Sizes, framework: Framework) -> int:
    """Words and positions, and of every layer query, key, value, output and both feed-forward matrices."""
    layer = 4 * sizes.hidden**2 + 2 * sizes.hidden * sizes.feed_forward
    return (sizes.vocabulary + position_rows(sizes, framework)) * sizes.hidden + sizes.layers * layer


def few_positions(sizes: Sizes, framework: Framework) -> int:
    """As `matrices`, with as many position rows as there are positions: the empty rows are forgotten."""
    return matrices(sizes, framework) - (position_rows(sizes, framework) - sizes.positions) * sizes.hidden


def with_biases(sizes: Sizes, framework: Framework) -> int:
    """`matrices` and the biases of the layers' linear maps."""
    return matrices(sizes, framework) + sizes.layers * (5 * sizes.hidden + sizes.feed_forward)


def encoder(sizes: Sizes, framework: Framework) -> int:
    """`with_biases` and every LayerNorm's weight and bias: two a layer, and one on the embeddings."""
    return with_biases(sizes, framework) + (2 * sizes.layers + 1) * 2 * sizes.hidden


def head(sizes: Sizes) -> int:
    """A dense layer (BERT's pooler) and the layer that gives a score a class, each with its bias."""
    return (sizes.hidden + 1) * sizes.hidden + (sizes.hidden + 1) * sizes.classes


def classifier(sizes: Sizes, framework: Framework) -> int:
    """transformers' model for sequence classification: `encoder`, token types and the head."""
    return encoder(sizes, framework) + sizes.types * sizes.hidden + head(sizes)


def sentence_prediction(sizes: Sizes, framework: Framework) -> int:
    """fairseq's model in task sentence_prediction: `encoder`, the head, and the head for masked tokens, which is kept.

    That head is a dense layer, a LayerNorm and a bias a token; its matrix is the words' table and counts once.
    """
    masked = (sizes.hidden + 1) * sizes.hidden + 2 * sizes.hidden + sizes.vocabulary
    return encoder(sizes, framework) + head(sizes) + masked


def _encoder_shapes(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Parameters of the encoder: no head of any kind, no pooler, no token types."""
    outside = re.compile(r"(^|\.)(lm_head|classification_heads|classifier|pooler)\.|token_type_embeddings")
    return {name: shape for name, shape in shapes.items() if not outside.search(name)}


def _total(shapes: Iterable[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def _count_matrices(shapes: Shapes, sizes: Sizes, framework: Framework) -> int:
    return _total(shape for shape in _encoder_shapes(shapes).values() if len(shape) == 2)


def _count_few_positions(shapes: Shapes, sizes: Sizes, framework: Framework) -> int:
    """Of the position table the last `sizes.positions` rows, those that tokens can have."""
    own = {name: shape for name, shape in _encoder_shapes(shapes).items() if len(shape) == 2}
    tables = [name for name in own if re.search(r"position_embeddings|embed_positions", name)]
    return _total(
        (min(shape[0], sizes.positions), shape[1]) if name in tables else shape for name, shape in own.items()
    )


def _count_with_biases(shapes: Shapes, sizes: Sizes, framework: Framework) -> int:
    norms = re.compile(r"layer_?norm", re.IGNORECASE)
    return _total(shape for name, shape in _encoder_shapes(shapes).items() if not norms.search(name))


def _count_encoder(shapes: Shapes, sizes: Sizes, framework: Framework) -> int:
    return _total(_encoder_shapes(shapes).values())


def _count_all(shapes: Shapes, sizes: Sizes, framework: Framework) -> int:
    return _total(shapes.values())


RULES = (
    Rule("weights", "weights only: no bias, no LayerNorm, no head", FRAMEWORKS, matrices, _count_matrices),
    Rule("slip", "the same without the empty position rows", FRAMEWORKS, few_positions, _count_few_positions),
    Rule("biases", "weights + linear biases, no LayerNorm", FRAMEWORKS, with_biases, _count_with_biases),
    Rule("encoder", "everything but heads and token types", FRAMEWORKS, encoder, _count_encoder),
    Rule("hf", "hf: the whole model for sequence classification", ("hf",), classifier, _count_all),
    Rule("fairseq", "fairseq: all of sentence_prediction, LM head kept", ("fairseq",), sentence_prediction, _count_all),
)


def check(sizes: Sizes, shapes: Shapes, framework: Framework) -> dict[str, int]:
    """Rule → number counted over `shapes`; `CountError` shows both numbers where the formula's is another."""
    counts = {rule.name: rule.counted(shapes, sizes, framework) for rule in RULES if framework in rule.frameworks}
    wrong = [
        f"  {rule.title}: formula {rule.formula(sizes, framework):,}, counted {counts[rule.name]:,}"
        for rule in RULES
        if rule.name in counts and counts[rule.name] != rule.formula(sizes, framework)
    ]
    if wrong:
        raise CountError(
            f"the formula and {framework}'s real modules do not agree; please report this, with the model's sizes "
            f"({sizes.model_dump_json()}):\n" + "\n".join(wrong)
        )
    return counts


def differences(sizes: Sizes) -> list[str]:
    """What each rule counts that the one before does not, in words and numbers, as fairseq's and transformers' forms have it."""
    s, h = sizes, sizes.hidden
    rows = {framework: position_rows(s, framework) for framework in FRAMEWORKS}
    table = f"{rows['fairseq']} position rows" + (
        f" in fairseq, {rows['hf']} in hf" if rows["hf"] != rows["fairseq"] else ""
    )
    return [
        f"weights: {s.vocabulary:,} words and {table}, each × {h}; {s.layers} layers × (4 × {h}² + 2 × {h} × {s.feed_forward}).",
        f"slip: {s.positions} position rows: −{_EMPTY_ROWS * h:,}. A table of RoBERTa's kind has {s.positions} + 2, because positions "
        "count from the padding index, 1, plus one."
        + (" BERT's table in hf has no such rows: nothing differs there." if s.kind == "bert" else ""),
        f"biases: +{with_biases(s, 'hf') - matrices(s, 'hf'):,} on weights: {s.layers} layers × (5 × {h} + {s.feed_forward}).",
        f"encoder: +{encoder(s, 'hf') - with_biases(s, 'hf'):,} on biases: {2 * s.layers + 1} LayerNorms × 2 × {h}.",
        f"hf: +{classifier(s, 'hf') - encoder(s, 'hf'):,} on encoder: the head, {head(s):,} ({h}² + {h} and {h} × {s.classes} + "
        f"{s.classes}), and {s.types} token type{'s' if s.types > 1 else ''}, {s.types * h:,}, which fairseq does not have.",
        f"fairseq: +{sentence_prediction(s, 'fairseq') - encoder(s, 'fairseq'):,} on encoder: the head, {head(s):,}, and the head for "
        f"masked tokens, {sentence_prediction(s, 'fairseq') - encoder(s, 'fairseq') - head(s):,} ({h}² + {h}, a LayerNorm, a bias a word; "
        "its matrix is the words' table), which fairseq's optimizer holds though the task never reaches it.",
    ]
