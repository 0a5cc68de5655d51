"""A new model: a repository of the Hub, a folder, or a fairseq checkpoint becomes a manifest; what it is is read and told."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwise.assets.hub import HubFile, Repository
from seedwise.assets.manifest import HubSource, LocalSource, Manifest, ProjectSource, Source
from seedwise.assets.sizes import Sizes, sizes_of_folder
from seedwise.bounded import read_json
from seedwise.errors import AssetError, InputError
from seedwise.project import Project
from seedwise_contract.files import sha256_file

_CONFIG = ("config.json",)
_TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
)
_VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
)
_FAIRSEQ = ("dict.txt", "sentencepiece.bpe.model", "architecture.json", "vocab.json", "encoder.json", "vocab.bpe")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
# Weights as they are trained: float32, with their gradient and two moments of AdamW.
TRAINING_BYTES_PER_PARAMETER = 16


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of a model, and recorded of it."""

    title: str
    licence: str
    lines: tuple[str, ...]
    architecture: Sizes | None
    parameters: int | None


def choose_files(files: Sequence[HubFile], name: str, allowed: Sequence[str]) -> list[HubFile]:
    """The files of a transformers model: configuration, tokenizer, weights.

    Safetensors are preferred; a pickle can run any program when it is loaded, so that one is taken only where its name is in
    `allowed`.  `AssetError` where something is not there.
    """
    by_name = {file.path: file for file in files}
    if "config.json" not in by_name:
        raise AssetError(
            f"{name}: has no config.json, so that it is no transformers model (a fairseq checkpoint is given by its file)"
        )
    if not any(vocabulary in by_name for vocabulary in _VOCABULARIES):
        raise AssetError(
            f"{name}: has no tokenizer (none of {', '.join(_VOCABULARIES[:3])}, a sentencepiece model): save the tokenizer that "
            "belongs to it beside it, and add that"
        )
    chosen = [by_name[known] for known in (*_CONFIG, *_TOKENIZER) if known in by_name]
    weights = [file for file in files if "/" not in file.path and file.path.endswith(".safetensors")]
    if "model.safetensors" in by_name:
        weights = [by_name["model.safetensors"]]
    elif weights and "model.safetensors.index.json" in by_name:
        weights.append(by_name["model.safetensors.index.json"])
    if not weights:
        weights = _pickles(files, name, allowed)
    return chosen + weights


def _pickles(files: Sequence[HubFile], name: str, allowed: Sequence[str]) -> list[HubFile]:
    pickles = [file for file in files if file.path.endswith(_PICKLES)]
    if not pickles:
        raise AssetError(f"{name}: has no weights (*.safetensors)")
    refused = [file.path for file in pickles if file.path not in allowed]
    taken = [file for file in pickles if file.path in allowed]
    if not taken:
        raise AssetError(
            f"{name}: has no safetensors, only pickles ({', '.join(refused[:3])}), which can run any program when they are loaded. "
            f"Convert it to safetensors; or, where you trust whoever made it: --allow-pickle {refused[0]}"
        )
    return taken


def folder_files(folder: Path) -> list[HubFile]:
    """The files of a model folder, as a repository lists its own."""
    return [HubFile(path.name, path.stat().st_size, None) for path in sorted(folder.iterdir()) if path.is_file()]


def fairseq_files(checkpoint: Path) -> list[Path]:
    """The checkpoint and what belongs to it beside it; `AssetError` where its dictionary is not there."""
    if not (checkpoint.parent / "dict.txt").is_file():
        raise AssetError(
            f"{checkpoint}: a fairseq checkpoint needs its dictionary, dict.txt, beside it (and its sentencepiece or BPE files)"
        )
    return [checkpoint, *(checkpoint.parent / name for name in _FAIRSEQ if (checkpoint.parent / name).is_file())]


def refuse_huge(name: str, files: Sequence[HubFile], memory: int, disk: int, forced: bool) -> list[str]:
    """What is about to be fetched; `InputError` where it could not be trained, or stored, here, unless `forced`."""
    size = sum(file.size for file in files)
    lines = [f"{name}: {len(files)} files, {_gib(size)}"]
    weights = sum(file.size for file in files if file.path.endswith((".safetensors", *_PICKLES)))
    # Hubs store two bytes a parameter or four; to train the least of it, its weights are held in four.
    least = weights // 4 * 4
    problem = None
    if least > memory:
        problem = f"its weights alone take {_gib(weights)}, and this machine has {_gib(memory)} of memory: no run of it could be made here"
    elif size > disk:
        problem = f"it takes {_gib(size)}, and the cache's disk has {_gib(disk)} free"
    if problem and not forced:
        raise InputError(f"{name}: {problem}. Nothing was fetched. Where you know better: --force")
    return [*lines, *([f"warning: {problem}"] if problem else [])]


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 28 else f"{size / (1 << 20):.1f} MiB"


