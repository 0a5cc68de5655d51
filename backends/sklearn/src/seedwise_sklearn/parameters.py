"""`method.parameters` of the two methods: exactly these, none with a default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from seedwise_contract import Fault, faults_of
from seedwise_contract.base import ContractModel

LOGISTIC, RIDGE = "tfidf-logistic-regression", "tfidf-ridge-regression"
KIND_OF = {LOGISTIC: "classification", RIDGE: "regression"}
"""Method → the kind of task that it is for."""


class Features(ContractModel):
    ngram_max: Annotated[int, Field(ge=1, le=5, description="word n-grams from 1 up to this")]
    sublinear_tf: Annotated[bool, Field(description="1 + log(count) in place of the count")]
    min_df: Annotated[int, Field(ge=1, description="training texts that a term must occur in")]
    max_iter: Annotated[int, Field(ge=1, description="iterations of the solver at most")]


class Logistic(Features):
    c: Annotated[float, Field(gt=0, description="inverse strength of the L2 penalty")]


class Ridge(Features):
    alpha: Annotated[float, Field(gt=0, description="strength of the L2 penalty")]


def parameter_faults(method: str, parameters: Mapping[str, Any]) -> list[Fault]:
    try:
        (Logistic if method == LOGISTIC else Ridge).model_validate(dict(parameters))
    except ValidationError as error:
        return [f.model_copy(update={"field": f"method.parameters.{f.field}"}) for f in faults_of(error)]
    return []
