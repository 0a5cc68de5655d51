"""Slurm, through its own programs: `sbatch` gives out, `squeue` tells, `scancel` ends.  Nothing of it is installed by us.

Tasks travel in the job script, which Slurm itself carries to the host: a file that was just written to a shared folder may not be
seen there yet.  Runs of unlike needs are arrays of their own; several short runs share a job, in which their backend stays warm.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from seedwise.errors import EngineError, InputError
from seedwise.execution.engines.base import Node
from seedwise.execution.engines.cluster import Impossible, Opening, Phase, State
from seedwise.execution.engines.node import TASKS
from seedwise.execution.engines.packing import places_on
from seedwise.execution.engines.task import Task
from seedwise_contract.files import read_record

_ASK_SECONDS = 5.0
_CALL_SECONDS = 60
_GRACE_SECONDS = 25.0
_SCRIPT_BYTES = 2 << 20  # of the 4 MiB that Slurm takes as delivered
# What sbatch says where no waiting would help.
_NEVER = re.compile(
    r"node configuration is not available|nvalid generic resource|Memory specification can not be satisfied|nvalid partition|"
    r"nvalid account|nvalid qos|CPU count specification invalid|Node count specification invalid|nvalid feature|"
    r"nvalid constraint|unrecognized option|nvalid time limit",
    re.IGNORECASE,
)
_DOWN = ("down", "drain", "drng", "drained", "fail", "maint", "unk", "boot", "pow", "inval", "reserved")
_OURS = ("--array", "-a", "--job-name", "-J", "--output", "-o", "--error", "-e", "--signal", "--requeue", "--no-requeue", "--wrap",
         "--parsable", "--wait", "-W")  # fmt: skip


class SlurmSettings(BaseModel):
    """`[engines.slurm]` of the project's settings; everything may be left out, and then is what the site has as default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    gres: str = Field(default="gpu:{gpus}", description="what a run with a GPU asks for; {gpus} is how many")
    time_minutes: int | None = Field(default=None, ge=1, description="time limit of a job")
    signal_seconds: int = Field(default=120, ge=10, description="before the time limit, that states are saved in")
    minutes_per_job: float = Field(default=30.0, gt=0, description="short runs share a job of about so long")
    runs_per_job: int | None = Field(default=None, ge=1, description="so many, however long they are")
    queued: int = Field(default=2000, ge=1, description="jobs of a session in the queue at once")
    memory: bool = Field(default=True, description="whether the memory of a run is asked for")
    python: str | None = Field(default=None, description="the interpreter on the hosts, where it is not this one")
    prologue: list[str] = Field(
        default=[], description="lines of shell before a job's work, such as 'module load python'"
    )
    options: list[str] = Field(default=[], description="any further options of sbatch, a word each")


def open_slurm(opening: Opening) -> Slurm:
    if opening.address:
        raise InputError(f"--engine slurm://{opening.address}: Slurm has no address here; its own programs know theirs")
    settings = opening.checked(SlurmSettings)
    for word in settings.options:
        if not word.startswith("-") or word.partition("=")[0] in _OURS:
            raise InputError(
                f"engines.slurm.options: found {word!r}; an option of sbatch is needed, in one word (--constraint=a100), and none "
                f"of {', '.join(_OURS)}, which are set here"
            )
    for program in ("sbatch", "squeue", "scancel", "sinfo", "scontrol"):
        if shutil.which(program) is None:
            raise EngineError(f"--engine slurm: no {program} here; run this on a login node of the cluster")
    return Slurm(settings, opening.project.runs)


