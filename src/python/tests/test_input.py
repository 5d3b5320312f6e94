"""What becomes of the values of X."""

import mmap

import numpy as np
import pytest

from fused_mlp import MLPClassifier, _bytes


def network(X, y, **parameters):
    return MLPClassifier(**{"random_state": 1, "hidden_layer_sizes": (20,), "max_iter": 3} | parameters).fit(X, y)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_shares_of_255_are_the_bytes(bars, kind):
    X, y = bars
    expected = network(X, y)
    for shares in (X / kind(255), X.astype(kind) * kind(1 / 255), np.asfortranarray(X / kind(255))):
        assert shares.dtype == kind
        model = network(shares, y)
        assert model.input_range_ is None
        assert (model.coefs_[0] == expected.coefs_[0]).all()
        assert (model.predict_proba(shares) == expected.predict_proba(X)).all()
    every = np.arange(256, dtype=kind) / kind(255)
    assert (_bytes.learn(np.tile(every, (100, 1)))[0] == np.arange(256)).all()


def test_zeros_and_ones_are_black_and_white(bars):
    X, y = bars
    expected = network(np.where(X > 127, 255, 0).astype(np.uint8), y)
    for kind in (bool, np.int64, np.float32):
        assert (network((X > 127).astype(kind), y).coefs_[0] == expected.coefs_[0]).all()


def test_other_numbers_are_mapped_by_the_range_of_their_feature():
    X = np.array([[-1.0, 5.0, 1e6], [0.0, 5.0, 3e6], [1.0, 5.0, 2e6]])
    images, input_range = _bytes.learn(X)
    assert images.tolist() == [[0, 0, 0], [128, 0, 255], [255, 0, 128]]
    assert input_range.tolist() == [[-1, 5, 1e6], [1, 5, 3e6]]
    beyond = np.array([[-7.0, 9.0, 1.5e6], [0.004, -1e300, 9e9]])
    assert _bytes.convert(beyond, input_range).tolist() == [[0, 0, 64], [128, 0, 255]]
    # The ends of what numbers there are.
    assert _bytes.learn(np.array([[-1e308], [1e308]]))[0].tolist() == [[0], [0]]
    # Noise on shares is clamped, other numbers are taken for a mistake.
    assert _bytes.convert(np.array([[-0.2, 0.5, 1.2]]), None).tolist() == [[0, 128, 255]]
    with pytest.raises(ValueError, match="found 255.0; give bytes as an array of uint8"):
        _bytes.convert(np.array([[0.0, 255.0]]), None)


def test_the_range_of_the_first_training_is_kept(bars):
    X, y = bars
    model = MLPClassifier(random_state=1, warm_start=True).partial_fit(X * 3.7, y, classes=[0, 1])
    expected = np.stack([(X * 3.7).min(axis=0), (X * 3.7).max(axis=0)])
    assert (model.input_range_ == expected).all()
    model.partial_fit(X * 9.1, y).fit(X * 9.1, y)
    assert (model.input_range_ == expected).all()


def test_what_nobody_can_write_is_not_copied(tmp_path, mnist):
    (images, _), _ = mnist
    file = tmp_path / "images"
    file.write_bytes(bytes(64))
    own = np.zeros((8, 8), np.uint8)
    view = own.view()
    view.flags.writeable = False
    mapped = np.memmap(file, mode="r", shape=(8, 8))
    with open(file, "r+b") as opened:
        shared = np.frombuffer(mmap.mmap(opened.fileno(), 64), np.uint8).reshape(8, 8)
        shared.flags.writeable = False
    for array, is_copied in [
        (images, False),
        (np.asarray(mapped), False),
        (own, True),
        (view, True),
        (np.memmap(file, mode="c", shape=(8, 8)), True),
        (shared, True),
    ]:
        assert np.shares_memory(_bytes.convert(array, None), array) != is_copied
    own.flags.writeable = False
    assert _bytes.convert(own, None) is own


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bars, wrong):
    X, y = bars
    X = X.astype(np.float64)
    model = network(X, y)
    X[3, 4] = wrong
    for call in (lambda: network(X, y), lambda: model.predict(X)):
        with pytest.raises(ValueError, match="Input X contains (NaN|infinity)"):
            call()
