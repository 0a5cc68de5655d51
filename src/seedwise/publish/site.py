"""From bundles to a site."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seedwise.bounded import shown
from seedwise.bundle import opened
from seedwise.bundle.layout import versions
from seedwise.errors import InputError
from seedwise.notify import Notify
from seedwise.publish.folder import MARKER, replacing
from seedwise.report import ReportModel, build, render
from seedwise.report.evidence import Evidence
from seedwise.report.render import FILES
from seedwise.report.site import PublishedStudy, render_site
from seedwise.report.suite import SuiteReport, suite_report
from seedwise.report.suite_page import SUITE_FILES, render_suite
from seedwise_contract.files import write_json, write_whole

BUNDLES = "bundles"
PAGE = "index.html"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Item:
    """What is published: a bundle (`name` without `.zip`, and its bytes), and the reports of its studies where they are made
    from a store, which has more than a bundle: learning curves, answers.  Without them the pages are made of the bundle alone.
    """

    name: str
    data: bytes
    reports: tuple[ReportModel, ...] = ()


def publish(items: Sequence[Item], out: Path, say: Notify, *, title: str = "", address: str = "") -> Path:
    """Write the site of `items` to the folder `out`, in place of a site that is there; its index.

    Every bundle is checked as `seedwise verify` does; where one does not hold nothing is written, and its error is raised.
    `address` is where the site will be, for link previews.
    """
    if not items:
        raise InputError("nothing to publish: no study has a finished run, and no bundle was named")
    with replacing(out) as folder:
        (folder / BUNDLES).mkdir()
        studies: list[PublishedStudy] = []
        suites: list[SuiteReport] = []
        for item in items:
            own, over = _item(item, folder, address)
            for study in own:
                say(f"{study.name}: {study.figures} figures recomputed from {study.evidence.file}")
            studies += own
            suites += over
        write_whole(folder / PAGE, render_site(studies, title, address, suites))
        write_json(
            folder / MARKER,
            {
                "versions": versions(),
                "studies": {study.name: study.evidence.model_dump(mode="json") for study in studies},
            },
        )
    return out / PAGE


def _item(item: Item, folder: Path, address: str) -> tuple[list[PublishedStudy], list[SuiteReport]]:
    bundle = folder / BUNDLES / f"{item.name}.zip"
    if _PLAIN.fullmatch(item.name) is None:
        raise InputError(
            f"{shown(item.name)}.zip: a bundle's name stands in addresses: letters, digits, '.', '_' and '-' only; rename it"
        )
    if bundle.exists():
        raise InputError(f"two bundles are named {bundle.name}; rename one")
    write_whole(bundle, item.data)
    found = []
    with opened(bundle) as (verified, store):
        if not verified.outcomes:
            raise InputError(
                f"{bundle.name}: holds no study but a comparison of scores; `seedwise compare SCORES --format html` makes its page"
            )
        reports = {report.studies[0].name: report for report in item.reports}
        for outcome in verified.outcomes:
            name = outcome.study.name
            report = reports.get(name) or build([outcome], store)
            evidence = Evidence(
                bundle=f"../{BUNDLES}/{bundle.name}",
                digest=verified.name,
                size=len(item.data),
                page=f"{address.rstrip('/')}/{name}/{PAGE}" if address else "",
            )
            own = _made(folder / name)
            for kind, file in FILES.items():
                write_whole(own / (PAGE if kind == "html" else file), render(report, kind, evidence))
            found.append(PublishedStudy(study=report.studies[0], evidence=evidence, figures=verified.figures))
        suites = [suite_report(over) for over in verified.suites]
        for suite in suites:
            own = _made(folder / suite.name)
            for kind, file in SUITE_FILES:
                write_whole(own / (PAGE if kind == "html" else file), render_suite(suite, kind, PAGE))
    return found, suites


def _made(folder: Path) -> Path:
    if folder.exists():
        raise InputError(
            f"{folder.name}: two of the studies have this name, or it is a folder of the site's own; rename one of them"
        )
    folder.mkdir()
    return folder
