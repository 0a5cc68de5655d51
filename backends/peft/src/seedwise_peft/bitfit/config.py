from __future__ import annotations

from dataclasses import dataclass, field

from peft.config import PeftConfig
from peft.utils import PeftType

NAME = "BITFIT"


def peft_type() -> PeftType:
    """peft's name for this method.  The names are an enumeration without a way to add one from outside: hence by hand."""
    if NAME not in PeftType.__members__:
        member = str.__new__(PeftType, NAME)
        member._name_ = member._value_ = NAME
        type.__setattr__(PeftType, NAME, member)  # from Python 3.12 on members are attributes of their class
        PeftType._member_map_[NAME] = member
        PeftType._value2member_map_[NAME] = member
        PeftType._member_names_.append(NAME)
    return PeftType(NAME)


@dataclass
class BitFitConfig(PeftConfig):
    """Which biases BitFit trains."""

    target_modules: list[str] | str | None = field(
        default=None,
        metadata={
            "help": "Names of the modules whose biases train (a list, or a regular expression over whole names). "
            "None: every module of the model that has a bias, but those in `modules_to_save`."
        },
    )
    exclude_modules: list[str] | str | None = field(
        default=None, metadata={"help": "Names of modules whose biases do not train, in the same way."}
    )
    modules_to_save: list[str] | None = field(
        default=None,
        metadata={"help": "Modules that train as a whole and are saved beside the biases: the task's head."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = peft_type()


peft_type()
