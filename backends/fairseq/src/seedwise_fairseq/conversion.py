"""Model folders from one framework to the other: fairseq's RoBERTa ↔ transformers' RoBERTa, and BERT to both.

A source is read whole into fairseq's names and numbers (`Model`), checked, and written as the other kind of folder.
"""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch
from omegaconf import OmegaConf
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from seedwise_contract import DataError
from seedwise_contract.files import write_json
from seedwise_contract.tools import Converted
from seedwise_fairseq import convert
from seedwise_fairseq.architecture import (
    ACTIVATIONS,
    NOTES,
    POSITION_OFFSET,
    Architecture,
    Folder,
    notes_of,
    read_folder,
)
from seedwise_fairseq.binarise import save_dictionary
from seedwise_fairseq.command import HEAD, configuration
from seedwise_fairseq.model import read_checkpoint, read_weights, sizes_of
from seedwise_fairseq.pieces import absent, read_pieces, tokenizer_of
from seedwise_fairseq.renumber import renumbered
from seedwise_fairseq.text import BOS, EOS, MASK, PAD, SPECIALS, UNK, TokenizerCoder, coder_of, symbols_of

_PIECES = "sentencepiece.bpe.model"
_HEAD = f"classification_heads.{HEAD}"


class Model(NamedTuple):
    """A model in fairseq's terms.  `weights` are numpy arrays under fairseq's names: the encoder, and heads where known."""

    kind: str
    architecture: Architecture
    weights: dict[str, Any]
    symbols: list[str]
    pooler: dict[str, Any]
    """BERT's pooler (`weight`, `bias`), which fairseq has no place for; empty elsewhere."""
    notes: list[str]

    @property
    def masked_head(self) -> bool:
        return f"{convert.LM_HEAD}.bias" in self.weights


def convert_folder(source: Path, to: str, out: Path) -> None:
    """Write `source` as a folder of kind `to` ('hf' or 'fairseq') into `out/model`, and `out/converted.json` about it."""
    if not source.is_dir():
        raise DataError(f"{source}: no such folder")
    folder = read_folder(source)
    known = "these are converted: fairseq's RoBERTa, and of transformers' types " + ", ".join(POSITION_OFFSET)
    if folder.kind != "fairseq" and folder.kind not in POSITION_OFFSET:
        raise DataError(f"{source / 'config.json'}: model_type: found {folder.kind!r}; {known}")
    if folder.kind == "fairseq" and not (source / "model.pt").is_file():
        raise DataError(f"{source}: model.pt: not there; sizes alone (architecture.json) have no weights to convert")
    if to == "fairseq" and folder.kind == "fairseq":
        raise DataError(f"{source}: is a fairseq folder already; --to hf converts it")
    if to == "hf" and folder.kind in ("roberta", "camembert", "xlm-roberta"):
        raise DataError(f"{source}: is a transformers RoBERTa already; --to fairseq converts it")
    model = read_fairseq(folder) if folder.kind == "fairseq" else _read_transformers(folder)
    if model.architecture.activation not in ACTIVATIONS.values():
        raise DataError(
            f"{source}: an encoder with activation {model.architecture.activation!r}; allowed: {', '.join(ACTIVATIONS)}"
        )
    target = out / "model"
    target.mkdir(parents=True)
    notes = [*model.notes, *(_write_transformers if to == "hf" else _write_fairseq)(model, folder, target)]
    compare = None
    if folder.kind == "bert" and model.pooler:
        compare = "compare"
        _without_pooler(folder, out / compare)
    written = Converted(
        kind=folder.kind,
        tensors=len(model.weights),
        parameters=sum(int(value.size) for value in model.weights.values()),
        positions=model.architecture.positions,
        vocabulary=len(model.symbols),
        masked_head=model.masked_head,
        notes=notes,
        compare=compare,
    )
    write_json(out / "converted.json", written)


