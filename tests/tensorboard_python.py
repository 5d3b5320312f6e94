"""Event files of fused-mlp in TensorBoard.

Usage: python tensorboard_python.py PROGRAM

TensorBoard's own package reads what `train` and `sweep` write with `--tensorboard`: scalars must be those of the CSV
files, the picture must open, and a run that was interrupted must go on without a gap or a step twice.
"""

import csv
import io
import json
import pathlib
import signal
import subprocess
import sys
import tempfile

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

MNIST = pathlib.Path(__file__).parent.parent / "data" / "mnist"
TRAIN = ["train", "--data", MNIST, "--quiet", "--validation", "50000", "--hidden", "20"]


def run(program, *arguments):
    command = [program, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, (command, result.stderr)


def read(folder):
    # Every point, where the default keeps some.
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    return events.Reload()


def rows(folder, name):
    with (folder / name).open() as lines:
        return list(csv.DictReader(lines))


def scalars(events, tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def is_close(found, expected):
    return len(found) == len(expected) and all(
        step == number and abs(value - other) <= 1e-6 * abs(other)
        for (step, value), (number, other) in zip(found, expected)
    )


def check(events, folder, interval):
    """The scalars of a run, whose steps are means of so many."""
    steps, epochs, times = (rows(folder, f"{name}.csv") for name in ("steps", "epochs", "times"))
    per_epoch = len(steps) // len(epochs)
    for tag, column in (
        ("loss/epoch", "train_loss"),
        ("accuracy/epoch", "train_accuracy"),
        ("loss/validation", "validation_loss"),
        ("accuracy/validation", "validation_accuracy"),
        ("visited", "visited"),
    ):
        expected = [(per_epoch * int(row["epoch"]), float(row[column])) for row in epochs]
        assert is_close(scalars(events, tag), expected), (tag, scalars(events, tag), expected)
    found = scalars(events, "samples_per_second")
    assert len(found) == len(times)
    points = []
    for epoch in range(len(epochs)):
        own = steps[per_epoch * epoch : per_epoch * (epoch + 1)]
        points += [own[at : at + interval] for at in range(0, per_epoch, interval)]
    for tag, column in (("loss/minibatch", "loss"), ("accuracy/minibatch", "accuracy")):
        def mean(part):
            samples = [int(row["samples"]) for row in part]
            return sum(n * float(row[column]) for n, row in zip(samples, part)) / sum(samples)

        expected = [(int(part[-1]["step"]), mean(part)) for part in points]
        assert is_close(scalars(events, tag), expected), tag
    rates = [(int(part[-1]["step"]), float(part[-1]["learning_rate"])) for part in points]
    assert is_close(scalars(events, "learning_rate"), rates)
    walls = [event.wall_time for event in events.Scalars("loss/minibatch")]
    assert walls == sorted(walls), walls
    test = json.loads((folder / "run.json").read_text())["results"]
    assert is_close(scalars(events, "loss/test"), [(len(steps), test["test_loss"])])
    assert is_close(scalars(events, "accuracy/test"), [(len(steps), test["test_accuracy"])])
    (image,) = events.Images("hidden_units")
    picture = Image.open(io.BytesIO(image.encoded_image_string))
    assert picture.size == (image.width, image.height) == (10 * 30 - 2, 2 * 30 - 2), picture.size
    texts = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("options")]
    assert all("| hidden |" not in text and "| network | 784-20-10 |" in text for text in texts)
    assert "| epochs | " in texts[0] and texts[0].startswith("| option | value |\n| --- | --- |\n")
    return texts


def one_run(program, folder):
    options = ["--epochs", "3", "--focus", "0.9", "--batch-size", "8"]
    run(program, *TRAIN, *options, "--out", folder / "run", "--tensorboard", folder / "events")
    assert len(list((folder / "events").iterdir())) == 1
    # 3,750 steps are more than a thousand.
    check(read(folder / "events"), folder / "run", 4)
    run(program, *TRAIN, *options, "--out", folder / "plain")
    models = [(folder / name / "model.safetensors").read_bytes() for name in ("run", "plain")]
    assert models[0] == models[1], "it changes no bit"


def interrupted_run(program, folder):
    options = ["--epochs", "400", "--focus", "0.9", "--checkpoint-every", "5"]
    events = folder / "interrupted-events"
    command = [program, *TRAIN, *options, "--out", folder / "interrupted", "--tensorboard", events, "--json"]
    for name in (signal.SIGKILL, signal.SIGINT):
        child = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(13):
            child.stdout.readline()
        child.send_signal(name)
        child.communicate()
        assert child.returncode in (-9, 130), child.returncode
        command = [program, "train", "--resume", folder / "interrupted", "--quiet", "--json"]
        command += ["--tensorboard", events]
    run(*command)
    assert len(list(events.iterdir())) == 3
    check(read(events), folder / "interrupted", 40)


def sweep(program, folder):
    options = ["--data", MNIST, "--validation", "59000", "--hidden", "5", "--epochs", "2", "--quiet", "--test"]
    lists = ["--learning-rate", "0.5,1", "--seeds", "1-2", "--out", folder / "sweep"]
    run(program, "sweep", *options, *lists, "--tensorboard", folder / "sweep-events")
    found = sorted(path.name for path in (folder / "sweep-events").iterdir())
    expected = [f"{2 * i + j}-learning_rate={rate}-seed={j}" for i, rate in enumerate((0.5, 1)) for j in (1, 2)]
    assert found == expected, found
    epochs = rows(folder / "sweep", "epochs.csv")
    for number, name in enumerate(found, 1):
        events = read(folder / "sweep-events" / name)
        own = [row for row in epochs if row["run"] == str(number)]
        expected = [(10 * int(row["epoch"]), float(row["validation_loss"])) for row in own]
        assert is_close(scalars(events, "loss/validation"), expected), name
        assert len(events.Images("hidden_units")) == 1 and len(scalars(events, "loss/test")) == 1


def main():
    with tempfile.TemporaryDirectory() as name:
        for part in (one_run, interrupted_run, sweep):
            part(sys.argv[1], pathlib.Path(name))
            print(f"{part.__name__.replace('_', ' ')}: read back by TensorBoard", flush=True)


main()
