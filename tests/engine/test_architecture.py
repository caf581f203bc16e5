from __future__ import annotations

import pytest
from torch import nn
from transformers import AutoModel, AutoModelForSeq2SeqLM

from autolora.engine.architecture import GROUPS, Architecture, describe
from autolora.engine.layers import Layers
from autolora.errors import BaseModelError
from tests import tiny_models

pytestmark = pytest.mark.tiny

LLAMA_LIKE = ("llama", "qwen2", "qwen3", "gemma3")
SPLIT_QKV = {
    "bert": ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"),
    "roberta": ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"),
    "distilbert": ("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"),
    **dict.fromkeys(LLAMA_LIKE, ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")),
}
MLP = {
    "bert": ("intermediate.dense", "output.dense"),
    "roberta": ("intermediate.dense", "output.dense"),
    "distilbert": ("ffn.lin1", "ffn.lin2"),
    **dict.fromkeys(LLAMA_LIKE, ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")),
    "gpt2": ("mlp.c_fc", "mlp.c_proj"),
}
STACK = {
    "bert": "encoder.layer",
    "roberta": "encoder.layer",
    "distilbert": "transformer.layer",
    **dict.fromkeys(LLAMA_LIKE, "layers"),
    "gpt2": "h",
}


@pytest.fixture(scope="module")
def architecture(tiny_folder):
    return {family: describe(AutoModel.from_pretrained(tiny_folder(family))) for family in tiny_models.FAMILIES}


@pytest.fixture
def deep() -> Architecture:
    shapes = {"attention.self.query": (8, 8), "attention.output.dense": (8, 8), "output.dense": (16, 8)}
    return Architecture(stacks=(Layers("encoder.layer", 12, tuple(shapes)),), shapes=shapes)


# ------------------------------------------------------------------------------------------------------- what is found


@pytest.mark.parametrize("family", tiny_models.FAMILIES)
def test_layers_and_their_linear_modules_are_found_in_every_family(family, architecture) -> None:
    found = architecture[family]

    assert (found.stacks[0].name, found.depth) == (STACK[family], 2)
    attention = SPLIT_QKV.get(family, ("attn.c_attn", "attn.c_proj"))
    assert set(found.shapes) == {*attention, *MLP[family]}


@pytest.mark.parametrize("family", tiny_models.FAMILIES)
def test_shapes_are_inputs_then_outputs_in_every_family(family, architecture) -> None:
    shapes = architecture[family].shapes
    wide = 128 if family == "gpt2" else 48

    assert {shapes[name] for name in MLP[family][:-1]} == {(32, wide)}
    assert shapes[MLP[family][-1]] == (wide, 32)
    if family == "gpt2":
        assert shapes["attn.c_attn"] == (32, 96)
    if family in LLAMA_LIKE:
        assert shapes["self_attn.k_proj"] == (32, 16), "two of the four heads share keys"


@pytest.mark.parametrize("family", tiny_models.FAMILIES)
def test_every_full_name_is_a_module_of_the_model(family, architecture, tiny_folder) -> None:
    model = AutoModel.from_pretrained(tiny_folder(family))
    found = architecture[family]

    names = found.full_names(range(found.depth), found.shapes)

    assert len(names) == found.depth * len(found.shapes)
    assert all(model.get_submodule(name).weight.dim() == 2 for name in names)


def test_layers_of_an_encoder_and_a_decoder_are_counted_through(tiny_folder) -> None:
    model = AutoModelForSeq2SeqLM.from_pretrained(tiny_folder("t5", writes=True))
    found = describe(model)

    assert [(layers.name, layers.depth) for layers in found.stacks] == [("encoder.block", 2), ("decoder.block", 2)]
    assert found.layer_range("last_half") == (2, 3)
    values = found.full_names(found.layer_range("all"), found.modules("attention_qv"))
    assert "encoder.block.1.layer.0.SelfAttention.v" in values
    assert "decoder.block.0.layer.1.EncDecAttention.v" in values
    assert not any(name.startswith("encoder") and "EncDec" in name for name in values)
    assert all(model.get_submodule(name).weight.dim() == 2 for name in values)
    assert found.trainable_params(rank=2, modules=found.modules("attention_qv"), layers=(0, 2)) == 2 * 6 * (32 + 32)


def test_lists_inside_a_layer_are_no_stack_of_layers() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(8))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(Block() for _ in range(3))

    found = describe(Model())

    assert (found.stacks[0].name, found.depth) == ("layers", 3)
    assert len(found.shapes) == 8


def test_only_modules_that_every_layer_has_in_the_same_shape_can_be_adapted() -> None:
    class Block(nn.Module):
        def __init__(self, wide: int) -> None:
            super().__init__()
            self.same = nn.Linear(4, 4)
            self.other = nn.Linear(4, wide)
            if wide == 8:
                self.extra = nn.Linear(4, 4)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(Block(wide) for wide in (8, 16))

    assert describe(Model()).shapes == {"same": (4, 4)}


@pytest.mark.parametrize(
    "model",
    [nn.Linear(2, 2), nn.ModuleList([nn.Linear(2, 2), nn.ReLU()]), nn.Sequential(nn.ModuleList([nn.ReLU()]))],
    ids=["no list", "layers of different kinds", "layers without linear modules"],
)
def test_a_model_without_layers_to_adapt_is_refused(model) -> None:
    with pytest.raises(BaseModelError) as caught:
        describe(model)

    assert caught.value.hint == "use a transformer encoder or decoder"


# -------------------------------------------------------------------------------------------------------------- groups


@pytest.mark.parametrize("family", SPLIT_QKV)
def test_groups_where_query_key_and_value_are_apart(family, architecture) -> None:
    query, key, value, output = SPLIT_QKV[family]
    group = architecture[family].group

    assert group("attention_qv") == (query, value)
    assert group("attention_qkv") == (query, key, value)
    assert group("attention") == (query, key, value, output)
    assert group("mlp") == MLP[family]
    assert set(group("all_linear")) == {query, key, value, output, *MLP[family]}


def test_a_fused_module_stands_for_query_key_and_value(architecture) -> None:
    group = architecture["gpt2"].group

    assert group("attention_qv") == group("attention_qkv") == ("attn.c_attn",)
    assert group("attention") == ("attn.c_attn", "attn.c_proj")
    assert group("mlp") == MLP["gpt2"]
    assert len(group("all_linear")) == 4


@pytest.mark.parametrize("family", tiny_models.FAMILIES)
@pytest.mark.parametrize("name", GROUPS)
def test_groups_are_in_the_models_own_order(family, name, architecture) -> None:
    found = architecture[family]

    assert list(found.group(name)) == [module for module in found.shapes if module in found.group(name)]


def test_a_group_that_a_model_lacks_lists_what_it_has() -> None:
    bare = Architecture(stacks=(Layers("h", 1, ("mlp.c_fc",)),), shapes={"mlp.c_fc": (4, 8)})

    with pytest.raises(BaseModelError, match="this model has no modules for 'attention_qv'") as caught:
        bare.modules("attention_qv")
    assert caught.value.hint == "linear modules of a layer: mlp.c_fc"
    with pytest.raises(BaseModelError, match="there is no module group 'attn'") as caught:
        bare.group("attn")
    assert "all_linear" in caught.value.hint


# ------------------------------------------------------------------------------------------------------------- modules


def test_an_exact_name_beats_one_that_ends_alike(architecture) -> None:
    modules = architecture["bert"].modules

    assert modules("output.dense") == ("output.dense",)
    assert modules("attention.output.dense") == ("attention.output.dense",)
    assert modules("dense") == ("attention.output.dense", "intermediate.dense", "output.dense")
    assert modules(["self.value", "query"]) == ("attention.self.query", "attention.self.value")
    assert modules(("query", "attention.self.query")) == ("attention.self.query",)


def test_part_of_a_name_is_no_name(architecture) -> None:
    for wrong in ("ense", "self", "q_proj", "Query"):
        with pytest.raises(BaseModelError, match=f"no linear module {wrong!r}") as caught:
            architecture["bert"].modules(["query", wrong])
        assert "groups: attention_qv" in caught.value.hint
        assert all(name in caught.value.hint for name in architecture["bert"].shapes)


# -------------------------------------------------------------------------------------------------------------- layers


@pytest.mark.parametrize(
    ("choice", "layers"),
    [
        ("all", range(12)),
        ("last_half", range(6, 12)),
        ("last_quarter", range(9, 12)),
        ("last_1", [11]),
        ("last_5", range(7, 12)),
        ("last_12", range(12)),
        (0, [0]),
        ([3, 0, 3], [0, 3]),
        ((11,), [11]),
    ],
)
def test_ranges_and_indices_give_layers_in_order(choice, layers, deep) -> None:
    assert deep.layer_range(choice) == tuple(layers)


@pytest.mark.parametrize("name", ["last_half", "last_quarter", "last_1", "all"])
def test_a_model_of_one_layer_has_that_layer_in_every_range(name) -> None:
    assert Architecture(stacks=(Layers("h", 1, ("a",)),), shapes={"a": (1, 1)}).layer_range(name) == (0,)


@pytest.mark.parametrize("choice", [12, -1, [0, 12], [True], ["1"], [1.0]])
def test_layers_that_a_model_lacks_are_named_beside_those_it_has(choice, deep) -> None:
    with pytest.raises(BaseModelError, match="this model has layers 0 to 11, but got"):
        deep.layer_range(choice)


@pytest.mark.parametrize("name", ["last_0", "last_13", "last_", "last_-1", "last_²", "first_half", "", "ALL"])
def test_ranges_that_a_model_lacks_are_refused_with_the_valid_ones(name, deep) -> None:
    with pytest.raises(BaseModelError) as caught:
        deep.layer_range(name)

    assert caught.value.message == f"layers: there is no range {name!r} in a model of 12 layers"
    assert "last_1 to last_12" in caught.value.hint


def test_trained_parameters_are_rank_times_inputs_and_outputs(deep) -> None:
    assert deep.trainable_params(rank=4, modules=("attention.self.query", "output.dense"), layers=(0, 5)) == 4 * 2 * (
        16 + 24
    )
