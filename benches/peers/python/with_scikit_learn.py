"""The network as scikit-learn's MLPClassifier, an epoch or, where the rate changes, a step a call."""

from harness import BASE_RATE, BATCH, DECAY, MODE, MOMENTUM, SEED, initial_weights, run, split
import numpy as np
from sklearn.neural_network import MLPClassifier

images, labels = split("train")
test_images, test_labels = split("t10k")
network = MLPClassifier(
    hidden_layer_sizes=(300,),
    activation="logistic",
    solver="sgd",
    batch_size=BATCH,
    learning_rate_init=BASE_RATE,
    momentum=MOMENTUM,
    nesterovs_momentum=MOMENTUM > 0,
    # It divides the decay by the samples of the minibatch.
    alpha=DECAY * BATCH,
    shuffle=True,
    random_state=SEED,
)
# The first call makes the arrays, and the optimizer, which refers to them.
network.partial_fit(images[:BATCH], labels[:BATCH], classes=np.arange(10))
w, b, v, c = initial_weights()
for target, source in zip(network.coefs_ + network.intercepts_, (w, v, b, c)):
    assert target.dtype == np.float32 and target.shape == source.shape
    target[...] = source
for velocity in network._optimizer.velocities:
    velocity[...] = 0


def train_epoch(order, rates):
    if MODE == "speed":
        # It shuffles by itself.
        network.partial_fit(images, labels)
        return
    for batch, rate in zip(order.reshape(-1, BATCH), rates):
        network._optimizer.learning_rate = rate
        network.partial_fit(images[batch], labels[batch])


run(len(labels), train_epoch, lambda: network.score(test_images, test_labels))
