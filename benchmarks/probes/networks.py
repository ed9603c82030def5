"""Training of many perceptrons at a time, with weight averaging, as one batched model; uses torch.

Networks with the same layer sizes are stacked: each step is a few batched matrix products over all
of them. They share nothing but these products, so that each ends as if it had been trained alone,
within the rounding of a product. Gradients are written out by hand: a perceptron with ReLU needs
two products per layer, and autograd would take as long again for narrow networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.optim.adamw import adamw

from satclip_bench.benchmarks.probes.training import as_layers, initial_weights

if TYPE_CHECKING:
    from satclip_bench.benchmarks.probes.mlp_search import Candidate, MlpSettings
    from satclip_bench.benchmarks.probes.perceptron import Layers

_Layer = tuple[torch.Tensor, torch.Tensor]

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
_ALIGNMENT = 16
_WINDOW = 20
_LOSS_ROWS = 1024


class Rows(NamedTuple):
    """A training or validation set, as networks see it."""

    X: torch.Tensor
    """`(n, D)` float32, standardised on the training set."""
    y: torch.Tensor
    """`(n,)` float32, standardised on the training set, or int64 class codes."""


class Member(NamedTuple):
    """One network of a stack."""

    train: Rows
    candidate: Candidate
    """Layer sizes, learning rate and weight decay."""
    seed: int
    """Seed of the initial weights and of the order of the rows."""


def rows(X: NDArray[np.floating[Any]], y: NDArray[Any], device: torch.device) -> Rows:
    """Tensors of standardised features `(n, D)` and of numbers or integer class codes `(n,)`.

    They are copied into torch's own memory, row by row: the rounding of matrix products, and with
    it a trained network, depends on the alignment and the order of the numbers in memory.
    """
    dtype = np.int64 if y.dtype.kind in "iu" else np.float32
    contiguous = np.ascontiguousarray(X, dtype=np.float32)
    copies = torch.from_numpy(contiguous).clone(), torch.from_numpy(y.astype(dtype)).clone()
    return Rows(*(copy.to(device) for copy in copies))


class Layout:
    """Positions of the weights and biases of each layer in one row of numbers per network.

    Args:
        sizes: numbers of inputs, of the units of each hidden layer, and of outputs.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self.size = 0
        self._starts = []
        for inputs, outputs in pairwise(self.sizes):
            # Matrices start at multiples of 64 bytes, as those of torch do, in every row.
            biases = self.size + _aligned(inputs * outputs)
            self._starts.append((self.size, biases))
            self.size = biases + _aligned(outputs)

    def layers(self, numbers: torch.Tensor) -> list[_Layer]:
        """Views of the weights `(M, out, in)` and biases `(M, 1, out)` in rows `(M, size)`."""
        return [
            (
                numbers[:, weights : weights + inputs * outputs].view(-1, outputs, inputs),
                numbers[:, biases : biases + outputs].unsqueeze(1),
            )
            for (inputs, outputs), (weights, biases) in zip(
                pairwise(self.sizes), self._starts, strict=True
            )
        ]


