"""A pretraining: one YAML file that makes a model, by masked words or word by word, for studies on this machine to name.

The file lies in a folder `pretraining/` below `benchmarks/` (in a project of one's own, below its studies) and is called as its
model is.  What it makes is a stand-in: a model of some published one's shape, not that model.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Annotated, Any

from filelock import FileLock
from pydantic import Field, ValidationError, model_validator

from seedwise.assets.places import models_root
from seedwise.errors import InputError, NoAsset
from seedwise.project import Project, study_folder
from seedwise.regular import copy_regular, regular_files
from seedwise.study.model import Rows, StudyDevice, StudyEvaluation, StudyRecipe
from seedwise.study.yamlfile import read_yaml, validated
from seedwise.temporary import staging_beside
from seedwise_contract import canonical_json
from seedwise_contract.base import ContractModel
from seedwise_contract.files import read_record, tree_digest, write_json
from seedwise_contract.spec import Masking, Model, Name, Selection

FOLDER = "pretraining"
BYTES = 256


class PretrainingTask(ContractModel):
    data: Name = Field(description="name of a data asset of running text")
    rows: Rows | None = Field(default=None, description="null: every row")
    masking: Masking | None = Field(
        default=None, description="which tokens are to be predicted; null: each next one, by a causal language model"
    )


class Sizes(ContractModel):
    """A RoBERTa encoder, or a GPT-2 decoder, spelled out."""

    layers: Annotated[int, Field(ge=1)]
    hidden: Annotated[int, Field(ge=1)]
    feed_forward: Annotated[int, Field(ge=1)]
    heads: Annotated[int, Field(ge=1)]
    positions: Annotated[
        int, Field(ge=4, description="places that a token can have; RoBERTa's table has two more rows")
    ]

    @model_validator(mode="after")
    def _heads(self) -> Sizes:
        if self.hidden % self.heads:
            raise ValueError("hidden must be a multiple of heads")
        return self


class Vocabulary(ContractModel):
    """What the run learns from the train split: a SentencePiece vocabulary, or byte pairs for a causal language model."""

    size: Annotated[int, Field(ge=16, description="all symbols, the special ones and <mask>, or the 256 bytes, too")]
    rows: Annotated[int, Field(ge=1)] | None = Field(description="learnt from the first so many; null: from all")


class Pretraining(ContractModel):
    version: Annotated[int, Field(ge=1, le=1)]
    name: Name = Field(description="of the model that it makes")
    title: str
    description: str = ""
    task: PretrainingTask
    backend: Name = "fairseq"
    architecture: Sizes
    vocabulary: Vocabulary
    recipe: StudyRecipe
    seed: Annotated[int, Field(ge=0)]
    selection: Selection
    evaluation: StudyEvaluation
    device: StudyDevice = StudyDevice()
    minutes: Annotated[float, Field(gt=0)] = Field(description="about how long it takes, for those who have to wait")
    timeout_minutes: Annotated[float, Field(gt=0)] = 240
    memory_gib: Annotated[float, Field(gt=0)] = 4

    @model_validator(mode="after")
    def _coherent(self) -> Pretraining:
        problems = []
        kind, needed = ("a causal language model", "hf") if self.is_causal else ("masked words", "fairseq")
        if self.backend != needed:
            problems.append(f"backend is {needed} where the task is {kind}")
        if self.is_causal and self.vocabulary.size <= BYTES:
            problems.append(f"vocabulary.size is more than {BYTES} here: every byte is a token, and the end of a text")
        if self.selection.metric != "loss":
            problems.append("selection.metric is 'loss' here")
        if self.recipe.max_length > self.architecture.positions:
            problems.append(f"recipe.max_length is more than the {self.architecture.positions} architecture.positions")
        rows = self.task.rows
        if rows is not None and self.vocabulary.rows is not None and self.vocabulary.rows > rows.train:
            problems.append(f"vocabulary.rows is more than the {rows.train} of task.rows.train")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def declaration(self) -> str:
        """sha256 of everything that decides what is made; words for readers left out."""
        words = {"title", "description", "timeout_minutes", "memory_gib", "device", "minutes"}
        return hashlib.sha256(canonical_json(self.model_dump(mode="json", exclude=words)).encode()).hexdigest()

    @property
    def is_causal(self) -> bool:
        return self.task.masking is None

    def model_files(self) -> dict[str, dict[str, Any]]:
        """The files of the model folder that the run starts from: sizes, and what vocabulary to learn."""
        if not self.is_causal:
            return {"architecture.json": self.architecture_file()}
        sizes = self.architecture
        return {
            "config.json": {
                "model_type": "gpt2",
                "architectures": ["GPT2LMHeadModel"],
                "vocab_size": self.vocabulary.size,
                "n_positions": sizes.positions,
                "n_embd": sizes.hidden,
                "n_inner": sizes.feed_forward,
                "n_layer": sizes.layers,
                "n_head": sizes.heads,
                "bos_token_id": 0,
                "eos_token_id": 0,
            },
            "vocabulary.json": self.vocabulary.model_dump(),
        }

    def architecture_file(self) -> dict[str, Any]:
        """`architecture.json` as the fairseq backend reads it."""
        sizes = self.architecture
        return {
            "encoder_layers": sizes.layers,
            "encoder_embed_dim": sizes.hidden,
            "encoder_ffn_embed_dim": sizes.feed_forward,
            "encoder_attention_heads": sizes.heads,
            "max_positions": sizes.positions,
            "activation_fn": "gelu",
            "vocabulary": self.vocabulary.model_dump(),
        }


class Made(ContractModel):
    """What lies beside a made model: the folder as specs name it, and the run that it came from."""

    model: Model
    run_id: str
    image: str
    perplexity: float


def load_pretraining(path: Path) -> Pretraining:
    """The pretraining in `path`; `InputError` lists every fault with its line."""
    found = validated(Pretraining, read_yaml(path), path)
    if found.name != path.stem:
        raise InputError(f"{path}: name is {found.name}; it must be {path.stem}, as the file is called")
    return found


def find_pretraining(name: str, root: Path) -> Path | None:
    """The file of the project that makes the model `name`, if there is one."""
    found = sorted(study_folder(root).glob(f"**/{FOLDER}/{name}.yaml"))
    if len(found) > 1:
        raise InputError(f"model {name} is made by {found[0]} and by {found[1]}; rename one")
    return found[0] if found else None


def made_model(pretraining: Pretraining, project: Project) -> Made | None:
    """What this very declaration has made on this machine; None where it has not been run."""
    try:
        return Made.model_validate_json(read_record(_marker(pretraining, project)))
    except (OSError, ValidationError):
        return None


def required_model(path: Path, project: Project) -> Model:
    """The made model of the pretraining in `path`; `AssetError` says what to do where it is not there."""
    pretraining = load_pretraining(path)
    made = made_model(pretraining, project)
    if made is None:
        raise NoAsset(
            f"model {pretraining.name} is made by 'seedwise pretrain {_shown(path)}' (about {pretraining.minutes:g} minutes "
            "on the kind of machine that the file names): run it first"
        )
    return made.model


def keep(
    pretraining: Pretraining, project: Project, checkpoint: Path, run_id: str, image: str, perplexity: float
) -> Made:
    """Copy `checkpoint` to where models are mounted from, and note where it came from."""
    marker = _marker(pretraining, project)
    folder = marker.with_suffix("")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        with staging_beside(folder) as staging:
            for name in regular_files(checkpoint):  # what a link leads to is not the run's
                if "/" not in name:
                    copy_regular(checkpoint, name, staging / name)
            marker.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            staging.rename(folder)
        model = Model(name=pretraining.name, path=folder.name, sha256=tree_digest(folder))
        made = Made(model=model, run_id=run_id, image=image, perplexity=perplexity)
        write_json(marker, made)
    return made


def sizes_folder(pretraining: Pretraining, project: Project) -> Model:
    """The model folder that the run starts from: sizes alone, below the models root."""
    files = pretraining.model_files()
    # One file names the folder by itself, as it has since there was but one kind.
    text = canonical_json(files if len(files) > 1 else next(iter(files.values())))
    folder = models_root(project) / f"sizes-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if not all((folder / name).is_file() for name in files):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_json(folder / name, content)
    return Model(name=pretraining.name, path=folder.name, sha256=tree_digest(folder))


def _marker(pretraining: Pretraining, project: Project) -> Path:
    return models_root(project) / f"{pretraining.name}-{pretraining.declaration()[:12]}.json"


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