def read_fairseq(folder: Folder) -> Model:
    coder = coder_of(folder)
    checkpoint = read_checkpoint(folder)
    architecture = sizes_of(folder, checkpoint, coder)
    where = folder.path / "model.pt"
    if checkpoint.options.get("encoder_normalize_before"):
        raise DataError(f"{where}: encoder_normalize_before: found true; transformers' RoBERTa normalises after")
    weights = {
        name: value.numpy().astype(numpy.float32)
        for name, value in checkpoint.weights.items()
        if name.startswith((f"{convert.ENCODER}.", f"{convert.LM_HEAD}.", f"{_HEAD}."))
        and not name.endswith((".version", "._float_tensor"))
    }
    _fits(weights, architecture, len(coder.symbols), str(where))
    notes = []
    masked = [name for name in weights if name.startswith(f"{convert.LM_HEAD}.")]
    table = weights[f"{convert.ENCODER}.embed_tokens.weight"]
    if not notes_of(folder.path).get("lm_head", True):
        _drop(weights, masked)
        notes.append("no head for masked tokens: the one in model.pt was made up when the folder was converted")
    elif masked and f"{_HEAD}.out_proj.weight" in weights:
        _drop(weights, masked)
        notes.append("no head for masked tokens: fine-tuning a classifier never trains the one in model.pt")
    elif masked and architecture.activation != "gelu":
        _drop(weights, masked)
        notes.append(f"no head for masked tokens: transformers' always uses gelu, this one {architecture.activation}")
    elif masked and not numpy.array_equal(weights.get(f"{convert.LM_HEAD}.weight", table), table):
        raise DataError(
            f"{where}: encoder.lm_head.weight is not the word table: only heads that share it are converted"
        )
    return Model("fairseq", architecture, weights, list(coder.symbols), {}, notes)


def _read_transformers(folder: Folder) -> Model:
    architecture = folder.architecture
    assert architecture is not None
    coder = TokenizerCoder(folder)
    beyond = [token for token, number in coder.vocabulary.items() if number >= coder.size]
    if beyond:
        raise DataError(
            f"{folder.path / 'tokenizer.json'}: tokens beyond the vocabulary of {coder.size} that config.json declares: "
            f"{', '.join(map(repr, sorted(beyond)[:5]))} ({len(beyond)} in all); they do not belong together"
        )
    symbols, source_ids = list(coder.symbols), list(coder.source_ids)
    if _own_pieces(folder, coder.vocabulary):
        symbols = symbols_of(folder.path / "dict.txt")
        source_ids = list(range(len(symbols)))
    weights = read_weights(folder)
    try:
        converted = convert.to_fairseq(weights, folder.kind, architecture, source_ids)
        table = converted[f"{convert.ENCODER}.embed_tokens.weight"]
        heads = convert.heads_to_fairseq(weights, folder.kind, table, source_ids, HEAD)
    except DataError as error:
        raise DataError(f"{folder.path}: {error}") from None
    pooler = {part: converted.pop(f"pooler.{part}") for part in ("weight", "bias") if f"pooler.{part}" in converted}
    notes = []
    if folder.kind == "bert":
        notes.append(
            "pairs: BERT marks the second text by a token type, which RoBERTa does not have; the first type is folded into the "
            "positions, so that single texts come out the same and pairs do not"
        )
    _fits(converted, architecture, len(symbols), str(folder.path))
    return Model(folder.kind, architecture, {**converted, **heads}, symbols, pooler, notes)


def _own_pieces(folder: Folder, vocabulary: dict[str, int]) -> bool:
    """Whether SentencePiece and a dictionary lie in a transformers folder, and its tokens have their numbers."""
    if not all((folder.path / name).is_file() for name in ("dict.txt", _PIECES)):
        return False
    return all(vocabulary.get(symbol) == row for row, symbol in enumerate(symbols_of(folder.path / "dict.txt")))


def _fits(weights: dict[str, Any], architecture: Architecture, vocabulary: int, where: str) -> None:
    wanted = convert.expected(architecture, vocabulary)
    faults = convert.shape_faults(weights, wanted)
    faults += [f"{name} is missing" for name in sorted(set(wanted) - set(weights))]
    faults += [
        f"{name} is not known" for name in sorted(set(weights) - set(wanted)) if name.startswith(f"{convert.ENCODER}.")
    ]
    if faults:
        raise DataError(f"{where}: the weights are not those of its sizes: " + "; ".join(faults[:5]))


def _drop(weights: dict[str, Any], names: Sequence[str]) -> None:
    for name in names:
        del weights[name]


