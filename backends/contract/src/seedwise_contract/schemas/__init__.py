"""The JSON Schemas of the contract, as files for any language; a test holds that they match the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seedwise_contract.description import Description
from seedwise_contract.environment import Environment
from seedwise_contract.events import event_schema
from seedwise_contract.parameters import ParameterTable
from seedwise_contract.predictions import Answer, Estimate, Prediction, TokenLoss
from seedwise_contract.probe import ProbeRequest, ProbeResult
from seedwise_contract.results import RunResult
from seedwise_contract.spec import RunSpec

FOLDER = Path(__file__).parent


def current() -> dict[str, Any]:
    """File name → schema, as the models are now."""
    return {
        "spec.schema.json": RunSpec.model_json_schema(),
        "event.schema.json": event_schema(),
        "prediction.schema.json": Prediction.model_json_schema(),
        "estimate.schema.json": Estimate.model_json_schema(),
        "token-loss.schema.json": TokenLoss.model_json_schema(),
        "answer.schema.json": Answer.model_json_schema(),
        "parameters.schema.json": ParameterTable.model_json_schema(),
        "environment.schema.json": Environment.model_json_schema(),
        "result.schema.json": RunResult.model_json_schema(),
        "probe-request.schema.json": ProbeRequest.model_json_schema(),
        "probe.schema.json": ProbeResult.model_json_schema(),
        "description.schema.json": Description.model_json_schema(),
    }


def text(schema: Any) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
