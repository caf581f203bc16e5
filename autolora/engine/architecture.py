"""What a model is made of: its stack of layers (two, where an encoder reads and a decoder writes) and their linear
modules, found from the model itself.

Knows module names and shapes; loads and trains nothing. Module groups, as search spaces name them:

- ``attention_qv``: the query and value projections (LoRA's original choice, arXiv 2106.09685)
- ``attention_qkv``: and the key
- ``attention``: and the output projection of attention
- ``mlp``: every other linear module of a layer
- ``all_linear``: both

Where a family fuses query, key and value into one module, that module stands for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from autolora.engine.layers import Layers, names_in
from autolora.errors import BaseModelError

GROUPS = ("attention_qv", "attention_qkv", "attention", "mlp", "all_linear")
RANGES = ("last_1", "last_quarter", "last_half", "all")

_QUERY = {"query", "q_proj", "q_lin", "q", "wq", "query_proj"}
_KEY = {"key", "k_proj", "k_lin", "k", "wk", "key_proj"}
_VALUE = {"value", "v_proj", "v_lin", "v", "wv", "value_proj"}
_FUSED = {"c_attn", "qkv_proj", "query_key_value", "Wqkv", "in_proj", "qkv"}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The layers of a model and what can be adapted in each."""

    stacks: tuple[Layers, ...]
    """In the order in which they work; layers are counted through all of them."""
    shapes: dict[str, tuple[int, int]]
    """Linear modules inside the layers: name → (in_features, out_features), in the model's order."""

    @property
    def depth(self) -> int:
        """Number of layers."""
        return sum(layers.depth for layers in self.stacks)

    def full_names(self, layers: Iterable[int], modules: Iterable[str]) -> dict[str, str]:
        """Return dotted names in the model, each with the module's; of every module in every layer that has it."""
        return {full_name: module for layer in layers for full_name, module in names_in(self.stacks, layer, modules)}

    def group(self, name: str) -> tuple[str, ...]:
        """Return the module names that a named group stands for in this model.

        Raises:
            BaseModelError: If there is no such group, or the model has nothing in it.
        """
        if name not in GROUPS:
            raise BaseModelError(f"there is no module group {name!r}", f"groups: {', '.join(GROUPS)}")
        wanted = {
            "attention_qv": _QUERY | _VALUE | _FUSED,
            "attention_qkv": _QUERY | _KEY | _VALUE | _FUSED,
        }.get(name)
        if wanted is not None:
            found = tuple(m for m in self.shapes if m.rsplit(".", 1)[-1] in wanted and _is_attention(m))
        else:
            found = tuple(m for m in self.shapes if name == "all_linear" or _is_attention(m) == (name == "attention"))
        if not found:
            raise BaseModelError(
                f"this model has no modules for {name!r}", f"linear modules of a layer: {', '.join(self.shapes)}"
            )
        return found

    def modules(self, choice: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
        """Return the modules for a group's name or an explicit list; names may be shortened to their ends.

        Raises:
            BaseModelError: If a name fits no linear module of a layer; the valid ones are listed.
        """
        if isinstance(choice, str) and choice in GROUPS:
            return self.group(choice)
        wanted = [choice] if isinstance(choice, str) else list(choice)
        found: list[str] = []
        for name in wanted:
            # An exact name wins: BERT's "output.dense" is not also "attention.output.dense".
            matches = [m for m in self.shapes if m == name] or [m for m in self.shapes if m.endswith(f".{name}")]
            if not matches:
                raise BaseModelError(
                    f"target_modules: a layer of this model has no linear module {name!r}",
                    f"groups: {', '.join(GROUPS)}; modules: {', '.join(self.shapes)}",
                )
            found += matches
        return tuple(m for m in self.shapes if m in found)

    def layer_range(self, choice: str | int | list[int] | tuple[int, ...]) -> tuple[int, ...]:
        """Return layer indices for a named range (``last_N`` for any N too) or an explicit list.

        Raises:
            BaseModelError: If the model does not have these layers.
        """
        if isinstance(choice, str):
            count = self._range_length(choice)
            return tuple(range(self.depth - count, self.depth))
        layers = [choice] if isinstance(choice, int) else list(choice)
        for layer in layers:
            if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < self.depth:
                raise BaseModelError(
                    f"layers: this model has layers 0 to {self.depth - 1}, but got {layer!r}",
                    f"or a range: {', '.join(RANGES)}, last_N",
                )
        return tuple(sorted(set(layers)))

    def _range_length(self, name: str) -> int:
        if name == "all":
            return self.depth
        if name == "last_half":
            return max(1, self.depth // 2)
        if name == "last_quarter":
            return max(1, self.depth // 4)
        number = name.removeprefix("last_")
        if name.startswith("last_") and number.isdecimal() and 1 <= int(number) <= self.depth:
            return int(number)
        raise BaseModelError(
            f"layers: there is no range {name!r} in a model of {self.depth} layers",
            f"ranges: {', '.join(RANGES)}, last_1 to last_{self.depth}, or a list of indices",
        )

    def trainable_params(self, *, rank: int, modules: tuple[str, ...], layers: tuple[int, ...]) -> int:
        """Return how many parameters the low-rank matrices have: r · (in + out) for each adapted module."""
        return rank * sum(sum(self.shapes[module]) for module in self.full_names(layers, modules).values())


def describe(model: nn.Module) -> Architecture:
    """Return the architecture of ``model``: its longest list of equal blocks, and the linear modules of all of them.

    Of a model whose encoder reads and whose decoder writes, it is the longest list of each.

    Raises:
        BaseModelError: If the model has no such list, so that layers cannot be named.
    """
    lists = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    stacks = [
        (name, module)
        for name, module in lists
        if len({type(block) for block in module}) == 1
        # A list inside a list is part of a layer, e.g. its experts, of which there may be more than layers.
        and not any(name.startswith(f"{outer}.") for outer, _ in lists)
    ]
    if not stacks:
        raise BaseModelError("the base model has no stack of equal layers", "use a transformer encoder or decoder")
    is_pair = getattr(getattr(model, "config", None), "is_encoder_decoder", False)
    halves = ("encoder", "decoder") if is_pair else ("",)
    found: list[Layers] = []
    shapes: dict[str, tuple[int, int]] = {}
    for half in halves:
        own = [(name, blocks) for name, blocks in stacks if half in name.split(".") or not half]
        if not own:
            raise BaseModelError(f"the base model has no stack of equal layers in its {half}", "use another base")
        stack, blocks = max(own, key=lambda pair: len(pair[1]))
        inside = _shapes(blocks)
        if not inside or any(shapes.get(name, shape) != shape for name, shape in inside.items()):
            raise BaseModelError(f"layers of {stack!r} hold no linear modules", "use a transformer encoder or decoder")
        found.append(Layers(stack, len(blocks), tuple(inside)))
        shapes |= inside
    return Architecture(stacks=tuple(found), shapes=shapes)


def _shapes(blocks: nn.ModuleList) -> dict[str, tuple[int, int]]:
    """Return the linear modules that all blocks have."""
    first, *others = (
        {name: shape for name, module in block.named_modules() if (shape := linear_shape(module)) is not None}
        for block in blocks
    )
    return {name: shape for name, shape in first.items() if all(other.get(name) == shape for other in others)}


def linear_shape(module: nn.Module) -> tuple[int, int] | None:
    """Return (in_features, out_features) of a linear module (GPT-2's Conv1D too), None for any other."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    weight = getattr(module, "weight", None)
    if type(module).__name__ == "Conv1D" and isinstance(weight, Tensor):
        return weight.shape[0], weight.shape[1]  # stored the other way round
    return None


def _is_attention(name: str) -> bool:
    return any("attn" in part.lower() or "attention" in part.lower() for part in name.split("."))
