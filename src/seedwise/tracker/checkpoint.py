"""The checkpoint that a run reports, as a model in MLflow: what it is and where it lies; its weights stay in the run's folder."""

from __future__ import annotations

import hashlib
import re

from seedwise.store.store import StoredRun
from seedwise.tracker.content import ARM, KIND, RUN_ID, ModelContent
from seedwise.tracker.flatten import MAX_TAG, clip
from seedwise_contract import canonical_json

FOLDER = "checkpoint/"
MODEL_TYPE = "checkpoint"
_EXTERNAL = "mlflow.model.isExternal"  # MLflow's own tag: it keeps none of the model's files
_REFUSED = re.compile(r"[/:.%\"'\s]+")  # in a model's name


def checkpoint_digest(files: dict[str, str]) -> str | None:
    """sha256 over the names and digests of the checkpoint's files, as the run's result has them; None where it has none."""
    held = {name: digest for name, digest in files.items() if name.startswith(FOLDER)}
    return hashlib.sha256(canonical_json(held).encode()).hexdigest() if held else None


def checkpoint_content(run: StoredRun, study: str, arm: str, params: dict[str, str]) -> ModelContent | None:
    """None where the run kept no checkpoint."""
    digest = checkpoint_digest(run.result.files)
    if digest is None:
        return None
    tags = {
        _EXTERNAL: "true",
        KIND: "checkpoint",
        ARM: arm,
        RUN_ID: run.run_id,
        "seedwise.study": study,
        "seedwise.seed": str(run.spec.seeds.seed),
        "seedwise.checkpoint": str(run.files.checkpoint),
        "seedwise.checkpoint_digest": digest,
        "seedwise.image_digest": run.provenance.digest,
    }
    return ModelContent(
        name=_REFUSED.sub("-", f"{study}-{arm}-seed-{run.spec.seeds.seed}"),
        kind=MODEL_TYPE,
        tags={key: clip(value, MAX_TAG) for key, value in tags.items()},
        params=params,
        step=run.result.selected.update if run.result.selected else run.result.updates,
    )