class Networks:
    """Perceptrons of the same layer sizes in training, and the moving averages of their weights.

    Mini-batches of each network go through a new order of its rows in each epoch. All random
    numbers are drawn on the CPU, from a generator of that network, so that they are the same on
    every device, and torch's global state is neither read nor changed. On a GPU, a step is recorded
    once as a CUDA graph and replayed.

    Args:
        members: training set, candidate and seed of each network; depth, width and number of
            features are the same for all, and so is the device of the training sets.
        settings: batch size and decay of the average.
        outputs: number of classes, for cross-entropy; None for one number and MSE.
    """

    def __init__(
        self, members: Sequence[Member], settings: MlpSettings, outputs: int | None
    ) -> None:
        first = members[0]
        hidden = [first.candidate.width] * first.candidate.depth
        self.layout = Layout((first.train.X.shape[1], *hidden, outputs or 1))
        self.steps = 0
        self._outputs, self._decay = outputs, settings.average_decay
        self._batch_size = settings.batch_size
        self._device = first.train.X.device
        generators = [torch.Generator().manual_seed(member.seed) for member in members]
        initial = torch.zeros(len(members), self.layout.size)
        for number, generator in enumerate(generators):
            drawn = iter(initial_weights(self.layout.sizes, generator))
            for weights, biases in self.layout.layers(initial[number : number + 1]):
                weights[0], biases[0, 0] = next(drawn), next(drawn)
        self._orders = [
            _orders(len(member.train.y), settings.batch_size, generator)
            for member, generator in zip(members, generators, strict=True)
        ]
        self._weights = initial.to(self._device)
        self.averages = self._weights.clone()
        """Averaged weights and biases, one row per network, as `layout` places them."""
        self._moments = [torch.zeros_like(self._weights) for _ in range(2)]
        self._adam_steps = torch.zeros(len(members), device=self._device)
        self._set_members(members)

    def _set_members(self, members: Sequence[Member]) -> None:
        """Prepare what depends on which networks are in the stack."""
        self.members = tuple(members)
        trains = list({id(member.train.X): member.train for member in members}.values())
        starts = dict(
            zip(
                (id(train.X) for train in trains),
                accumulate((len(train.y) for train in trains), initial=0),
                strict=False,
            )
        )
        self._starts = [starts[id(member.train.X)] for member in members]
        self._X = trains[0].X if len(trains) == 1 else torch.cat([train.X for train in trains])
        self._y = trains[0].y if len(trains) == 1 else torch.cat([train.y for train in trains])
        self._low = torch.stack([member.train.y.min() for member in members]).unsqueeze(1)
        self._high = torch.stack([member.train.y.max() for member in members]).unsqueeze(1)
        gradients = torch.zeros_like(self._weights)
        self._layers = self.layout.layers(self._weights)
        self._layer_gradients = self.layout.layers(gradients)
        alike: dict[tuple[float, float], list[int]] = {}
        for position, (_, candidate, _) in enumerate(members):
            rates = candidate.learning_rate, candidate.weight_decay
            alike.setdefault(rates, []).append(position)
        state = self._weights, gradients, *self._moments, self._adam_steps
        self._updates = [
            _Update(rate, decay, *([part[position] for position in positions] for part in state))
            for (rate, decay), positions in alike.items()
        ]
        self._workspaces: dict[int, _Workspace] = {}
        self._graph: _Graph | None = None

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with the networks at these positions only."""
        self._weights, self.averages = self._weights[positions], self.averages[positions]
        self._moments = [moment[positions] for moment in self._moments]
        self._adam_steps = self._adam_steps[positions]
        self._orders = [self._orders[position] for position in positions]
        self._set_members([self.members[position] for position in positions])

    def layers(self, averages: torch.Tensor) -> Layers:
        """Weights and biases of each layer of one row of `averages` as NumPy arrays."""
        pairs = self.layout.layers(averages.unsqueeze(0))
        return as_layers([part for weights, biases in pairs for part in (weights[0], biases[0, 0])])

    def train(self, steps: int) -> None:
        """Train every network for `steps` further steps."""
        for start in range(0, steps, _WINDOW):
            batches = self._draw_batches(min(_WINDOW, steps - start))
            if self._device.type == "cuda":
                with torch.cuda.device(self._device):
                    self._replay(batches)
            else:
                for batch in batches:
                    self._step(batch.trimmed())

    def losses(self, validations: Sequence[Rows]) -> list[float]:
        """Loss of each network's averaged weights, summed over the rows of its validation set.

        Predicted numbers are clipped to the range of the training targets.

        Args:
            validations: one set per network; neighbours that have the same set are evaluated
                together.
        """
        totals: list[torch.Tensor] = []
        for _, group in groupby(range(len(validations)), lambda i: id(validations[i].X)):
            members = list(group)
            totals.append(self._loss(slice(members[0], members[-1] + 1), validations[members[0]]))
        return [float(total) for total in torch.cat(totals).tolist()]

    def _loss(self, members: slice, validation: Rows) -> torch.Tensor:
        layers = self.layout.layers(self.averages[members])
        total = torch.zeros(len(self.averages[members]), dtype=torch.float64, device=self._device)
        parts = (torch.split(part, _LOSS_ROWS) for part in validation)
        for X, y in zip(*parts, strict=True):
            values = X.expand(len(total), -1, -1)
            for number, (weights, biases) in enumerate(layers):
                values = values if number == 0 else values.relu_()
                values = torch.baddbmm(biases, values, weights.transpose(1, 2))
            if self._outputs is None:
                out = values[:, :, 0].clamp(self._low[members], self._high[members])
                total += (out - y).square_().sum(1, dtype=torch.float64)
            else:
                codes = y.expand(len(total), -1).flatten()
                each = functional.cross_entropy(values.flatten(0, 1), codes, reduction="none")
                total += each.view(len(total), -1).sum(1, dtype=torch.float64)
        return total

    def _draw_batches(self, steps: int) -> list[_Batch]:
        """Batches of the next steps, on the device."""
        shape = steps, len(self.members), self._batch_size
        rows, shares = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape)
        sizes, updates = [], []
        for step in range(steps):
            drawn = [next(orders) for orders in self._orders]
            for member, (start, batch) in enumerate(zip(self._starts, drawn, strict=True)):
                torch.add(batch, start, out=rows[step, member, : len(batch)])
                shares[step, member, : len(batch)] = 1 / len(batch)
            sizes.append(max(len(batch) for batch in drawn))
            self.steps += 1
            # The first weights are far from the later ones, so that the average starts short.
            updates.append(1 - min(self._decay, (1 + self.steps) / (10 + self.steps)))
        tensors = (part.to(self._device) for part in (rows, shares, torch.tensor(updates)))
        return [_Batch(*parts) for parts in zip(*tensors, sizes, strict=True)]

    def _replay(self, batches: Sequence[_Batch]) -> None:
        """Take steps by a CUDA graph."""
        if self._graph is None:
            # The first step is not recorded: a capture needs libraries that have been started.
            self._step(batches[0])
            self._graph = _Graph(self._step, batches[0])
            batches = batches[1:]
        for batch in batches:
            self._graph.replay(batch)

    def _step(self, batch: _Batch) -> None:
        """Take one step of every network."""
        workspace = self._workspace(batch.rows.shape[1])
        workspace.forward(self._layers, self._X, batch.rows)
        self._output_gradients(workspace, batch)
        workspace.backward(self._layers, self._layer_gradients)
        for update in self._updates:
            adamw(
                update.weights,
                update.gradients,
                update.means,
                update.squares,
                [],
                update.steps,
                fused=True,
                capturable=self._device.type == "cuda",
                amsgrad=False,
                beta1=_BETAS[0],
                beta2=_BETAS[1],
                lr=update.learning_rate,
                weight_decay=update.weight_decay,
                eps=_EPSILON,
                maximize=False,
            )
        self.averages.lerp_(self._weights, batch.update)

    def _output_gradients(self, workspace: _Workspace, batch: _Batch) -> None:
        """Gradients of the batches' mean losses with respect to the outputs."""
        out, gradients, y = workspace.values[-1], workspace.gradients[-1], self._y[batch.rows]
        if self._outputs is None:
            torch.sub(out[:, :, 0], y, out=gradients[:, :, 0])
            gradients[:, :, 0].mul_(batch.shares).mul_(2)
            return
        torch.softmax(out, dim=2, out=gradients)
        codes = y.unsqueeze(2)
        gradients.scatter_(2, codes, gradients.gather(2, codes) - 1)
        gradients.mul_(batch.shares.unsqueeze(2))

    def _workspace(self, size: int) -> _Workspace:
        if size not in self._workspaces:
            shape = len(self.members), size
            self._workspaces[size] = _Workspace(shape, self.layout.sizes, self._device)
        return self._workspaces[size]