def _write_transformers(model: Model, folder: Folder, target: Path) -> list[str]:
    architecture, weights, notes = model.architecture, dict(model.weights), []
    vocabulary = len(model.symbols)
    if (folder.path / _PIECES).is_file() and folder.kind == "fairseq":
        read = read_pieces(folder.path / _PIECES)
        tokenizer = tokenizer_of(read, model.symbols)
        unknown = absent(read, model.symbols)
        if unknown:
            # A tokenizer cannot give two pieces one number: each gets a row of its own with the weights of <unk>.
            vocabulary += len(unknown)
            for name in (f"{convert.ENCODER}.embed_tokens.weight", f"{convert.LM_HEAD}.bias"):
                if name in weights:
                    more = numpy.repeat(weights[name][UNK : UNK + 1], len(unknown), axis=0)
                    weights[name] = numpy.concatenate([weights[name], more])
            notes.append(
                f"{len(unknown)} pieces that dict.txt lacks ({', '.join(unknown[:3])} …) are <unk> to fairseq; here they have rows "
                f"of their own from {len(model.symbols)} on, copies of that of <unk>"
            )
        special = dict(zip(("bos", "pad", "eos", "unk", "mask"), (*SPECIALS, MASK), strict=True))
        for name in ("dict.txt", _PIECES):
            shutil.copyfile(folder.path / name, target / name)
    else:
        coder = coder_of(folder)
        assert isinstance(coder, TokenizerCoder)
        tokenizer = renumbered(coder.files[0], coder.index, coder.symbols)
        by_id = {number: token for token, number in tokenizer.get_vocab(with_added_tokens=True).items()}
        places = {"bos": BOS, "pad": PAD, "eos": EOS, "unk": UNK, "mask": vocabulary - 1}
        special = {name: by_id[row] for name, row in places.items() if row in by_id}
    tokenizer.save(str(target / "tokenizer.json"))
    _write_tokenizer_config(special, architecture, folder.kind == "fairseq", target)
    tensors = convert.to_transformers(weights, architecture.layers, HEAD)
    for part, value in model.pooler.items():
        tensors[f"roberta.pooler.dense.{part}"] = value
    contiguous = {name: numpy.ascontiguousarray(value) for name, value in tensors.items()}
    save_file(contiguous, str(target / "model.safetensors"), metadata={"format": "pt"})
    write_json(target / "config.json", _config(model, tensors, vocabulary))
    return notes


def _config(model: Model, tensors: dict[str, Any], vocabulary: int) -> dict[str, Any]:
    architecture = model.architecture
    activations = {new: old for old, new in reversed(list(ACTIVATIONS.items()))}
    name = "RobertaForSequenceClassification" if "classifier.out_proj.weight" in tensors else "RobertaModel"
    if "lm_head.bias" in tensors:
        name = "RobertaForMaskedLM"
    config: dict[str, Any] = {
        "architectures": [name],
        "model_type": "roberta",
        "vocab_size": vocabulary,
        "hidden_size": architecture.hidden,
        "num_hidden_layers": architecture.layers,
        "num_attention_heads": architecture.heads,
        "intermediate_size": architecture.feed_forward,
        "max_position_embeddings": architecture.positions + 2,
        "type_vocab_size": 1,
        "hidden_act": activations[architecture.activation],
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "layer_norm_eps": architecture.norm_eps,
        "initializer_range": architecture.initializer_range,
        "bos_token_id": BOS,
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "tie_word_embeddings": True,
        "dtype": "float32",
    }
    if "classifier.out_proj.weight" in tensors:
        labels = [f"LABEL_{n}" for n in range(len(tensors["classifier.out_proj.weight"]))]
        config["id2label"] = {str(n): label for n, label in enumerate(labels)}
        config["label2id"] = {label: n for n, label in enumerate(labels)}
    return config


def _write_tokenizer_config(special: dict[str, str], architecture: Architecture, whole: bool, target: Path) -> None:
    tokens = {f"{name}_token": token for name, token in special.items()}
    tokens.update(cls_token=special["bos"], sep_token=special["eos"])
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": architecture.positions,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        # A text that spells out a special token holds its characters: SentencePiece knows no such tokens.
        "split_special_tokens": whole and special["bos"] == SPECIALS[BOS],
        **tokens,
    }
    write_json(target / "tokenizer_config.json", config)
    write_json(target / "special_tokens_map.json", tokens)


