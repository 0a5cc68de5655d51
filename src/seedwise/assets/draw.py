"""Training rows drawn anew for a seed: what repeating a training with other rows of the same kind would have had."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from filelock import FileLock

from seedwise.assets.fetch import fetch
from seedwise.assets.manifest import find_manifest
from seedwise.assets.places import data_root
from seedwise.assets.prepare import PreparedData, groups_of_rows, read_splits
from seedwise.errors import AssetError
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise_contract.files import read_lines, sha256_file, write_lines
from seedwise_contract.spec import Split

_SUFFIX = "-drawn"


def drawn_train(data: PreparedData, seed: int, project: Project, say: Notify) -> Split:
    """As many training rows as `data` has, drawn with replacement from the whole training split of its data set: the bootstrap.

    Rows of one group are drawn together, the last group being cut; a row that comes again has a number after its id. The selection and
    the reported split stay as they are. `seed` is that of the run's stream of rows; made once, beside the prepared data.
    """
    train = data.splits["train"]
    folder = PurePosixPath(train.file).parent.name + _SUFFIX
    path = data_root(project) / folder / f"{seed}.jsonl"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                write_lines(path, _drawn(data, seed, project, say))
    try:
        found = sum(1 for _ in read_lines(path))
    except (OSError, ValueError) as error:
        raise AssetError(f"{error}; remove {path}, which is then drawn again") from None
    if found != train.rows:
        raise AssetError(f"{path}: {found} rows, and {train.rows} were drawn; remove it, so that it is drawn again")
    return Split(file=f"{folder}/{path.name}", sha256=sha256_file(path), rows=train.rows)


def _drawn(data: PreparedData, seed: int, project: Project, say: Notify) -> list[dict[str, object]]:
    manifest = find_manifest(data.name, project.root)
    raw = fetch(manifest, project, say)
    pool = read_splits(manifest, raw)["train"]
    group_of = groups_of_rows(manifest, raw)
    groups: dict[str, list[dict[str, object]]] = {}
    for row in pool:
        groups.setdefault(group_of.get(row["id"]) or str(row["id"]), []).append(row)
    names, rng = list(groups), np.random.default_rng(seed)
    drawn: list[dict[str, object]] = []
    times: dict[object, int] = {}
    while len(drawn) < data.splits["train"].rows:
        for row in groups[names[int(rng.integers(len(names)))]]:
            again = times[row["id"]] = times.get(row["id"], 0) + 1
            drawn.append(row if again == 1 else {**row, "id": f"{row['id']}#{again}"})
    return drawn[: data.splits["train"].rows]


def without_draw(split: Split) -> dict[str, object]:
    """What two training splits have in common where they differ in nothing but the draw; any other split is all of itself."""
    path = Path(split.file)
    if not path.parent.name.endswith(_SUFFIX):
        return split.model_dump(mode="json")
    return {"file": path.parent.as_posix(), "rows": split.rows}