class _Batch(NamedTuple):
    """Rows that one step is taken on."""

    rows: torch.Tensor
    """`(M, B)` positions in the training sets; batches of fewer rows are padded with 0."""
    shares: torch.Tensor
    """`(M, B)` weights of these rows in the mean loss; 0 for the padding."""
    update: torch.Tensor
    """Scalar, weight of the step in the moving average."""
    size: int
    """Rows of the largest batch."""

    def trimmed(self) -> _Batch:
        """The batch without columns that are padding for all networks."""
        return self._replace(rows=self.rows[:, : self.size], shares=self.shares[:, : self.size])


class _Update(NamedTuple):
    """Networks that share settings of AdamW, and their numbers: one row per network."""

    learning_rate: float
    weight_decay: float
    weights: list[torch.Tensor]
    gradients: list[torch.Tensor]
    means: list[torch.Tensor]
    squares: list[torch.Tensor]
    steps: list[torch.Tensor]


class _Graph:
    """A step recorded as a CUDA graph.

    Args:
        step: function that takes the step.
        batch: batch of the size of all batches to come.
    """

    def __init__(self, step: Callable[[_Batch], None], batch: _Batch) -> None:
        self._inputs = batch._replace(
            rows=batch.rows.clone(), shares=batch.shares.clone(), update=batch.update.clone()
        )
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            step(self._inputs)

    def replay(self, batch: _Batch) -> None:
        """Take the step on a batch."""
        for recorded, values in zip(self._inputs[:3], batch[:3], strict=True):
            recorded.copy_(values)
        self._graph.replay()


class _Workspace:
    """Memory for the values and gradients of every layer for batches of one size.

    Args:
        shape: number of networks, and of rows per batch.
        sizes: numbers of inputs, of the units of each hidden layer, and of outputs.
        device: device of the networks.
    """

    def __init__(self, shape: tuple[int, int], sizes: Sequence[int], device: torch.device) -> None:
        self.values = [torch.empty(*shape, size, device=device) for size in sizes]
        self.gradients = [torch.empty(*shape, size, device=device) for size in sizes[1:]]

    def forward(self, layers: Sequence[_Layer], X: torch.Tensor, rows: torch.Tensor) -> None:
        """Fill `values` from the inputs, the rows of `X`, to the outputs."""
        inputs = self.values[0]
        torch.index_select(X, 0, rows.flatten(), out=inputs.view(-1, X.shape[1]))
        for number, (weights, biases) in enumerate(layers):
            if number:
                self.values[number].relu_()
            torch.baddbmm(
                biases, self.values[number], weights.transpose(1, 2), out=self.values[number + 1]
            )

    def backward(self, layers: Sequence[_Layer], gradients: Sequence[_Layer]) -> None:
        """Fill `gradients` of weights and biases from those of the outputs; uses up `values`."""
        for number in reversed(range(len(layers))):
            out, values = self.gradients[number], self.values[number]
            torch.bmm(out.transpose(1, 2), values, out=gradients[number][0])
            torch.sum(out, dim=1, keepdim=True, out=gradients[number][1])
            if number:
                below = self.gradients[number - 1]
                torch.bmm(out, layers[number][0], out=below)
                below.mul_(values.sign_())


def _orders(rows: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Batches of row positions, without end."""
    while True:
        yield from torch.split(torch.randperm(rows, generator=generator), size)


def _aligned(count: int) -> int:
    return -(-count // _ALIGNMENT) * _ALIGNMENT
