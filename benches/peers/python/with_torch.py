"""The network in PyTorch, eager: nn.Sequential, autograd and the fused SGD."""

from harness import BASE_RATE, BATCH, DECAY, MOMENTUM, THREADS, initial_weights, run, split
import torch

torch.set_num_threads(THREADS)
images, labels = (torch.from_numpy(a.copy()) for a in split("train"))
labels = labels.long()
test_images, test_labels = (torch.from_numpy(a.copy()) for a in split("t10k"))
network = torch.nn.Sequential(
    torch.nn.Linear(784, 300), torch.nn.Sigmoid(), torch.nn.Linear(300, 10)
)
w, b, v, c = (torch.from_numpy(p) for p in initial_weights())
network.load_state_dict({"0.weight": w.T, "0.bias": b, "2.weight": v.T, "2.bias": c})
weights = {"params": [network[0].weight, network[2].weight], "weight_decay": DECAY}
biases = {"params": [network[0].bias, network[2].bias], "weight_decay": 0.0}
optimizer = torch.optim.SGD(
    [weights, biases], lr=BASE_RATE, momentum=MOMENTUM, nesterov=MOMENTUM > 0, fused=True
)


def train_epoch(order, rates):
    for batch, rate in zip(torch.from_numpy(order).view(-1, BATCH), rates.tolist()):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(network(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()


@torch.no_grad()
def accuracy():
    return (network(test_images).argmax(dim=1) == test_labels).double().mean().item()


run(len(labels), train_epoch, accuracy)
