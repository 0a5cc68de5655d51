"""What a model folder holds, read without torch: its kind and the sizes of its encoder.

Three kinds of folder are known:
- transformers: `config.json` of BERT or RoBERTa and its relatives, `tokenizer.json`, `*.safetensors`;
- fairseq: `model.pt`, `dict.txt` and `sentencepiece.bpe.model`, as fairseq's models are published, or `tokenizer.json`
  in place of the last, as this backend writes where a transformers tokenizer codes the texts;
- sizes: `architecture.json` with `dict.txt` and `sentencepiece.bpe.model`, for random initialisation; or alone, with the
  size of a vocabulary that pretraining is to learn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from seedwise_contract import DataError
from seedwise_contract.faults import shown

# transformers' types whose encoder is fairseq's RoBERTa encoder, and how many of their position rows hold no position.
POSITION_OFFSET = {"bert": 0, "roberta": 2, "camembert": 2, "xlm-roberta": 2}
# transformers' name of an activation → fairseq's.
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_accurate", "gelu_pytorch_tanh": "gelu_accurate", "relu": "relu"}
SIZES, DICTIONARY, PIECES = "architecture.json", "dict.txt", "sentencepiece.bpe.model"
NOTES = "seedwise.json"  # beside model.pt: what fairseq has no option for
_SIZES = ("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_attention_heads", "max_positions")


class Architecture(NamedTuple):
    """An encoder by explicit sizes.  `positions` counts those that tokens can have, not the rows of the table."""

    layers: int
    hidden: int
    feed_forward: int
    heads: int
    positions: int
    activation: str
    norm_eps: float
    initializer_range: float


class Vocabulary(NamedTuple):
    """A vocabulary to be learnt: `size` counts every symbol, `rows` of the train split (None: all) are learnt from."""

    size: int
    rows: int | None


class Folder(NamedTuple):
    """`kind` is a transformers type, or 'fairseq'; `architecture` is None where only model.pt knows it.

    `vocabulary` is given where the folder has none yet.
    """

    path: Path
    kind: str
    architecture: Architecture | None
    config: dict[str, Any]
    vocabulary: Vocabulary | None = None


def read_folder(path: Path) -> Folder:
    """What lies in `path`; `DataError` where it is no model folder, or a file that it needs is missing."""
    if (path / "config.json").is_file():
        return _transformers(path)
    if (path / "model.pt").is_file() or (path / SIZES).is_file():
        sizes = path / SIZES
        vocabulary = _vocabulary(sizes) if sizes.is_file() else None
        if vocabulary is None:
            _require(path, [DICTIONARY])
            if not (path / "tokenizer.json").is_file():
                _require(path, [PIECES])
        return Folder(path, "fairseq", _explicit(sizes) if sizes.is_file() else None, {}, vocabulary)
    raise DataError(
        f"{path}: found neither config.json (a transformers folder) nor model.pt or architecture.json (a fairseq one); "
        "model.path must name a model folder"
    )


def from_sizes(sizes: dict[str, Any], where: str) -> Architecture:
    """An architecture from fairseq's own names of its sizes; `DataError` names those that are absent or no count."""
    bad = [name for name in _SIZES if not isinstance(sizes.get(name), int) or sizes[name] < 1]
    if bad:
        raise DataError(f"{where}: {', '.join(bad)}: each must be given, as a whole number of 1 or more")
    if sizes["encoder_embed_dim"] % sizes["encoder_attention_heads"]:
        raise DataError(f"{where}: encoder_embed_dim must be a multiple of encoder_attention_heads")
    return Architecture(
        layers=sizes["encoder_layers"],
        hidden=sizes["encoder_embed_dim"],
        feed_forward=sizes["encoder_ffn_embed_dim"],
        heads=sizes["encoder_attention_heads"],
        positions=sizes["max_positions"],
        activation=sizes.get("activation_fn", "gelu"),
        norm_eps=1e-5,
        initializer_range=0.02,
    )


def with_notes(architecture: Architecture, path: Path) -> Architecture:
    """`architecture` with what `seedwise.json` in the folder `path` says of it, where there is one."""
    notes = notes_of(path)
    wanted = {name: notes[name] for name in ("norm_eps", "initializer_range") if name in notes}
    bad = [name for name, value in wanted.items() if not isinstance(value, float) or not 0 < value < 1]
    if bad:
        raise DataError(f"{path / NOTES}: {', '.join(bad)}: each must be a number between 0 and 1")
    return architecture._replace(**wanted)


def notes_of(path: Path) -> dict[str, Any]:
    """`seedwise.json` in the folder `path`; nothing where there is none."""
    notes = _json(path / NOTES) if (path / NOTES).is_file() else {}
    if "layer_norm_eps" in notes:
        notes["norm_eps"] = notes.pop("layer_norm_eps")
    return notes


def _explicit(path: Path) -> Architecture:
    return from_sizes(_json(path), str(path))


def _vocabulary(sizes: Path) -> Vocabulary | None:
    wanted = _json(sizes).get("vocabulary")
    if wanted is None:
        return None
    there = [name for name in ("model.pt", DICTIONARY, PIECES) if (sizes.parent / name).exists()]
    if there:
        raise DataError(f"{sizes}: vocabulary is to be learnt, but {', '.join(there)} lies there: keep one of the two")
    if not isinstance(wanted, dict) or set(wanted) != {"size", "rows"}:
        raise DataError(f"{sizes}: vocabulary is {shown(wanted)}; an object with 'size' and 'rows' is needed")
    size, rows = wanted["size"], wanted["rows"]
    if not isinstance(size, int) or size < 16 or not (rows is None or (isinstance(rows, int) and rows >= 1)):
        raise DataError(f"{sizes}: vocabulary is {shown(wanted)}; size is 16 or more, rows null or 1 or more")
    return Vocabulary(size, rows)


def _transformers(path: Path) -> Folder:
    config = _json(path / "config.json")
    kind = str(config.get("model_type"))
    if kind not in POSITION_OFFSET:
        return Folder(path, kind, None, config)
    _require(path, ["tokenizer.json"])
    needed = ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings"]
    missing = [name for name in [*needed, "vocab_size"] if not isinstance(config.get(name), int)]
    if missing:
        raise DataError(f"{path / 'config.json'}: {', '.join(missing)}: each must be a whole number")
    activation = config.get("hidden_act", "gelu")
    architecture = Architecture(
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        feed_forward=config["intermediate_size"],
        heads=config["num_attention_heads"],
        positions=config["max_position_embeddings"] - POSITION_OFFSET[kind],
        activation=ACTIVATIONS.get(activation, str(activation)),
        norm_eps=float(config.get("layer_norm_eps", 1e-12)),
        initializer_range=float(config.get("initializer_range", 0.02)),
    )
    return Folder(path, kind, architecture, config)


def _require(path: Path, names: list[str]) -> None:
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise DataError(f"{path}: no {', no '.join(missing)}; fetch the model again")


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: found {shown(value)}; a JSON object is needed")
    return value
