"""The Seedwise run contract, version 1.

What a training backend is given (`RunSpec`), what it must leave behind (`RunResult` and its companions), and the
command line it answers.  Holds no framework: pydantic is the only dependency.
"""

from seedwise_contract.description import Description
from seedwise_contract.environment import Environment
from seedwise_contract.events import Event, read_events
from seedwise_contract.exits import (
    BackendError,
    DataError,
    ExitCode,
    Interrupted,
    OutOfMemory,
    SpecError,
)
from seedwise_contract.faults import Fault, faults_of
from seedwise_contract.files import RunFiles
from seedwise_contract.identity import canonical_json, run_id
from seedwise_contract.parameters import Parameter, ParameterTable, weights_digest
from seedwise_contract.predictions import (
    Answer,
    Estimate,
    Prediction,
    TokenLoss,
    read_answers,
    read_estimates,
    read_predictions,
    read_token_losses,
)
from seedwise_contract.results import FailureReason, RunResult, RunStatus
from seedwise_contract.spec import CONTRACT_VERSION, RunSpec, load_spec

__version__ = "0.1.0"

__all__ = [
    "CONTRACT_VERSION",
    "Answer",
    "BackendError",
    "DataError",
    "Description",
    "Environment",
    "Estimate",
    "Event",
    "ExitCode",
    "FailureReason",
    "Fault",
    "Interrupted",
    "OutOfMemory",
    "Parameter",
    "ParameterTable",
    "Prediction",
    "RunFiles",
    "RunResult",
    "RunSpec",
    "RunStatus",
    "SpecError",
    "TokenLoss",
    "canonical_json",
    "faults_of",
    "load_spec",
    "read_answers",
    "read_estimates",
    "read_events",
    "read_predictions",
    "read_token_losses",
    "run_id",
    "weights_digest",
]
