import sys

from seedwise_contract.command import main
from seedwise_sklearn.backend import SklearnBackend

sys.exit(main(SklearnBackend()))
