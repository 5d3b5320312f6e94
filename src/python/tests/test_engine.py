"""The engine below: its bits, its threads, signals, forks."""

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from fused_mlp import MLPClassifier


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "parameters, options",
    [
        ({}, ""),
        ({"recipe": "sprint"}, "--recipe sprint --coarse 0"),
        (
            {"recipe": "assignment", "max_iter": 1, "learning_rate_init": 0.1, "precision": "int16", "threads": 1},
            "--recipe assignment --epochs 1 --learning-rate 0.1 --precision int16",
        ),
        (
            {
                "recipe": "sprint", "momentum": 0.8, "nesterovs_momentum": False, "batch_size": 64, "schedule": "step",
                "warm_up": 0.5, "weight_decay": 1e-4, "init_scale": 1.5, "focus": 0.9, "focus_rest": 0.1,
                "max_iter": 2, "hidden_layer_sizes": (50,), "threads": 3, "coarse": 0.3,
            },
            "--recipe sprint --momentum 0.8 --nesterov false --batch-size 64 --schedule step --warm-up 0.5 "
            "--weight-decay 1e-4 --init-scale 1.5 --focus 0.9 --focus-rest 0.1 --epochs 2 --hidden 50 --coarse 0.3",
        ),
        (
            {
                "recipe": "sprint-99", "max_iter": 2, "skip": 0.9, "augment": True, "rotation": 5, "scale": 0.05,
                "shear": 0.15, "shift": 1, "elastic": 7.5,
            },
            "--recipe sprint-99 --epochs 2 --skip 0.9 --rotation 5 --scale 0.05 --shear 0.15 --shift 1 --elastic 7.5",
        ),
        (
            {"momentum": 0, "early_stopping": True, "validation_fraction": 0.1, "n_iter_no_change": 2, "shuffle": False},
            "--momentum 0 --validation 6000 --patience 2 --no-shuffle",
        ),
    ],
)  # fmt: skip
def test_the_model_file_is_that_of_the_program(program, mnist, tmp_path, parameters, options):
    (X, y), _ = mnist
    run = tmp_path / "run"
    data = os.path.join(os.path.dirname(__file__), "../../../data/mnist")
    command = [program, "train", "--quiet", "--seed", "5", "--data", data, "--out", run, *options.split()]
    subprocess.run(command, check=True, capture_output=True)
    model = MLPClassifier(random_state=5, **parameters).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    assert sha256(tmp_path / "model.safetensors") == sha256(run / "model.safetensors")


def test_mnist_is_learned(mnist):
    (X, y), (X_test, y_test) = mnist
    assert X.shape == (60_000, 784) and X_test.shape == (10_000, 784) and y_test[0] == 7
    model = MLPClassifier(random_state=1).fit(X, y)
    assert model.n_iter_ == 4 and model.score(X_test, y_test) >= 0.98
    one = MLPClassifier(random_state=1, threads=1).fit(X[:5000].copy(), y[:5000])
    two = MLPClassifier(random_state=1, threads=2).fit(X[:5000] / 255, y[:5000])
    assert (one.coefs_[0] == two.coefs_[0]).all()


def slow_training():
    """A training that takes minutes, and its data."""
    generator = np.random.default_rng(1)
    X, y = generator.integers(0, 255, (20_000, 784), np.uint8), np.arange(20_000) % 10
    return MLPClassifier((300,), max_iter=100_000, random_state=1), X, y


def test_python_goes_on_while_it_trains(monkeypatch):
    model, X, y = slow_training()
    model.set_params(max_iter=6, verbose=True)
    has_begun = threading.Event()
    monkeypatch.setattr("builtins.print", lambda *_, **__: has_begun.set())
    trainer = threading.Thread(target=model.fit, args=(X, y))
    trainer.start()
    assert has_begun.wait(60)
    count = 0
    while trainer.is_alive():
        time.sleep(0.001)
        count += 1
        # The training has a copy.
        X[:] = count % 256
    assert count > 3
    unchanged, X, y = slow_training()
    assert (unchanged.set_params(max_iter=6).fit(X, y).coefs_[0] == model.coefs_[0]).all()


def test_a_signal_ends_it_within_a_second():
    model, X, y = slow_training()
    model.set_params(max_iter=1).fit(X[:100], y[:100])
    before = model.coefs_[0].copy()
    model.set_params(max_iter=100_000)
    # A shell starts what is in the background with this signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert time.monotonic() - start < 1.5
    assert (model.coefs_[0] == before).all()


def test_an_error_while_an_epoch_is_told_ends_it(bars, monkeypatch):
    def broken(*_, **__):
        raise OSError("nobody reads")

    monkeypatch.setattr("builtins.print", broken)
    with pytest.raises(OSError, match="nobody reads"):
        MLPClassifier(verbose=True, max_iter=10**6).fit(*bars)


def in_a_child(queue, X, y):
    queue.put(MLPClassifier(random_state=1, threads=2).fit(X, y).predict_proba(X))


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and counts threads in /proc")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_trains_too(bars):
    X, y = bars
    expected = MLPClassifier(random_state=1, threads=2).fit(X, y).predict_proba(X)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=in_a_child, args=(queue, X, y)) for _ in range(3)]
    for child in children:
        child.start()
    for _ in children:
        assert (queue.get(timeout=60) == expected).all()
    for child in children:
        child.join(60)
        assert child.exitcode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_no_thread_outlives_a_training():
    code = """
        import os, numpy as np
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        import time
        from fused_mlp import MLPClassifier
        X, y = np.zeros((500, 9), np.uint8), np.arange(500) % 2
        before = len(os.listdir("/proc/self/task"))
        for _ in range(20):
            MLPClassifier(max_iter=1, threads=4).fit(X, y).predict(X)
        deadline = time.monotonic() + 5
        while len(os.listdir("/proc/self/task")) > before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(os.listdir("/proc/self/task")) == before
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_epochs_are_printed(bars, capsys):
    X, y = bars
    MLPClassifier(verbose=True, max_iter=2, learning_rate_init=0.1, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("Iteration 2, loss = ")
    assert "validation score = " in lines[1]
