"""Writes trees into MLflow: looks up by tags what is there, adds what is missing, replaces what differs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from seedwise.regular import Irregular, copy_regular
from seedwise.store.store import DamagedRun, StoredRun
from seedwise.study.metric import Metric as TaskMetric
from seedwise.temporary import temporary_folder
from seedwise.tracker.aliases import GREATER_IS_BETTER, PRIMARY_METRIC, beside
from seedwise.tracker.connection import Target, TrackerError
from seedwise.tracker.content import (
    ARM,
    COLOUR,
    COMPARISON,
    IMPORTED,
    KIND,
    ORDER,
    PARENT,
    RUN_ID,
    Point,
    RunContent,
    seed_digest,
)
from seedwise.tracker.flatten import MAX_METRICS_PER_BATCH, MAX_PARAMS_PER_BATCH, chunked
from seedwise.tracker.seed_run import seed_content
from seedwise.tracker.summary_run import shown
from seedwise.tracker.tree import Tree
from seedwise.tracker.ui import VIEW_TAG, place, view_state

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow import MlflowClient

Key = tuple[str, str, str]  # kind, arm, run id
Found = dict[Key, list["Run"]]

PAGE = 1000
SAY_EVERY_SECONDS = 5.0


@dataclass(slots=True)
class Counts:
    added: int = 0
    unchanged: int = 0
    replaced: int = 0


@dataclass(slots=True)
class Job:
    """One tree on its way into one experiment; `found` shrinks to what is there beside it."""

    experiment: str
    tree: Tree
    found: Found
    began: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The run of an arm or of the comparison: `old` is what was there before, `tags` what it was made with just now."""

    run: Run
    began: int
    links: Mapping[str, str]
    old: Run | None
    tags: Mapping[str, str]

    @property
    def identity(self) -> str:
        return str(self.run.info.run_id)


