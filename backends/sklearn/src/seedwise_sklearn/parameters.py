"""`method.parameters` of tfidf-logistic-regression: exactly these, none with a default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from seedwise_contract import Fault, faults_of
from seedwise_contract.base import ContractModel

METHOD = "tfidf-logistic-regression"


class Parameters(ContractModel):
    ngram_max: Annotated[int, Field(ge=1, le=5, description="word n-grams from 1 up to this")]
    sublinear_tf: Annotated[bool, Field(description="1 + log(count) in place of the count")]
    min_df: Annotated[int, Field(ge=1, description="training texts that a term must occur in")]
    c: Annotated[float, Field(gt=0, description="inverse strength of the L2 penalty")]
    max_iter: Annotated[int, Field(ge=1, description="iterations of the solver (lbfgs) at most")]


def parameter_faults(parameters: Mapping[str, Any]) -> list[Fault]:
    try:
        Parameters.model_validate(dict(parameters))
    except ValidationError as error:
        return [f.model_copy(update={"field": f"method.parameters.{f.field}"}) for f in faults_of(error)]
    return []
