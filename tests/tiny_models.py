"""Two-layer models with a word tokenizer, written to a folder as checkpoints without a classification head."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    Gemma3TextConfig,
    Gemma3TextModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2Model,
    Qwen3Config,
    Qwen3Model,
    RobertaConfig,
    RobertaModel,
)

WORDS = """parcel van late door card charged twice price receipt money broken screen button noise leak water login code
mail name sofa lamp blue wrong size box please help my the a is was not it i want to send back where when who how much
today monday again still never thanks angry manager""".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
FAMILIES = ("bert", "distilbert", "roberta", "llama", "qwen2", "qwen3", "gemma3", "gpt2")


def make(family: str, folder: Path, *, layers: int = 2, width: int = 32, seed: int = 0) -> Path:
    """Write a checkpoint of ``family`` and return its folder."""
    torch.manual_seed(seed)
    vocab = len(SPECIAL) + len(WORDS)
    small = {"vocab_size": vocab, "max_position_embeddings": 40}
    wide = {
        "hidden_size": width,
        "intermediate_size": width * 3 // 2,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "initializer_range": 0.1,
    }
    model = {
        "bert": lambda: BertModel(BertConfig(**small, **wide, pad_token_id=0)),
        "roberta": lambda: RobertaModel(RobertaConfig(**small, **wide, pad_token_id=0), add_pooling_layer=False),
        "distilbert": lambda: DistilBertModel(
            DistilBertConfig(
                **small,
                dim=width,
                hidden_dim=width * 3 // 2,
                n_layers=layers,
                n_heads=4,
                pad_token_id=0,
                initializer_range=0.1,
            )
        ),
        "llama": lambda: LlamaModel(LlamaConfig(**small, **wide, num_key_value_heads=2, pad_token_id=0)),
        "qwen2": lambda: Qwen2Model(Qwen2Config(**small, **wide, num_key_value_heads=2, pad_token_id=0)),
        "qwen3": lambda: Qwen3Model(Qwen3Config(**small, **wide, num_key_value_heads=2, head_dim=8, pad_token_id=0)),
        "gemma3": lambda: Gemma3TextModel(
            Gemma3TextConfig(
                **small,
                **wide,
                num_key_value_heads=2,
                head_dim=8,
                pad_token_id=0,
                sliding_window=4,
                layer_types=["sliding_attention", "full_attention"] * (layers // 2),
            )
        ),
        "gpt2": lambda: GPT2Model(
            GPT2Config(
                vocab_size=vocab,
                n_positions=40,
                n_embd=width,
                n_layer=layers,
                n_head=4,
                pad_token_id=0,
                initializer_range=0.1,
            )
        ),
    }[family]()
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    vocab = {word: at for at, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=40,
    )
