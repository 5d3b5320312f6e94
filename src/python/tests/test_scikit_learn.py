"""What scikit-learn demands of an estimator."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from fused_mlp import MLPClassifier

EXPECTED_FAILED_CHECKS: dict[str, str] = {}


def test_check_estimator_passes():
    results = check_estimator(MLPClassifier(), expected_failed_checks=EXPECTED_FAILED_CHECKS, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "xfail"}
    assert failed == set(EXPECTED_FAILED_CHECKS), "a check that passes is no longer expected to fail"
    assert sum(result["status"] == "passed" for result in results) > 45


def test_check_estimator_passes_in_integers():
    check_estimator(MLPClassifier(precision="int16"), on_skip=None)


@pytest.mark.parametrize("load, accuracy", [(load_iris, 0.94), (load_digits, 0.93)])
def test_small_data_sets_are_learned(load, accuracy):
    X, y = load(return_X_y=True)
    scores = cross_val_score(MLPClassifier(random_state=1), X, y, cv=5)
    assert scores.mean() >= accuracy, scores
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(random_state=1))
    assert cross_val_score(pipeline, X, y, cv=5).mean() >= accuracy


def test_a_grid_is_searched_by_two_processes(bars):
    X, y = bars
    grid = {"learning_rate_init": [1e-6, 0.5], "hidden_layer_sizes": [(4,), (16,)]}
    search = GridSearchCV(MLPClassifier(random_state=1), grid, n_jobs=2).fit(X, y)
    assert search.best_params_["learning_rate_init"] == 0.5
    assert search.best_score_ == 1.0


@pytest.mark.parametrize("labels", [["lying", "standing"], [False, True], [-3, 12], [0.0, 1.0]])
def test_labels_are_of_any_type(bars, labels):
    X, y = bars
    y = np.array(labels)[y]
    model = MLPClassifier(random_state=1, hidden_layer_sizes=20).fit(X, y)
    assert model.classes_.tolist() == labels
    assert model.predict(X).dtype == y.dtype and model.score(X, y) == 1.0
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(400), abs=1e-12)
    assert np.exp(model.predict_log_proba(X)) == pytest.approx(model.predict_proba(X))
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(X[:1], np.array(["neither"]))


def test_copies_predict_the_same(bars, tmp_path):
    X, y = bars
    model = MLPClassifier(random_state=3).fit(X / 77, y)
    expected = model.predict_proba(X / 77)
    joblib.dump(model, tmp_path / "model.joblib")
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")):
        assert (copy.predict_proba(X / 77) == expected).all()
        assert "_velocities" not in vars(copy) or copy._velocities is None
    again = clone(model).fit(X / 77, y)
    assert (again.predict_proba(X / 77) == expected).all()


def test_what_was_learned_is_told(bars):
    X, y = bars
    model = MLPClassifier((5,), random_state=1, max_iter=7, batch_size=30).fit(X, y)
    assert [array.shape for array in model.coefs_ + model.intercepts_] == [(16, 5), (5, 2), (5,), (2,)]
    # 2000 steps at least, of four minibatches an epoch, and 1200 with a short recipe.
    assert [MLPClassifier(recipe=recipe).fit(X, y).n_iter_ for recipe in ("fast", "sprint")] == [500, 300]
    assert len(model.loss_curve_) == model.n_iter_ == 7 and model.loss_ == model.loss_curve_[-1]
    assert model.validation_scores_ is None
    hidden = 1 / (1 + np.exp(-(X / 255 @ model.coefs_[0] + model.intercepts_[0])))
    logits = hidden @ model.coefs_[1] + model.intercepts_[1]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert model.predict_proba(X) == pytest.approx(expected, abs=1e-5)


def test_the_best_epoch_is_kept_where_training_stops_early(bars):
    X, y = bars
    noisy = np.where(np.arange(400) % 5 == 0, 1 - y, y)
    options = dict(random_state=1, max_iter=300, early_stopping=True, n_iter_no_change=4)
    model = MLPClassifier(**options, validation_fraction=0.25).fit(X, noisy)
    assert 5 <= model.n_iter_ < 300 and len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ in model.validation_scores_[:-4]
    with pytest.raises(ValueError, match="validation_fraction is 1"):
        MLPClassifier(early_stopping=True, validation_fraction=1).fit(X, y)


def test_training_goes_on(bars):
    X, y = bars
    parts = MLPClassifier(random_state=1)
    for _ in range(200):
        parts.partial_fit(X, y, classes=[0, 1])
    assert parts.n_iter_ == len(parts.loss_curve_) == 200
    assert parts.score(X, y) == 1.0 and parts.loss_curve_[-1] < 0.1 < parts.loss_curve_[0]
    same = MLPClassifier(random_state=1).partial_fit(X, y, classes=[0, 1])
    assert parts.loss_curve_[0] == same.loss_curve_[0]
    copy = pickle.loads(pickle.dumps(same))
    for model in (same, copy):
        model.partial_fit(X, y)
    assert (same.coefs_[0] == copy.coefs_[0]).all()

    warm = MLPClassifier(random_state=1, warm_start=True, max_iter=20, learning_rate_init=0.3).fit(X, y)
    first = warm.loss_curve_
    assert warm.fit(X, y).loss_curve_[0] < first[0] and warm.n_iter_ == 20
    warm.set_params(hidden_layer_sizes=(7,))
    with pytest.raises(ValueError, match="go on with a network of shape 16-7-2, found 16-300-2"):
        warm.fit(X, y)
    with pytest.raises(ValueError, match="expected the classes"):
        warm.fit(X, y + 1)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"max_iter": 0}, "max_iter is 0; expected at least 1"),
        ({"batch_size": 1.5}, "batch_size is 1.5; expected an integer, at least 1"),
        ({"learning_rate_init": float("nan")}, "learning_rate_init is NaN"),
        ({"momentum": 1}, "momentum is 1; expected a number from 0 to below 1"),
        ({"momentum": 0, "nesterovs_momentum": True}, "nesterovs_momentum is true without momentum"),
        ({"schedule": "invscaling"}, "schedule is invscaling; expected a schedule"),
        ({"precision": "f64"}, "precision is f64; expected"),
        ({"recipe": "slow"}, "no recipe is called"),
        ({"recipe": None}, "no recipe is called"),
        ({"early_stopping": True, "validation_fraction": 0.999}, "it leaves none of 400 samples"),
        ({"hidden_layer_sizes": (30, 30)}, "expected the units of one layer"),
        ({"hidden_layer_sizes": 0}, "expected the units of one layer"),
        ({"hidden_layer_sizes": 10**12}, "cannot be trained: expected"),
        ({"random_state": -1}, "random_state is -1"),
        ({"random_state": 2**64}, "random_state is 18446744073709551616; expected an integer from 0 to"),
        ({"threads": 0}, "threads is 0; expected an integer from 1 to 1024"),
        ({"threads": 5000}, "threads is 5000; expected an integer from 1 to 1024"),
        ({"threads": "2"}, "threads is '2'; expected an integer"),
        ({"early_stopping": True, "n_iter_no_change": 0}, "n_iter_no_change is 0; expected an integer from 1"),
        ({"augment": True, "rotation": 90}, "rotation is 90; expected a number from 0 to 45"),
        ({"learning_rate_init": 1e30}, "choose a smaller learning_rate_init"),
    ],
)
def test_a_wrong_parameter_is_named(bars, parameters, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**{"random_state": 1} | parameters).fit(*bars)


def test_more_classes_than_a_byte_counts_are_refused():
    X, y = np.zeros((900, 2), np.uint8), np.arange(900)
    with pytest.raises(ValueError, match="2 to 256 classes, found 300 classes"):
        MLPClassifier().fit(X, y % 300)
    assert len(MLPClassifier(max_iter=1).fit(X, y % 256).classes_) == 256
