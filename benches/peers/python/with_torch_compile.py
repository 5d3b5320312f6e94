"""The network in PyTorch with torch.compile: gather, forward, gradient and step are one graph."""

from harness import BATCH, DECAY, MOMENTUM, THREADS, initial_weights, run, split
import torch

torch.set_num_threads(THREADS)
images, labels = (torch.from_numpy(a.copy()) for a in split("train"))
labels = labels.long()
test_images, test_labels = (torch.from_numpy(a.copy()) for a in split("t10k"))
parameters = [torch.from_numpy(p) for p in initial_weights()]
velocities = [torch.zeros_like(p) for p in parameters]


def logits(parameters, x):
    w, b, v, c = parameters
    return torch.addmm(c, torch.sigmoid(torch.addmm(b, x, w)), v)


def loss(parameters, x, labels):
    return torch.nn.functional.cross_entropy(logits(parameters, x), labels)


@torch.compile(fullgraph=True, dynamic=False)
def step(parameters, velocities, images, labels, batch, rate):
    gradients = torch.func.grad(loss)(parameters, images[batch], labels[batch])
    for p, m, g in zip(parameters, velocities, gradients):
        if MOMENTUM:
            if p.dim() == 2:
                g = g + DECAY * p
            m.mul_(MOMENTUM).add_(g)
            g = g + MOMENTUM * m
        p.sub_(rate * g)


@torch.no_grad()
def train_epoch(order, rates):
    rates = torch.from_numpy(rates.copy())
    for batch, rate in zip(torch.from_numpy(order).view(-1, BATCH), rates):
        step(parameters, velocities, images, labels, batch, rate)


@torch.no_grad()
def accuracy():
    return (logits(parameters, test_images).argmax(dim=1) == test_labels).double().mean().item()


run(len(labels), train_epoch, accuracy)
