"""A model for another framework: converted by the fairseq backend, proved against its source, written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seedwise.assets.manifest import find_manifest
from seedwise.assets.prepare import models_root, prepare_model
from seedwise.errors import AssetError, InputError
from seedwise.execution.verb import ask
from seedwise.models.proof import TOLERANCE, NotEqual, Place, Proof, prove, real_texts
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.regular import read_regular, set_modes
from seedwise.runtimes.base import Runtime
from seedwise_contract.files import sha256_file
from seedwise_contract.tools import Converted, ConvertRequest

Target = Literal["hf", "fairseq"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was made, where it lies, and its proof."""

    source: str
    to: Target
    out: Path
    backends: tuple[str, str]
    converted: Converted
    proof: Proof


def convert(
    model: str, to: Target, out: Path, texts: Path | None, rows: int, runtime: Runtime, project: Project, say: Notify
) -> Conversion:
    """Convert `model` (an asset or a folder) into the new folder `out`.

    Nothing lies at `out` before its proof has passed: `NotEqual` says how large the differences are where it has not.
    """
    if out.exists() or out.is_symlink():
        raise InputError(f"--out {out}: is there already; give a new folder, so that nothing is written over")
    root, name = _source(model, project, say)
    chosen = real_texts(texts, rows, project, say)
    runtime.prepare(["fairseq", "hf"], say)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        say(f"converting {model}")
        made = work / "made"
        ask(runtime, project, "fairseq", "convert", ConvertRequest(model=name, to=to), made, root)
        if runtime.name != "venv":
            set_modes(made, 0o755, 0o644)  # a container reads it as another user
        converted = Converted.model_validate_json(read_regular(made, "converted.json"))
        first = "fairseq" if converted.kind == "fairseq" else "hf"
        source = Place(first, made, converted.compare) if converted.compare else Place(first, root, name)
        say(f"comparing {first} with {to} on {len(chosen[1])} texts")
        proof = prove(
            runtime,
            project,
            (source, Place(to, made, "model")),
            converted.positions,
            converted.vocabulary,
            chosen,
            work,
        )
        conversion = Conversion(model, to, out, (first, to), converted, proof)
        if not proof.passed:
            raise NotEqual(f"{table(conversion)}\n\nNothing was written: the differences are not below {TOLERANCE:g}.")
        _refuse_links(made / "model")
        (made / "model").rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return conversion


def table(conversion: Conversion) -> str:
    """What was converted and compared, with the verdict."""
    c, proof = conversion.converted, conversion.proof
    first, second = conversion.backends
    rows = [
        ("source", f"{conversion.source} ({c.kind})"),
        (
            "weights",
            f"{c.tensors} tensors, {c.parameters:,} numbers; head for masked tokens: {'yes' if c.masked_head else 'no'}",
        ),
        ("compared", f"{first} with {second}, float32, no dropout"),
        ("texts", f"{proof.rows} of {proof.texts}, {proof.tokens:,} tokens, cut to {proof.max_length}"),
        ("hidden states", f"largest difference {proof.hidden:.2e}"),
        ("logits", f"largest difference {proof.logits:.2e}"),
        *([("masked words", f"largest difference {proof.masked:.2e}")] if proof.masked is not None else []),
        ("result", f"{'PASS' if proof.passed else 'FAIL'}: the limit is {TOLERANCE:g}"),
    ]
    lines = [f"{name:<14} {value}" for name, value in rows]
    return "\n".join([*lines, *(f"note           {note}" for note in c.notes)])


def manifest_of(conversion: Conversion) -> str:
    """A manifest (YAML) that makes the folder an asset that studies can name."""
    out = conversion.out
    files = sorted(path.name for path in out.iterdir() if path.is_file())
    name = "".join(letter if letter.isalnum() or letter in "_.-" else "-" for letter in out.name.lower()).strip("-._")
    lines = [
        "version: 1",
        f"name: {name or 'converted'}",
        "kind: model",
        f'title: "{conversion.source}, for {conversion.to}"',
    ]
    lines += ['citation: "of the source"', 'licence: "of the source"', "sources:", "  - type: local", "    members:"]
    lines += [f"      {file}: {out.name}/{file}" for file in files]
    lines += ["files:", *(f"  {file}: {sha256_file(out / file)}" for file in files)]
    return "\n".join(lines)


def _source(model: str, project: Project, say: Notify) -> tuple[Path, str]:
    """The folder above the model folder, and its name."""
    folder = Path(model)
    if folder.is_dir():
        folder = folder.resolve()
        return folder.parent, folder.name
    if "/" in model:
        raise InputError(f"{model}: no such folder")
    if find_manifest(model, project.root).kind != "model":
        raise AssetError(f"asset {model} is a data set, not a model")
    return models_root(project), prepare_model(model, project, say).path


def _refuse_links(folder: Path) -> None:
    """A model folder holds files and folders; what a link in it leads to is not what was proved."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise AssetError(f"{path.name}: the backend left a link or a device in the model; nothing was written")
