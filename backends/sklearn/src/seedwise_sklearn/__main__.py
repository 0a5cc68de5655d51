import sys

from seedwise_contract.backend import main
from seedwise_sklearn.backend import SklearnBackend

sys.exit(main(SklearnBackend()))
