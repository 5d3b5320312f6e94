"""The network in NumPy: every product by BLAS, every result into a buffer that is there."""

from harness import BATCH, DECAY, MOMENTUM, initial_weights, run, split
import numpy as np

images, labels = split("train")
test_images, test_labels = split("t10k")
w, b, v, c = parameters = initial_weights()
gradients = dw, db, dv, dc = [np.empty_like(p) for p in parameters]
velocities = [np.zeros_like(p) for p in parameters]
scaled = [np.empty_like(p) for p in parameters]
x = np.empty((BATCH, 784), np.float32)
h, dh = np.empty((2, BATCH, 300), np.float32)
s = np.empty((BATCH, 10), np.float32)
rows = np.arange(BATCH)


def forward(x, h, s):
    np.matmul(x, w, out=h)
    h += b
    np.negative(h, out=h)
    np.exp(h, out=h)
    h += 1
    np.reciprocal(h, out=h)
    np.matmul(h, v, out=s)
    s += c


def gradient(batch):
    np.take(images, batch, axis=0, out=x, mode="clip")
    forward(x, h, s)
    s.__isub__(s.max(axis=1, keepdims=True))
    np.exp(s, out=s)
    s.__itruediv__(s.sum(axis=1, keepdims=True))
    s[rows, labels[batch]] -= 1
    s.__imul__(np.float32(1 / BATCH))
    np.matmul(h.T, s, out=dv)
    s.sum(axis=0, out=dc)
    np.matmul(s, v.T, out=dh)
    dh.__imul__(h)
    np.subtract(1, h, out=h)
    dh.__imul__(h)
    np.matmul(x.T, dh, out=dw)
    dh.sum(axis=0, out=db)


def step(rate):
    for p, g, m, t in zip(parameters, gradients, velocities, scaled):
        if MOMENTUM:
            if DECAY and p.ndim == 2:
                np.multiply(p, np.float32(DECAY), out=t)
                g += t
            m *= np.float32(MOMENTUM)
            m += g
            np.multiply(m, np.float32(MOMENTUM), out=t)
            g += t
        g *= rate
        p -= g


def train_epoch(order, rates):
    for batch, rate in zip(order.reshape(-1, BATCH), rates):
        gradient(batch)
        step(rate)


def accuracy():
    h, s = np.empty((10_000, 300), np.float32), np.empty((10_000, 10), np.float32)
    forward(test_images, h, s)
    return (s.argmax(axis=1) == test_labels).mean()


run(len(labels), train_epoch, accuracy)