@dataclass(slots=True)
class Importer:
    """One import into one MLflow.  Calls that end early leave a state that the next import completes."""

    client: MlflowClient
    target: Target
    say: Callable[[str], None]
    stopped: Callable[[], bool] = lambda: False
    counts: Counts = field(default_factory=Counts)
    done: int = 0
    told: float = field(default_factory=time.monotonic)

    def write(self, tree: Tree) -> tuple[str, list[str]]:
        """The experiment's id and the ids of all runs of `tree`, after making MLflow hold it, once."""
        experiment = self._experiment(tree.study)
        job = Job(experiment.experiment_id, tree, self._find(experiment.experiment_id, tree.key))
        self.done = 0
        comparison = self._stand(job, ("comparison", "", ""), tree.content, {})
        self._fill(job, comparison, shown(tree.content, comparison.identity))
        job.began = comparison.began
        arms = {}
        for number, arm in enumerate(tree.arms, start=1):
            links = {PARENT: comparison.identity, ORDER: place(job.began, tree.key, number)}
            arms[arm.name] = self._stand(job, ("arm", arm.name, ""), arm.content, links)
        identities = {name: standing.identity for name, standing in arms.items()}
        runs = [comparison.identity]
        for number, arm in enumerate(tree.arms, start=1):
            self._fill(job, arms[arm.name], beside(arm.content, arm.against, identities))
            runs.append(identities[arm.name])
            for run in arm.seeds:
                self._progress(tree)
                order = place(job.began, tree.key, number, run.spec.seeds.seed)
                links = {PARENT: identities[arm.name], ORDER: order, COLOUR: arm.content.tags[COLOUR]}
                runs.append(self._seed(job, arm.name, run, links))
        self._clear(job)
        self._show(experiment, tree.metric)
        return experiment.experiment_id, runs

    def _show(self, experiment: Any, metric: TaskMetric) -> None:
        """What MLflow's pages of the experiment show first."""
        wanted = {
            VIEW_TAG: view_state(metric.name),
            PRIMARY_METRIC: metric.name,
            GREATER_IS_BETTER: str(metric.higher_is_better),
        }
        for key, value in wanted.items():
            if experiment.tags.get(key) != value:
                self.client.set_experiment_tag(experiment.experiment_id, key, value)

    def _experiment(self, name: str) -> Any:
        experiment = self.client.get_experiment_by_name(name)
        if experiment is not None and experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment.experiment_id)
        if experiment is None:
            place = (self.target.artifacts / name).as_uri() if self.target.artifacts else None
            tags = {"mlflow.experimentKind": "custom_model_development", "seedwise.study": name}
            experiment = self.client.get_experiment(self.client.create_experiment(name, place, tags))
        return experiment

    def _find(self, experiment: str, key: str) -> Found:
        """The runs of a comparison by (kind, arm, run id), oldest first; more than one only after a lost race."""
        found: Found = {}
        token = None
        while True:
            page = self.client.search_runs(
                [experiment],
                f"tags.`{COMPARISON}` = '{key}'",
                max_results=PAGE,
                order_by=["attributes.start_time ASC", "attributes.run_id ASC"],
                page_token=token,
            )
            for run in page:
                tags = run.data.tags
                found.setdefault((tags.get(KIND, ""), tags.get(ARM, ""), tags.get(RUN_ID, "")), []).append(run)
            token = page.token
            if not token:
                return found

    def _clear(self, job: Job) -> None:
        """Of the runs that this store does not have, half imports go; whole ones may be another machine's and stay."""
        for run in (run for group in job.found.values() for run in group):
            if IMPORTED not in run.data.tags:
                self._delete(job, run)

    def _delete(self, job: Job, run: Run) -> None:
        """The run, and its checkpoint's model first: a kill in between leaves a run that is found again."""
        if run.data.tags.get(KIND) == "seed":
            models = self.client.search_logged_models(
                [job.experiment],
                f"tags.`{COMPARISON}` = '{job.tree.key}' AND tags.`{RUN_ID}` = '{run.data.tags[RUN_ID]}'",
            )
            for model in models:
                if model.source_run_id == run.info.run_id:
                    self.client.delete_logged_model(model.model_id)
        self.client.delete_run(run.info.run_id)

    def _seed(self, job: Job, arm: str, run: StoredRun, links: Mapping[str, str]) -> str:
        """A seed run is as it was imported or it is imported anew; nothing is mended in it."""
        digest = seed_digest(run, arm)
        group = job.found.pop(("seed", arm, run.run_id), [])
        whole = next((old for old in group if old.data.tags.get(IMPORTED) == digest), None)
        for other in group:
            if other is not whole:
                self._delete(job, other)
        if whole is not None:
            for key, value in links.items():
                if whole.data.tags.get(key) != value:
                    self.client.set_tag(whole.info.run_id, key, value)
            self.counts.unchanged += 1
            return str(whole.info.run_id)
        content = seed_content(run, job.tree.study, arm)
        made = self._create(job, content, links)
        identity = str(made.info.run_id)
        # MLflow reads the whole run for most calls: what makes it long comes last, and with it the tag that says it is whole.
        self._attach(made, content)
        self._end(identity, content)
        self._inputs(identity, content)
        self._log(identity, content, content.params, self._model(job, identity, content), digest)
        if any(old.data.tags.get(IMPORTED) for old in group):
            self.counts.replaced += 1
        else:
            self.counts.added += 1
        return identity

    def _stand(self, job: Job, key: Key, content: RunContent, links: Mapping[str, str]) -> Standing:
        """The run of an arm or a comparison, made where it is not there; what it says is for `_fill`."""
        group = job.found.pop(key, [])
        if not group:
            links = links or {ORDER: place(content.start, job.tree.key)}
            made = self._create(job, content, links)
            return Standing(made, content.start, links, None, content.tags)
        old, *doubles = group
        for double in doubles:
            self._delete(job, double)
        began = int(old.info.start_time)
        return Standing(old, began, links or {ORDER: place(began, job.tree.key)}, old, old.data.tags)

    def _fill(self, job: Job, standing: Standing, content: RunContent) -> None:
        """An arm or a comparison is updated in place, so that its address stays while verdicts change."""
        digest, old = content.digest(), standing.old
        if old is None:
            self._log(standing.identity, content, content.params)
            for key, value in content.tags.items():
                if standing.tags.get(key) != value:
                    self.client.set_tag(standing.identity, key, value)
            self.counts.added += 1
        else:
            wanted = {**content.tags, COMPARISON: job.tree.key, **standing.links}
            if old.data.tags.get(IMPORTED) == digest and all(old.data.tags.get(k) == v for k, v in wanted.items()):
                self.counts.unchanged += 1
                return
            self._update(old, content, wanted)
            if IMPORTED in old.data.tags:
                self.counts.replaced += 1
            else:  # a half import
                self.counts.added += 1
        self._finish(standing.run, content, digest)

    def _update(self, old: Run, content: RunContent, wanted: Mapping[str, str]) -> None:
        """What is no longer said goes: tags are deleted, and a metric, which cannot be, becomes NaN."""
        from mlflow.entities import Metric, RunTag

        identity = old.info.run_id
        for key in old.data.tags:
            if key.startswith("seedwise.") and key not in wanted:
                self.client.delete_tag(identity, key)
        gone = set(old.data.metrics) - {point.key for point in content.points}
        now = time.time_ns() // 1_000_000
        self.client.log_batch(
            identity,
            metrics=[Metric(key, math.nan, now, 0) for key in sorted(gone)],
            tags=[RunTag(key, value) for key, value in wanted.items()],
        )
        self._log(identity, content, {key: text for key, text in content.params.items() if key not in old.data.params})
        if old.info.run_name != content.name:
            self.client.update_run(identity, name=content.name)

    def _create(self, job: Job, content: RunContent, links: Mapping[str, str]) -> Run:
        """The run with all that it is found by, in one call: a kill leaves it findable or absent."""
        tags = {**content.tags, COMPARISON: job.tree.key, **links}
        return self.client.create_run(job.experiment, content.start, tags, content.name)

    def _model(self, job: Job, identity: str, content: RunContent) -> str | None:
        """The id of the checkpoint's model, an output of the run; None where it has none."""
        from mlflow.entities import LoggedModelOutput

        model = content.model
        if model is None:
            return None
        tags = {**model.tags, COMPARISON: job.tree.key}
        made = self.client.create_logged_model(
            job.experiment, model.name, identity, tags, dict(model.params), model.kind
        )
        self.client.log_outputs(identity, [LoggedModelOutput(made.model_id, model.step)])
        self.client.finalize_logged_model(made.model_id, "READY")
        return str(made.model_id)

    def _log(
        self,
        identity: str,
        content: RunContent,
        params: Mapping[str, str],
        model: str | None = None,
        digest: str | None = None,
    ) -> None:
        """Points and params, and with the last of them the tag of a whole import, where `digest` is given.

        Points of the checkpoint are the `model`'s too, by the data set that it was scored on.
        """
        from mlflow.entities import Metric, Param, RunTag

        now = time.time_ns() // 1_000_000
        data = {held.split: held for held in content.data_sets} if model is not None else {}

        def metric(point: Point) -> Metric:
            moment = now if point.time is None else point.time
            scored = data.get(point.split or "")
            if scored is None:
                return Metric(point.key, point.value, moment, point.step)
            return Metric(point.key, point.value, moment, point.step, model, scored.name, scored.digest, identity)

        metrics = [metric(point) for point in content.points]
        texts = chunked([Param(key, text) for key, text in params.items()], MAX_PARAMS_PER_BATCH)
        batches = [*zip_longest(texts, chunked(metrics, MAX_METRICS_PER_BATCH))] or [((), ())]
        for number, (some, points) in enumerate(batches, start=1):
            whole = [RunTag(IMPORTED, digest)] if digest is not None and number == len(batches) else ()
            self.client.log_batch(identity, metrics=points or (), params=some or (), tags=whole)

    def _inputs(self, identity: str, content: RunContent) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = []
        for data in content.data_sets:
            source, profile = json.dumps({"uri": data.source}), json.dumps({"num_rows": data.rows})
            held = Dataset(data.name, data.digest, "local", source, None, profile)
            inputs.append(DatasetInput(held, [InputTag("mlflow.data.context", data.context)]))
        if inputs:
            self.client.log_inputs(identity, inputs)

    def _attach(self, run: Run, content: RunContent) -> None:
        """In one call, from a folder of copies, to where the run keeps them: the client would look that up again.

        `DamagedRun` where a file is a link, or not the one that the run's result names: it could be anybody's.
        """
        if not content.artifacts and not content.texts:
            return
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with temporary_folder() as folder:
            for artifact in content.artifacts:
                copy = folder / artifact.folder / artifact.path.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                try:
                    found = copy_regular(artifact.source, artifact.name, copy)
                except (Irregular, FileNotFoundError) as error:
                    raise DamagedRun(f"{error}; move the run's folder away to run it again") from None
                if artifact.sha256 not in (None, found):
                    raise DamagedRun(
                        f"{artifact.path}: changed since the run ended; move the run's folder away to run it again"
                    )
            for text_name, text in content.texts.items():
                (folder / text_name).parent.mkdir(parents=True, exist_ok=True)
                (folder / text_name).write_text(text, encoding="utf-8")
            place: Any = get_artifact_repository(run.info.artifact_uri, tracking_uri=self.target.uri)
            place.log_artifacts(str(folder))

    def _finish(self, run: Run, content: RunContent, digest: str) -> None:
        """Artifacts, the end, and last the tag without which a run counts as half imported."""
        identity = str(run.info.run_id)
        self._attach(run, content)
        self._end(identity, content)
        self.client.set_tag(identity, IMPORTED, digest)

    def _end(self, identity: str, content: RunContent) -> None:
        if content.end is None:
            self.client.update_run(identity, status="RUNNING")
        else:
            self.client.set_terminated(identity, "FINISHED", content.end)

    def _progress(self, tree: Tree) -> None:
        if self.stopped():
            raise TrackerError(
                f"MLflow: the import was stopped at run {self.done} of {tree.seeds} of {tree.study}; `seedwise track` goes on from there"
            )
        self.done += 1
        if time.monotonic() - self.told >= SAY_EVERY_SECONDS:
            self.told = time.monotonic()
            self.say(f"MLflow: {tree.study}: {self.done} of {tree.seeds} seed runs")