def facts_of(name: str, files: Mapping[str, Path], repository: Repository | None, licence: str | None) -> Facts:
    """Architecture, parameters, licence and tokenizer, as the files say."""
    lines: list[str] = []
    architecture: Sizes | None = None
    kind = "fairseq checkpoint"
    if "config.json" in files:
        config = read_json(files["config.json"])
        if not isinstance(config, dict):
            raise AssetError(f"{name}: config.json holds no JSON object")
        kind = str(config.get("model_type", "not stated"))
        lines.append(f"architecture: {kind}, {_numbers(config)}")
        try:
            architecture = sizes_of_folder(files["config.json"].parent)
        except (InputError, ValueError):
            architecture = None  # no encoder of a kind that is counted by a rule
        lines.append(f"tokenizer: {_tokenizer(files)}")
    parameters = _parameters(files)
    if parameters is not None:
        lines.append(
            f"parameters: {parameters / 1e6:.1f} M; full fine-tuning takes about "
            f"{_gib(parameters * TRAINING_BYTES_PER_PARAMETER)} a run beside its activations"
        )
    told = licence or (repository.licence if repository else None)
    lines.append(f"licence: {told or 'not stated'}")
    where = f"{repository.address} at {repository.revision}" if repository else "the user's own copy"
    return Facts(
        title=f"{name} ({kind})",
        licence=f"{told}, by its model card" if told and not licence and repository else told or f"not stated; {where}",
        lines=tuple(lines),
        architecture=architecture,
        parameters=parameters,
    )


def _numbers(config: Mapping[str, Any]) -> str:
    names = (
        (("num_hidden_layers", "n_layer"), "layers"),
        (("hidden_size", "n_embd"), "hidden"),
        (("num_attention_heads", "n_head"), "heads"),
        (("vocab_size",), "vocabulary"),
    )
    found = [f"{config[key]} {word}" for keys, word in names for key in keys[:2] if isinstance(config.get(key), int)]
    return ", ".join(found) or "sizes not stated"


def _tokenizer(files: Mapping[str, Path]) -> str:
    parts = []
    if "tokenizer_config.json" in files:
        told = read_json(files["tokenizer_config.json"])
        if isinstance(told, dict) and told.get("tokenizer_class"):
            parts.append(str(told["tokenizer_class"]))
    parts.append(", ".join(name for name in _VOCABULARIES if name in files))
    return "; ".join(parts)


def _parameters(files: Mapping[str, Path]) -> int | None:
    """Counted from the headers of safetensors; None where the weights are in another format."""
    weights = [path for name, path in files.items() if name.endswith(".safetensors")]
    if not weights:
        return None
    total = 0
    for path in weights:
        try:
            with open(path, "rb") as handle:
                (length,) = struct.unpack("<Q", handle.read(8))
                if length > 100 << 20:
                    raise ValueError("its header is too long")
                header = json.loads(handle.read(length))
            for tensor, value in header.items():
                if tensor != "__metadata__":
                    count = 1
                    for size in value["shape"]:
                        count *= int(size)
                    total += count
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            raise AssetError(f"{path.name}: is no safetensors file: {error}") from None
    return total


def manifest_of(
    name: str, files: Mapping[str, Path], facts: Facts, citation: str, repository: HubSource | None, project: Project
) -> Manifest:
    sources: list[Source] = []
    if repository is not None:
        sources.append(repository)
    else:
        inside = {n: path.resolve() for n, path in files.items()}
        if all(path.is_relative_to(project.root) for path in inside.values()):
            members = {n: path.relative_to(project.root).as_posix() for n, path in inside.items()}
            sources.append(ProjectSource(type="project", members=members))
        sources.append(LocalSource(type="local", members={n: f"{name}/{n}" for n in files}))
    return Manifest(
        version=1,
        name=name,
        kind="model",
        title=facts.title,
        citation=citation,
        licence=facts.licence,
        sources=sources,
        files={n: sha256_file(path) for n, path in files.items()},
        architecture=facts.architecture,
    )
