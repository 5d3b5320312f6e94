"""The estimator."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _bytes, _engine

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

# Parameters that are options of a training, unless they are None.
_OPTIONS = (
    "learning_rate_init batch_size max_iter momentum nesterovs_momentum schedule warm_up weight_decay init_scale "
    "focus focus_rest skip coarse augment rotation scale shear shift elastic precision shuffle"
).split()
_MOST_CLASSES, _MOST_THREADS = 256, 1024


class MLPClassifier(ClassifierMixin, BaseEstimator):
    """A perceptron with one hidden layer of sigmoid units, trained by SGD on cross-entropy.

    What is None is decided by the recipe; its defaults train MNIST to 98 % in four epochs.

    Parameters
    ----------
    hidden_layer_sizes : (int,) or int, default=(300,)
        Units of the one hidden layer.
    recipe : {"fast", "sprint", "sprint-99", "augmented", "best", "assignment"}, default="fast"
        A named set of options.
    learning_rate_init : float, default=None
        Base of the learning-rate schedule. `partial_fit` keeps to it; without it, to a quarter of the recipe's.
    batch_size : int, default=None
        Samples of a minibatch.
    max_iter : int, default=None
        Passes over the samples. None: those of the recipe, or as many as 2000 steps take (`sprint`: 1200), if these are more.
    momentum : float, default=None
        Share of the velocity kept from step to step, 0 to below 1.
    nesterovs_momentum : bool, default=None
        Nesterov's form of momentum.
    schedule : {"constant", "step", "linear", "cosine"}, default=None
        Learning rate over the steps of `fit`.
    warm_up : float, default=None
        Epochs, or part of one, during which the learning rate rises.
    weight_decay : float, default=None
        Share of each weight added to its gradient: scikit-learn's alpha / batch_size.
    init_scale : float, default=None
        Factor of the random initial weights.
    focus, focus_rest : float, default=None
        Probability of the true class from which on a sample is seldom visited again, and the share of such
        samples that a pass visits all the same.
    skip : float, default=None
        Probability of the true class from which on a sample gives no gradient.
    coarse : float, default=None
        Share of the steps, from the first one on, that see every other row and column of square images. None: that
        of the recipe where images are augmented, else 0.
    augment : bool, default=None
        Whether to turn, scale, slant, shift and bend each image a little on each visit; images are square.
    rotation, scale, shear, shift, elastic : float, default=None
        How much at most: degrees, share, pixels to the side for one up, pixels, strength in pixels.
    precision : {"f32", "int16"}, default=None
        Numbers of the first layer.
    shuffle : bool, default=True
        Whether each epoch has an order of its own.
    early_stopping : bool, default=False
        Whether to set samples aside, end when their loss no longer falls and keep the network of the best epoch.
    validation_fraction : float, default=0.1
        Share of the samples that is set aside.
    n_iter_no_change : int, default=10
        Epochs without a lower validation loss after which the training ends.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights and of the order. An int is the `--seed` of the program.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one.
    verbose : bool, default=False
        Whether to print the loss of each epoch.
    threads : int, default=None
        Threads that compute; no result depends on them. None: one a core, as far as the hidden layer can be cut.

    Attributes
    ----------
    classes_ : array
        Labels in sorted order.
    coefs_, intercepts_ : list of 2 arrays
        Weights [inputs, units] and biases of both layers, in 32 bits, for inputs of 0 to 1.
    loss_curve_, loss_ : list, float
        Mean loss of each epoch, and of the last.
    validation_scores_, best_validation_score_ : list, float
        With `early_stopping`: accuracy of each epoch on what was set aside, and that of the epoch that is kept.
    n_iter_, n_features_in_, feature_names_in_
        As of scikit-learn.
    input_range_ : array [2, features] or None
        Smallest and largest value of each feature, which become 0 and 255; None where the features are bytes.
    """

    loss_curve_: list[float]

    def __init__(
        self,
        hidden_layer_sizes: tuple[int] | int = (300,),
        *,
        recipe: str = "fast",
        learning_rate_init: float | None = None,
        batch_size: int | None = None,
        max_iter: int | None = None,
        momentum: float | None = None,
        nesterovs_momentum: bool | None = None,
        schedule: str | None = None,
        warm_up: float | None = None,
        weight_decay: float | None = None,
        init_scale: float | None = None,
        focus: float | None = None,
        focus_rest: float | None = None,
        skip: float | None = None,
        coarse: float | None = None,
        augment: bool | None = None,
        rotation: float | None = None,
        scale: float | None = None,
        shear: float | None = None,
        shift: float | None = None,
        elastic: float | None = None,
        precision: str | None = None,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: bool = False,
        threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.recipe = recipe
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.schedule = schedule
        self.warm_up = warm_up
        self.weight_decay = weight_decay
        self.init_scale = init_scale
        self.focus = focus
        self.focus_rest = focus_rest
        self.skip = skip
        self.coarse = coarse
        self.augment = augment
        self.rotation = rotation
        self.scale = scale
        self.shear = shear
        self.shift = shift
        self.elastic = elastic
        self.precision = precision
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.threads = threads

    def fit(self, X: Any, y: Any) -> Self:
        """Trains on samples `X` [samples, features] with their labels `y`; see the README for what becomes of X.

        Ctrl-C ends it within a second, and leaves the network as it was.
        """
        goes_on = self.warm_start and hasattr(self, "coefs_")
        X, y = validate_data(self, X, y, dtype="numeric", order="C", reset=not goes_on)
        check_classification_targets(y)
        classes = np.unique(y)
        if goes_on and not np.array_equal(classes, self.classes_):
            raise ValueError(f"warm_start: expected the classes {self.classes_}, found {classes}")
        options: dict[str, Any] = {"random_state": self._seed()}
        if self.early_stopping:
            options["validation_fraction"] = self._validation_samples(len(y))
        job = {
            "start": self._network() if goes_on else None,
            "velocities": None,
            "patience": self._integer("n_iter_no_change", 1, 2**32 - 1) if self.early_stopping else None,
            "is_part": False,
        }
        return self._train(X, np.searchsorted(classes, y), classes, options, job)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """One pass over the samples at a constant learning rate; the first call needs all `classes`.

        What becomes of the values of `X` is decided by the first call, as is the meaning of `random_state`.
        """
        goes_on = hasattr(self, "coefs_")
        if not goes_on and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        X, y = validate_data(self, X, y, dtype="numeric", order="C", reset=not goes_on)
        check_classification_targets(y)
        known = self.classes_ if goes_on else unique_labels(classes)
        if classes is not None and not np.array_equal(known, unique_labels(classes)):
            raise ValueError(f"classes {classes!r} are not those of the first call, {known!r}")
        codes = np.searchsorted(known, y).clip(0, len(known) - 1)
        unknown = unique_labels(y[known[codes] != y]) if (known[codes] != y).any() else []
        if len(unknown):
            raise ValueError(f"y has labels {unknown} that are not among the classes {known}")
        # Each call has an order of its own.
        options = {"random_state": self._first_seed + self.n_iter_ if goes_on else self._seed()}
        job = {
            "start": self._network() if goes_on else None,
            "velocities": self._velocities if goes_on else None,
            "patience": None,
            "is_part": True,
        }
        return self._train(X, codes, known, options, job)

    def _train(
        self,
        X: np.ndarray,
        codes: np.ndarray,
        classes: np.ndarray,
        options: dict[str, Any],
        job: dict[str, Any],
    ) -> Self:
        if not 2 <= len(classes) <= _MOST_CLASSES:
            found = f"{len(classes)} class" + ("es" if len(classes) > 1 else "")
            raise ValueError(f"expected labels of 2 to {_MOST_CLASSES} classes, found {found}")
        goes_on = job["start"] is not None
        images, input_range = self._images(X) if goes_on else _bytes.learn(X)
        losses: list[float] = []
        scores: list[float | None] = []

        def on_epoch(loss: float, score: float | None) -> None:
            losses.append(loss)
            scores.append(score)
            if self.verbose:
                validation = "" if score is None else f", validation score = {score:.4f}"
                print(f"Iteration {len(losses)}, loss = {loss:.4f}{validation}", flush=True)

        given = {name: getattr(self, name) for name in _OPTIONS}
        job |= {
            "recipe": str(self.recipe),
            "options": options | {name: value for name, value in given.items() if value is not None},
            "hidden": self._hidden(),
            "classes": len(classes),
            "threads": self._threads(),
        }
        network, velocities, best = _engine.train(images, codes.astype(np.uint8), job, on_epoch)
        before = list(self.loss_curve_) if job["is_part"] and goes_on else []
        if not before:
            self._first_seed = options["random_state"]
        self._set_network(network, classes)
        self._velocities = velocities if job["is_part"] else None
        self.input_range_ = input_range
        self.loss_curve_ = before + losses
        self.loss_ = losses[-1]
        self.n_iter_ = len(self.loss_curve_)
        self.validation_scores_ = scores if self.early_stopping and not job["is_part"] else None
        self.best_validation_score_ = scores[best - 1] if best else None
        return self

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of the probability of each class, [samples, classes]."""
        check_is_fitted(self, "coefs_")
        X = validate_data(self, X, dtype="numeric", order="C", reset=False)
        images, _ = self._images(X)
        logits = _engine.logits(images, self._network(), self._threads()).astype(np.float64)
        if not np.isfinite(logits).all():
            raise ValueError("the network's outputs are not finite numbers: its weights are too large")
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, [samples, classes], in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sample."""
        best = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[best]

    def save(self, path: str | os.PathLike[str], image_size: tuple[int, int] | None = None) -> None:
        """Writes a model file for the program; `image_size` is rows and columns, without it a square or one row.

        It holds no labels. A network that learned ranges of its features reads no images, and is refused: pickle it.
        """
        check_is_fitted(self, "coefs_")
        if self.input_range_ is not None:
            raise ValueError("expected a network of bytes, or of k / 255; found one with ranges of its features")
        side = math.isqrt(self.n_features_in_)
        square = (side, side) if side * side == self.n_features_in_ else (1, self.n_features_in_)
        _engine.save(path, self._network(), *(image_size or square))

    @classmethod
    def load(cls, path: str | os.PathLike[str], classes: Any = None) -> Self:
        """The network of a model file; its classes are 0, 1, ... or those given, in sorted order."""
        return cls._of_network(_engine.load(path), classes)

    def to_torch(self) -> dict[str, torch.Tensor]:
        """The state dict of ``nn.Sequential(nn.Linear, nn.Sigmoid, nn.Linear)``; inputs are bytes / 255."""
        import torch

        check_is_fitted(self, "coefs_")
        w, b, v, c = self._network()
        arrays = {"0.weight": w.T, "0.bias": b, "2.weight": v.T, "2.bias": c}
        return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    @classmethod
    def from_torch(cls, state: Mapping[str, Any], classes: Any = None) -> Self:
        """The network of such a state dict, whatever the names of its layers; `classes` as of `load`."""
        if not isinstance(state, Mapping):
            raise TypeError(f"expected a state dict, as module.state_dict() gives it, found {type(state).__name__}")
        arrays = [_array(tensor) for tensor in state.values()]
        if [array.ndim for array in arrays] != [2, 1, 2, 1]:
            shapes = {name: tuple(np.shape(tensor)) for name, tensor in state.items()}
            raise ValueError(f"expected weight, bias, weight and bias of two linear layers, found {shapes}")
        w, b, v, c = arrays
        return cls._of_network((w.T, b, v.T, c), classes)

    @classmethod
    def _of_network(cls, network: _engine.Tensors, classes: Any) -> Self:
        count = len(network[3])
        known = np.arange(count) if classes is None else unique_labels(classes)
        if len(known) != count:
            raise ValueError(f"expected {count} classes, found {len(known)}")
        self = cls(hidden_layer_sizes=(len(network[1]),))
        self._set_network(network, known)
        # The engine checks that the arrays fit each other.
        self.n_features_in_ = len(network[0])
        self.predict_log_proba(np.zeros((1, self.n_features_in_), np.uint8))
        return self

    def _set_network(self, network: _engine.Tensors, classes: np.ndarray) -> None:
        w, b, v, c = network
        self.coefs_, self.intercepts_, self.classes_ = [w, v], [b, c], classes
        self.n_layers_, self.n_outputs_, self.out_activation_ = 3, len(classes), "softmax"
        self.input_range_, self.loss_curve_, self.n_iter_ = None, [], 0
        self._velocities, self._first_seed = None, 0

    def _network(self) -> _engine.Tensors:
        (w, v), (b, c) = self.coefs_, self.intercepts_
        w, b, v, c = (np.ascontiguousarray(array, np.float32) for array in (w, b, v, c))
        return w, b, v, c

    def _images(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return _bytes.convert(X, self.input_range_), self.input_range_

    def _hidden(self) -> int:
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if sizes.shape != (1,) or sizes.dtype.kind not in "iu" or sizes[0] < 1:
            raise ValueError(
                f"hidden_layer_sizes is {self.hidden_layer_sizes!r}; expected the units of one layer, as (300,)"
            )
        return int(sizes[0])

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return self._integer("random_state", 0, 2**64 - 1)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _threads(self) -> int | None:
        return None if self.threads is None else self._integer("threads", 1, _MOST_THREADS)

    def _integer(self, name: str, least: int, most: int) -> int:
        value = getattr(self, name)
        if not isinstance(value, Integral) or not least <= int(value) <= most:
            raise ValueError(f"{name} is {value!r}; expected an integer from {least} to {most}")
        return int(value)

    def _validation_samples(self, samples: int) -> int:
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction is {self.validation_fraction}; expected a number between 0 and 1")
        count = math.ceil(samples * self.validation_fraction)
        if count == samples:
            raise ValueError(f"validation_fraction is {self.validation_fraction}; it leaves none of {samples} samples")
        return count


def _array(tensor: Any) -> np.ndarray:
    # A tensor may need gradients, lie on a GPU or have numbers that NumPy has not.
    return np.asarray(tensor.detach().cpu().float() if hasattr(tensor, "detach") else tensor, np.float32)
