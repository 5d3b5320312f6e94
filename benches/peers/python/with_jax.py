"""The network in JAX: one jitted scan an epoch, data and parameters on the device."""

from harness import BATCH, DECAY, MOMENTUM, initial_weights, run, split
import functools
import jax
import jax.numpy as jnp

images, labels = split("train")
data = jnp.asarray(images), jnp.asarray(labels, jnp.int32)
test_images, test_labels = split("t10k")
test = jnp.asarray(test_images), jnp.asarray(test_labels, jnp.int32)


def logits(parameters, x):
    w, b, v, c = parameters
    return jax.nn.sigmoid(x @ w + b) @ v + c


def loss(parameters, x, labels):
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits(parameters, x)), labels[:, None], 1)
    return -chosen.mean()


def step(data, state, batch_and_rate):
    parameters, velocities = state
    batch, rate = batch_and_rate
    gradients = jax.grad(loss)(parameters, data[0][batch], data[1][batch])
    if MOMENTUM:
        gradients = [g + DECAY * p if p.ndim == 2 else g for g, p in zip(gradients, parameters)]
        velocities = [MOMENTUM * m + g for m, g in zip(velocities, gradients)]
        gradients = [g + MOMENTUM * m for m, g in zip(velocities, gradients)]
    return ([p - rate * g for p, g in zip(parameters, gradients)], velocities), None


@functools.partial(jax.jit, donate_argnums=0)
def epoch(state, data, order, rates):
    return jax.lax.scan(functools.partial(step, data), state, (order, rates))[0]


@jax.jit
def score(parameters, test):
    return (logits(parameters, test[0]).argmax(axis=1) == test[1]).mean()


parameters = [jnp.asarray(p) for p in initial_weights()]
state = parameters, [jnp.zeros_like(p) for p in parameters] if MOMENTUM else []


def train_epoch(order, rates):
    global state
    state = epoch(state, data, order.reshape(-1, BATCH), rates)
    jax.block_until_ready(state)


run(len(labels), train_epoch, lambda: float(score(state[0], test)))
