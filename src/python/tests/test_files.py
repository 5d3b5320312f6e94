"""Model files, state dicts, the data set."""

import json
import sys
import types

import numpy as np
import pytest

import fused_mlp
from fused_mlp import MLPClassifier


def test_a_model_file_gives_the_network_back(bars, tmp_path):
    X, y = bars
    model = MLPClassifier((7,), random_state=1).fit(X, np.array(["lying", "standing"])[y])
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = MLPClassifier.load(path, classes=["lying", "standing"])
    assert (loaded.predict_proba(X) == model.predict_proba(X)).all()
    assert (loaded.predict(X / 255) == model.predict(X)).all()
    assert MLPClassifier.load(path).classes_.tolist() == [0, 1] and loaded.n_features_in_ == 16
    assert loaded.partial_fit(X, np.array(["lying", "standing"])[y]).n_iter_ == 1
    with pytest.raises(ValueError, match="expected 2 classes, found 3"):
        MLPClassifier.load(path, classes=[1, 2, 3])


@pytest.mark.parametrize("features, size, expected", [(16, None, (4, 4)), (15, None, (1, 15)), (16, (2, 8), (2, 8))])
def test_the_model_file_tells_the_size_of_images_and_the_version(tmp_path, features, size, expected):
    X = np.zeros((10, features), np.uint8)
    path = tmp_path / "model.safetensors"
    MLPClassifier(max_iter=1).fit(X, np.arange(10) % 2).save(path, size)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    told = json.loads(header["__metadata__"]["fused_mlp"])
    assert (told["rows"], told["columns"]) == expected
    assert told["producer"] == f"fused-mlp {fused_mlp.__version__}"


def test_files_that_cannot_be_used_are_named(tmp_path, bars):
    with pytest.raises(FileNotFoundError, match="absent.safetensors"):
        MLPClassifier.load(tmp_path / "absent.safetensors")
    (tmp_path / "text").write_text("text")
    with pytest.raises(ValueError, match="not a safetensors file"):
        MLPClassifier.load(tmp_path / "text")
    X, y = bars
    model = MLPClassifier(max_iter=1).fit(X, y)
    with pytest.raises(OSError, match="cannot be written"):
        model.save(tmp_path / "absent" / "model")
    with pytest.raises(ValueError, match="the network has 16 inputs, the images have 6 pixels"):
        model.save(tmp_path / "model", image_size=(2, 3))
    with pytest.raises(ValueError, match="pickle it|ranges of its features"):
        MLPClassifier(max_iter=1).fit(X * 0.37, y).save(tmp_path / "model")
    with pytest.raises(FileNotFoundError, match="absent"):
        fused_mlp.load_mnist(tmp_path / "absent")


def test_the_data_set_is_found(mnist, monkeypatch):
    from conftest import ROOT

    monkeypatch.setenv("FUSED_MLP_DATA", str(ROOT / "data" / "mnist"))
    (X, y), _ = fused_mlp.load_mnist()
    assert (X == mnist[0][0]).all() and y[:3].tolist() == [5, 0, 4]
    assert not X.flags.writeable


def test_a_state_dict_gives_the_network_back(bars, monkeypatch):
    # Arrays stand in for tensors: PyTorch need not be there.
    torch = types.SimpleNamespace(from_numpy=lambda array: array)
    monkeypatch.setitem(sys.modules, "torch", torch)
    X, y = bars
    model = MLPClassifier((7,), random_state=1).fit(X, y)
    state = model.to_torch()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {
        "0.weight": (7, 16),
        "0.bias": (7,),
        "2.weight": (2, 7),
        "2.bias": (2,),
    }
    assert (MLPClassifier.from_torch(state).predict_proba(X) == model.predict_proba(X)).all()
    w, b, v, c = (np.asarray(tensor, np.float64) for tensor in state.values())
    logits = 1 / (1 + np.exp(-(X / 255 @ w.T + b))) @ v.T + c
    assert (logits.argmax(axis=1) == model.predict(X)).all()
    with pytest.raises(ValueError, match="two linear layers, found {'0.weight': "):
        MLPClassifier.from_torch({"0.weight": state["0.weight"]})
    with pytest.raises(ValueError, match=r"shapes \[16, 7\], \[7\], \[8, 2\] and \[2\]"):
        MLPClassifier.from_torch(state | {"2.weight": np.zeros((2, 8))})
    with pytest.raises(TypeError, match="expected a state dict, .* found list"):
        MLPClassifier.from_torch(list(state.values()))


def test_pytorch_computes_the_same(mnist, tmp_path):
    torch = pytest.importorskip("torch")
    (X, y), (X_test, _) = mnist
    model = MLPClassifier(random_state=1, max_iter=1).fit(X, y)
    expected = model.predict_proba(X_test)
    module = torch.nn.Sequential(torch.nn.Linear(784, 300), torch.nn.Sigmoid(), torch.nn.Linear(300, 10))
    module.load_state_dict(model.to_torch())
    # What is done to the tensors does not change the model.
    with torch.no_grad():
        found = module(torch.from_numpy(X_test / np.float32(255))).softmax(1).numpy()
        module[0].bias += 1
    assert found == pytest.approx(expected, abs=1e-5)
    assert (model.predict_proba(X_test) == expected).all()

    module.load_state_dict(model.to_torch())
    torch.save(module.state_dict(), tmp_path / "state")
    for state in (torch.load(tmp_path / "state"), dict(module.named_parameters()), module.double().state_dict()):
        assert (MLPClassifier.from_torch(state).predict_proba(X_test) == expected).all()
    rounded = MLPClassifier.from_torch(module.bfloat16().state_dict()).predict_proba(X_test)
    assert 0 < np.abs(rounded - expected).max() < 0.1
    with pytest.raises(TypeError, match="found Sequential"):
        MLPClassifier.from_torch(module)