class Slurm:
    """A handle is `<job>_<index>` of an array."""

    name = "slurm"
    shares_gpus = False
    keeps_jobs = True

    def __init__(self, settings: SlurmSettings, store: Path) -> None:
        self._settings = settings
        self._folder = store / ".slurm"
        self._job_name = "seedwise-" + hashlib.sha256(str(store.resolve()).encode()).hexdigest()[:10]
        self._given: dict[str, float] = {}  # handle → when it was given out
        self._seen: dict[str, tuple[str, str]] = {}  # handle → state and reason, as the queue was last told
        self._ended: set[str] = set()
        self._ran: set[str] = set()  # what is waiting of these has been put back, whatever reason the queue tells
        self._hosts: dict[str, str] = {}  # of ended jobs whose runs are asked for still, where they were
        self._probes: list[str] = []
        self._asked = 0.0
        self._longest: int | None = None

    def capacity(self) -> Sequence[Node]:
        words = ["sinfo", "--noheader", "--Node", "--Format=NodeList:100,CPUs:20,Memory:20,Gres:200,StateCompact:30"]
        words += [f"--partition={self._settings.partition}"] if self._settings.partition else []
        found: dict[str, Node] = {}
        states = []
        for line in _call(words).splitlines():
            host, cores, memory, gres, state = (part.strip() for part in _columns(line, (100, 20, 20, 200, 30)))
            states.append(state)
            if not state.startswith(_DOWN) and not state.endswith("*"):
                found[host] = Node(host, int(cores), int(memory.rstrip("+")) << 20, _gpus(gres))
        if not found:
            where = f"partition {self._settings.partition}" if self._settings.partition else "the cluster"
            raise EngineError(
                f"--engine slurm: {where} has no host that takes jobs ({', '.join(sorted(set(states))) or 'none at all'}); "
                "'sinfo' shows them"
            )
        return list(found.values())

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        handles: list[str] = []
        room = self._settings.queued - len(self._given)
        for jobs in self._arrays(tasks):
            if room < len(jobs):
                break
            room -= len(jobs)
            try:
                array = self._sbatch(jobs, avoid)
            except EngineError:
                if handles:  # these are given out; the others are offered again
                    break
                raise
            for index, job in enumerate(jobs):
                handles += [f"{array}_{index}"] * len(job)
                self._given[f"{array}_{index}"] = time.monotonic()
        return handles

    def found(self, run_ids: Collection[str]) -> Mapping[str, str]:
        wanted = set(run_ids)
        going: dict[str, str] = {}
        self._look()
        for path in self._folder.glob("*.json"):
            try:
                jobs: list[list[str]] = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            handles = [f"{path.stem}_{index}" for index in range(len(jobs))]
            if not any(handle in self._seen for handle in handles):
                with suppress(OSError):
                    path.unlink()
                continue
            for handle, job in zip(handles, jobs, strict=True):
                if handle in self._seen:
                    self._given[handle] = 0.0
                    going |= {run: handle for run in job if run in wanted}
        return going

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        if time.monotonic() - self._asked >= _ASK_SECONDS:
            with suppress(EngineError):  # no answer is no answer, and not an end
                self._look()
        self._trace([handle for handle in handles if handle in self._ended and handle not in self._hosts])
        return {handle: self._state(handle) for handle in handles}

    def gone(self) -> Collection[str]:
        return ()  # it starts their jobs anew itself

    def cancel(self, handles: Collection[str]) -> None:
        """Running ones by a signal to the program itself: a plain `scancel` gives the steps a signal, and it alone none."""
        for part in _chunks(list(handles), 200):
            for words in (["scancel", "--state=PENDING", *part], ["scancel", "--batch", "--signal=TERM", *part]):
                with suppress(EngineError):
                    _call(words)
        self._asked = 0.0

    def probe(self, nodes: Collection[Node], question: str) -> None:
        python = shlex.quote(self._settings.python or sys.executable)
        start = f"exec {python} -m seedwise.execution.engines.probe <<'QUESTION'"
        text = "\n".join(["#!/bin/sh", *self._settings.prologue, start, question, "QUESTION", ""])
        self._folder.mkdir(parents=True, exist_ok=True)
        for node in nodes:
            host = node.host
            words = ["sbatch", "--parsable", "--job-name=seedwise-doctor", f"--nodelist={host}", "--ntasks=1"]
            words += [
                "--time=5",
                f"--output={self._folder}/doctor-{host}.log",
                *self._wanted(),
                *self._settings.options,
            ]
            words += [f"--gres={self._settings.gres.replace('{gpus}', str(node.gpus))}"] if node.gpus else []
            self._probes.append(_call(words, text).strip().partition(";")[0])

    def close(self) -> None:
        """What is still there after its grace is ended by Slurm."""
        if self._probes:
            with suppress(EngineError):
                _call(["scancel", *self._probes])
        if not self._given:
            return
        end = time.monotonic() + _GRACE_SECONDS
        left = list(self._given)
        while left and time.monotonic() < end:
            with suppress(EngineError):
                self._look()
                left = [handle for handle in left if handle in self._seen and self._seen[handle][0] != "CG"]
            if left:
                time.sleep(1)
        for part in _chunks(left, 200):
            with suppress(EngineError):
                _call(["scancel", *part])

    def _arrays(self, tasks: Sequence[Task]) -> Iterator[list[list[Task]]]:
        """Arrays of jobs of tasks, in order; those of a job have the same backend."""
        jobs: list[list[Task]] = []
        size = 0
        for job in self._jobs(tasks):
            bytes_ = sum(len(task.model_dump_json()) for task in job)
            if jobs and (size + bytes_ > _SCRIPT_BYTES or len(jobs) >= self._longest_array()):
                yield jobs
                jobs, size = [], 0
            jobs.append(job)
            size += bytes_
        yield jobs

    def _jobs(self, tasks: Sequence[Task]) -> Iterator[list[Task]]:
        """Runs that share a job: as `runs_per_job` says; else for `minutes_per_job`, while there are as many jobs as places."""
        places = sum(places_on(node, tasks[0].cores, tasks[0].gpus) for node in self.capacity())
        most, longest = self._settings.runs_per_job, self._settings.minutes_per_job
        share = most or -(-len(tasks) // max(1, places))
        for _, alike in groupby(tasks, lambda task: (task.spec.backend, task.provenance.digest)):
            job: list[Task] = []
            minutes = 0.0
            for task in alike:
                known = (task.seconds or 0.0) / 60 or longest
                if job and (len(job) >= share or (most is None and minutes + known > longest)):
                    yield job
                    job, minutes = [], 0.0
                job.append(task)
                minutes += known
            yield job

    def _longest_array(self) -> int:
        if self._longest is None:
            told = re.search(r"^MaxArraySize\s*=\s*(\d+)", _call(["scontrol", "show", "config"]), re.MULTILINE)
            self._longest = max(1, min(int(told[1]) - 1 if told else 1000, self._settings.queued))
        return self._longest

    def _sbatch(self, jobs: Sequence[Sequence[Task]], avoid: Collection[str]) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        words = self.words(jobs[0][0], len(jobs), avoid)
        said = _call(words, script(jobs, self._settings)).strip()
        array = said.splitlines()[-1].partition(";")[0]
        if not array.isdigit():
            raise EngineError(f"sbatch gave no job but: {said[-300:]}")
        # For a session after this one, should this one be killed; no host reads it.
        made = self._folder / f"{array}.json.new"
        made.write_text(json.dumps([[task.run_id for task in job] for job in jobs]), encoding="utf-8")
        made.replace(self._folder / f"{array}.json")
        return array

    def words(self, task: Task, jobs: int, avoid: Collection[str] = ()) -> list[str]:
        """The call of sbatch for an array of `jobs` with the needs of `task`."""
        settings = self._settings
        words = [
            "sbatch",
            "--parsable",
            "--requeue",
            "--open-mode=append",
            f"--job-name={self._job_name}",
            f"--array=0-{jobs - 1}",
            f"--output={self._folder}/%A_%a.log",
            "--nodes=1",
            "--ntasks=1",
            f"--cpus-per-task={task.cores}",
            f"--signal=B:USR1@{settings.signal_seconds}",
        ]
        words += self._wanted()
        if settings.memory:
            words.append(f"--mem={int(task.memory_gib * 1024)}M")
        if settings.time_minutes:
            words.append(f"--time={settings.time_minutes}")
        if task.gpus:
            words.append(f"--gres={settings.gres.replace('{gpus}', str(task.gpus))}")
        if avoid:
            words.append(f"--exclude={','.join(avoid)}")
        return [*words, *settings.options]

    def _wanted(self) -> list[str]:
        given = {name: getattr(self._settings, name) for name in ("partition", "account", "qos")}
        return [f"--{name}={value}" for name, value in given.items() if value]

    def _look(self) -> None:
        """What the queue says of every job of this store, in one call; what it has to be told of them."""
        self._asked = asked = time.monotonic()
        told = _call(
            [
                "squeue",
                "--noheader",
                "--array",
                f"--user={os.getuid()}",
                f"--name={self._job_name}",
                "--format=%i|%t|%r",
            ]
        )
        seen = {}
        for line in told.splitlines():
            handle, state, reason = (part.strip() for part in [*line.split("|"), "", ""][:3])
            seen[handle] = (state, reason)
        self._seen = seen
        gone = {handle for handle, given in self._given.items() if given < asked and handle not in seen}
        self._ended |= gone
        for handle in gone:
            del self._given[handle]
        for handle, (state, reason) in seen.items():
            if state != "PD":
                self._ran.add(handle)
            # Put back as its host was lost or its time was over: not in two minutes, as delivered, but now.
            elif (handle in self._given or handle in self._ended) and (handle in self._ran or reason == "BeginTime"):
                with suppress(EngineError):
                    _call(["scontrol", "update", f"JobId={handle}", "StartTime=now"])
                    self._ran.discard(handle)

    def _trace(self, handles: Sequence[str]) -> None:
        """Where jobs that have ended were: Slurm knows for some minutes."""
        for part in _chunks(list(handles), 200):
            self._hosts |= dict.fromkeys(part, "")
            with suppress(EngineError):
                told = _call(["squeue", "--noheader", "--states=all", f"--jobs={','.join(part)}", "--format=%i|%N"])
                for line in told.splitlines():
                    handle, _, host = line.strip().partition("|")
                    if handle in self._hosts:
                        self._hosts[handle] = host

    def _state(self, handle: str) -> State:
        if handle in self._seen:
            state, reason = self._seen[handle]
            if state == "PD" and reason in ("JobHeldAdmin", "launch_failed_requeued_held"):
                return State(Phase.LOST, f"Slurm holds the job ({reason})")
            return State(Phase.WAITING if state == "PD" else Phase.RUNNING, reason)
        if handle in self._ended:
            log = self._folder / f"{handle}.log"
            return State(
                Phase.ENDED, f"the job's own log, {log}, ends with: {_end_of(log)}", self._hosts.get(handle, "")
            )
        return State(Phase.UNKNOWN)


def script(jobs: Sequence[Sequence[Task]], settings: SlurmSettings) -> str:
    """A job script that brings its tasks along: a line of JSON for each job of the array."""
    python = shlex.quote(settings.python or sys.executable)
    lines = [TASKS.dump_json(list(job)).decode() for job in jobs]
    job = '"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"'
    start = f'exec {python} -m seedwise.execution.engines.node "$SLURM_ARRAY_TASK_ID" {job} scontrol requeue {job}'
    return "\n".join(["#!/bin/sh", *settings.prologue, f"{start} <<'TASKS'", *lines, "TASKS", ""])


def _end_of(log: Path) -> str:
    try:
        lines = read_record(log).decode(errors="replace").split("\n")
    except (OSError, ValueError):
        return "nothing"
    return next((line.strip()[-300:] for line in reversed(lines) if line.strip()), "nothing")


def _gpus(gres: str) -> int:
    """GPUs of a host, from its generic resources: 'gpu:2', 'gpu:a100:4(S:0-1),nvme:1'."""
    return sum(int(found) for found in re.findall(r"(?:^|,)gpu(?::[^:,(]+)*?:(\d+)(?=\(|,|$)", gres))


def _columns(line: str, widths: Sequence[int]) -> Iterator[str]:
    at = 0
    for width in widths:
        yield line[at : at + width]
        at += width


def _chunks(words: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(words), size):
        yield words[start : start + size]


def _call(words: Sequence[str], given: str | None = None) -> str:
    """What a program of Slurm prints; `EngineError` with what it says where it fails or does not answer."""
    try:
        answer = subprocess.run(words, input=given, capture_output=True, text=True, timeout=_CALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise EngineError(f"{words[0]} did not answer within {_CALL_SECONDS} s") from None
    except OSError as error:
        raise EngineError(f"{words[0]}: {error}") from None
    if answer.returncode != 0:
        said = (answer.stderr or answer.stdout).strip()[-600:] or "failed"
        kind = Impossible if words[0] == "sbatch" and _NEVER.search(said) else EngineError
        raise kind(f"{words[0]}: {said}")
    return answer.stdout
