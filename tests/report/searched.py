"""A report with what a search, ratios and sources of noise add to it, its values made here."""

from __future__ import annotations

from typing import Any

from seedwise.report import build
from seedwise.report.arm_rows import NoiseRow, TunedArm
from seedwise.report.comparisons import RatioRow
from seedwise.report.curve_rows import Curves
from seedwise.report.model import ReportModel, StudyReport

from .outcomes import Lab


def tuned(arm: str, *, chosen: int = 1, **other: Any) -> TunedArm:
    """Three points of two seeds, the last of which diverged on one of them."""
    values: dict[str, Any] = {
        "arm": arm,
        "metric": "accuracy",
        "points": (("lr 1e-3", 0.5), ("lr 3e-3", 0.7), ("lr 0.01", None)),
        "chosen": chosen,
        "seeds": 2,
        "curve": ((1, 0.6, (0.5, 0.7)), (2, 0.65, (0.5, 0.7))),
        "settings": ({"lr": 1e-3}, {"lr": 3e-3}, {"lr": 0.01}),
        "scores": ((0.48, 0.52), (0.69, 0.71), (None, 0.9)),
        "tried_on": (10, 11),
    }
    return TunedArm(**(values | other))


RATIO = RatioRow(
    name="ten", statement="ten | times", status="undecided", label="9 times", sentence="Over 3 seeds it is 9.", short="It is 9.",
    setting="lr", estimate=9.0, low=1.0, best=(("pretrained", (1e-3, 2.04e-5)), ("random", (0.1, 0.2))),
)  # fmt: skip
NOISE = (
    NoiseRow(
        arm="pretrained", source="rows", n=5, sd=0.01, interval=(0.005, 0.02), share=0.4, share_interval=(0.1, 1.5)
    ),
    NoiseRow(
        arm="pretrained", source="together", n=5, sd=0.0123, interval=(0.006, 0.03), share=None, share_interval=None
    ),
    NoiseRow(
        arm="pretrained", source="interactions", n=None, sd=None, interval=None, share=0.0, share_interval=(0.0, 0.9)
    ),
)


def lean(lab: Lab) -> ReportModel:
    """The report without curves and costs, whose figures take longest to draw."""
    (study,) = build([lab.run()], lab.store).studies
    none = Curves(selection=(), reported=(), by_epoch=(), loss=(), updates_per_point={})
    arms = tuple(arm.model_copy(update={"cost": None}) for arm in study.arms)
    return ReportModel(format=1, inputs="0" * 64, versions={}, studies=(told(study, curves=none, arms=arms),))


def told(study: StudyReport, **fields: Any) -> StudyReport:
    return study.model_copy(update=fields)


def whole(model: ReportModel, **fields: Any) -> ReportModel:
    """The report of one study with these of its fields."""
    (study,) = model.studies
    return model.model_copy(update={"studies": (told(study, **fields),)})