def _write_fairseq(model: Model, folder: Folder, target: Path) -> list[str]:
    architecture, weights, notes = model.architecture, dict(model.weights), []
    pieces = folder.path / _PIECES
    own = _own_pieces(
        folder, Tokenizer.from_file(str(folder.path / "tokenizer.json")).get_vocab(with_added_tokens=True)
    )
    shutil.copyfile(pieces if own else folder.path / "tokenizer.json", target / (_PIECES if own else "tokenizer.json"))
    save_dictionary(model.symbols, target)
    if not model.masked_head:
        weights.update(_made_up_head(weights[f"{convert.ENCODER}.embed_tokens.weight"]))
        notes.append(
            "the source has no head for masked tokens: fairseq needs one to read model.pt, so one is made up (it is marked so)"
        )
    if model.pooler and f"{_HEAD}.dense.weight" not in weights:
        notes.append(
            "BERT's pooler is left out: a fairseq checkpoint has no place for it without a classification head"
        )
    state = {name: torch.from_numpy(numpy.array(value)) for name, value in sorted(weights.items())}
    state[f"{convert.LM_HEAD}.weight"] = state[f"{convert.ENCODER}.embed_tokens.weight"]  # shared, and written once
    plain: Any = OmegaConf.to_container(configuration(words_of(architecture)), resolve=True, enum_to_str=True)
    history = {
        "criterion_name": "MaskedLmLoss",
        "optimizer_name": "FairseqAdam",
        "lr_scheduler_state": {"best": None},
        "num_updates": 0,
    }
    saved = {"args": None, "cfg": plain, "model": state, "optimizer_history": [history]}
    place = {"train_iterator": {"version": 2, "epoch": 1, "iterations_in_epoch": 0}}
    torch.save({**saved, "extra_state": place, "task_state": {}}, str(target / "model.pt"))
    write_json(
        target / NOTES,
        {
            "layer_norm_eps": architecture.norm_eps,
            "initializer_range": architecture.initializer_range,
            "lm_head": model.masked_head,
        },
    )
    return notes


def _made_up_head(table: Any) -> dict[str, Any]:
    """A head that lets hidden states through: the identity, a LayerNorm that does nothing of its own, no bias."""
    hidden = table.shape[1]
    zeros, ones = numpy.zeros(hidden, dtype=numpy.float32), numpy.ones(hidden, dtype=numpy.float32)
    return {
        f"{convert.LM_HEAD}.weight": table,
        f"{convert.LM_HEAD}.bias": numpy.zeros(len(table), dtype=numpy.float32),
        f"{convert.LM_HEAD}.dense.weight": numpy.eye(hidden, dtype=numpy.float32),
        f"{convert.LM_HEAD}.dense.bias": zeros,
        f"{convert.LM_HEAD}.layer_norm.weight": ones,
        f"{convert.LM_HEAD}.layer_norm.bias": zeros,
    }


def words_of(architecture: Architecture) -> list[str]:
    """Words after `fairseq-train` for a model of these sizes, in the task of masked words; nothing is trained by them."""
    words: list[Any] = [
        *(
            ".",
            "--task",
            "masked_lm",
            "--criterion",
            "masked_lm",
            "--arch",
            "roberta",
            "--encoder-layers",
            architecture.layers,
        ),
        *("--encoder-embed-dim", architecture.hidden, "--encoder-ffn-embed-dim", architecture.feed_forward),
        *("--encoder-attention-heads", architecture.heads, "--max-positions", architecture.positions),
        *("--activation-fn", architecture.activation, "--tokens-per-sample", architecture.positions),
        *(
            "--optimizer",
            "adam",
            "--lr-scheduler",
            "polynomial_decay",
            "--total-num-update",
            1,
            "--save-dir",
            "checkpoints",
        ),
    ]
    return [str(word) for word in words]


def _without_pooler(folder: Folder, target: Path) -> None:
    """A copy of a BERT folder without pooler and heads, to compare with: what it has then is what was converted."""
    target.mkdir()
    for path in folder.path.iterdir():
        if path.is_file() and path.suffix != ".safetensors":
            shutil.copyfile(path, target / path.name)
    kept: dict[str, Any] = {}
    for path in sorted(folder.path.glob("*.safetensors")):
        kept.update(
            {n: value for n, value in load_file(str(path)).items() if "pooler" not in n and "classifier" not in n}
        )
    save_file(kept, str(target / "model.safetensors"), metadata={"format": "pt"})
