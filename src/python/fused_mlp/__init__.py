"""scikit-learn's MLPClassifier on the fused-mlp engine: MNIST to 98 % in half a second on two cores."""

from ._classifier import MLPClassifier
from ._engine import __version__
from ._mnist import load_mnist

__all__ = ["MLPClassifier", "__version__", "load_mnist"]
