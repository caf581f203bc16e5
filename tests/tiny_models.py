"""Two-layer models with a word tokenizer, written to a folder as checkpoints without a classification head."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BertConfig,
    DistilBertConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    OPTConfig,
    PhiConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    RobertaConfig,
    T5Config,
)

WORDS = """parcel van late door card charged twice price receipt money broken screen button noise leak water login code
mail name sofa lamp blue wrong size box please help my the a is was not it i want to send back where when who how much
today monday again still never thanks angry manager""".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
FAMILIES = ("bert", "distilbert", "roberta", "llama", "qwen2", "qwen3", "gemma3", "gpt2")
WRITING = ("llama", "qwen2", "qwen3", "gemma2", "gemma3", "gpt2", "phi", "opt", "t5")
"""Families that write."""
CHAT_TEMPLATE = (
    "{% for message in messages %}[CLS] {{ message['role'] }} {{ message['content'] | trim }} [SEP] {% endfor %}"
    "{% if add_generation_prompt %}[CLS] assistant {% endif %}"
)
"""Of a tokenizer with one; roles are words that it does not know."""


def make(
    family: str,
    folder: Path,
    *,
    layers: int = 2,
    width: int = 32,
    seed: int = 0,
    writes: bool = False,
    chat: bool = False,
) -> Path:
    """Write a checkpoint of ``family`` and return its folder.

    Args:
        family: Of ``FAMILIES``, or one of ``WRITING`` that ``writes``.
        folder: Where it goes.
        layers: Of each of its stacks.
        width: Of a hidden state.
        seed: Of its weights.
        writes: Whether it has a head over the vocabulary.
        chat: Whether its tokenizer has a chat template.
    """
    torch.manual_seed(seed)
    auto = AutoModel
    if writes:
        auto = AutoModelForSeq2SeqLM if family == "t5" else AutoModelForCausalLM
    config = _config(family, layers=layers, width=width)
    # Without a pooler, which masked language models lack.
    model = auto.from_config(config, **({"add_pooling_layer": False} if family == "roberta" else {}))
    if family == "t5":  # else its layers hardly change what its embeddings say, and it writes what it has just read
        for name, weight in model.named_parameters():
            if name.endswith(("o.weight", "wo.weight")):
                weight.data.mul_(30)
    model.save_pretrained(folder)
    tokenizer = _tokenizer()
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


def _config(family: str, *, layers: int, width: int):
    vocab = len(SPECIAL) + len(WORDS)
    ends = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    small = {"vocab_size": vocab, "max_position_embeddings": 40, **ends}
    wide = {
        "hidden_size": width,
        "intermediate_size": width * 3 // 2,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "initializer_range": 0.1,
    }
    slides = {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"] * (layers // 2)}
    return {
        "bert": lambda: BertConfig(**small, **wide),
        "roberta": lambda: RobertaConfig(**small, **wide),
        "distilbert": lambda: DistilBertConfig(
            **small, dim=width, hidden_dim=width * 3 // 2, n_layers=layers, n_heads=4, initializer_range=0.1
        ),
        "llama": lambda: LlamaConfig(**small, **wide, num_key_value_heads=2),
        "qwen2": lambda: Qwen2Config(**small, **wide, num_key_value_heads=2),
        "qwen3": lambda: Qwen3Config(**small, **wide, num_key_value_heads=2, head_dim=8),
        "gemma2": lambda: Gemma2Config(
            **small, **wide, **slides, num_key_value_heads=2, head_dim=8, final_logit_softcapping=3.0
        ),
        "gemma3": lambda: Gemma3TextConfig(**small, **wide, **slides, num_key_value_heads=2, head_dim=8),
        "gpt2": lambda: GPT2Config(
            vocab_size=vocab, n_positions=40, n_embd=width, n_layer=layers, n_head=4, initializer_range=0.1, **ends
        ),
        "phi": lambda: PhiConfig(**small, **wide),
        "opt": lambda: OPTConfig(
            **small,
            hidden_size=width,
            word_embed_proj_dim=width,
            ffn_dim=width * 3 // 2,
            num_hidden_layers=layers,
            num_attention_heads=4,
            init_std=0.1,
        ),
        "t5": lambda: T5Config(
            vocab_size=vocab,
            d_model=width,
            d_kv=width // 4,
            d_ff=width * 3 // 2,
            num_layers=layers,
            num_decoder_layers=layers,
            num_heads=4,
            pad_token_id=0,
            eos_token_id=3,
            decoder_start_token_id=0,
            initializer_factor=0.3,
        ),
    }[family]()


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
        bos_token="[CLS]",
        eos_token="[SEP]",
        model_max_length=40,
    )
