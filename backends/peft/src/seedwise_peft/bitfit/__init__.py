"""BitFit (Ben Zaken et al. 2022, doi:10.18653/v1/2022.acl-short.1) as a tuner of peft.

Importing this makes peft know it: `get_peft_model(model, BitFitConfig(...))`, `PeftModel.from_pretrained(base, folder)`.
"""

from peft.utils import register_peft_method

from seedwise_peft.bitfit.config import BitFitConfig
from seedwise_peft.bitfit.layer import BitFitLayer
from seedwise_peft.bitfit.model import BitFitModel

__all__ = ["BitFitConfig", "BitFitLayer", "BitFitModel"]

register_peft_method(name="bitfit", config_cls=BitFitConfig, model_cls=BitFitModel)
