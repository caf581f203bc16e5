"""How much of a row a base can read."""

from __future__ import annotations

import json

import pytest

from autolora import space
from autolora.prepared import cut_at
from autolora.tasks.kinds import readable_tokens

pytestmark = pytest.mark.tiny


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "gpt2", "n_positions": 1024}, 1024),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "t5"}, None),
    ],
)
def test_a_base_reads_as_many_tokens_as_it_has_positions_for(config, tokens, tmp_path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))

    assert readable_tokens(tmp_path) == tokens


def test_rows_are_cut_to_what_the_space_names_or_to_what_the_base_can_read(tiny_folder) -> None:
    quick = space.load("quick")

    assert quick.fixed["max_length"] == 64
    assert cut_at(quick, "single_label", tiny_folder("bert")) == 40  # what the tiny model has positions for
    assert cut_at(quick, "generation", tiny_folder("bert")) == 64


def test_a_real_pass_of_the_longest_rows_fits_every_family_with_learned_places(tiny_folder) -> None:
    import torch
    from transformers import AutoConfig, AutoModel

    for family in ("bert", "roberta", "distilbert"):
        folder = tiny_folder(family)
        tokens = readable_tokens(folder)
        model = AutoModel.from_pretrained(folder)
        vocabulary = AutoConfig.from_pretrained(folder).vocab_size
        ids = torch.full((1, tokens), vocabulary - 1)

        assert model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.shape[1] == tokens
