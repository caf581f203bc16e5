"""Conversations: lists of messages, of which the last is what a model is to write. Knows no files and no templates.

A message is ``{"role": ..., "content": ...}``, as chat APIs have it. A conversation may begin with a system message;
then user and assistant take turns, and the assistant has the last word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from autolora.data.table import Table
from autolora.data.texts import Texts
from autolora.errors import DataError
from autolora.values import listed, shown

ROLES = ("system", "user", "assistant")
_SHAPE = 'write [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]'


def parted(table: Table, column: str) -> Table:
    """Return a table of conversations as one of prompts (all messages but the last, as JSON) and last answers.

    Args:
        table: Whose texts are the cells of ``column``.
        column: Its name, for messages.

    Raises:
        DataError: If a cell is no conversation, names another role, has roles out of order, or does not end with an
            answer.
    """
    answers: list[str] = []

    def prompts() -> Iterator[str]:
        for cell, row in zip(table.texts, table.row_numbers, strict=True):
            messages = _messages(cell, f"{table.name}, row {row}, column {column!r}") if cell.strip() else []
            answers.append(messages[-1]["content"] if messages else "")
            yield json.dumps(messages[:-1], ensure_ascii=False) if messages else ""

    texts = Texts.of(prompts())
    return replace(table, texts=texts, labels=tuple(answers))


def as_messages(text: str, *, chat: bool) -> list[dict[str, str]]:
    """Return a row's text as messages: it is one prompt, or where ``chat`` is set, a conversation as JSON."""
    if chat:
        messages: list[dict[str, str]] = json.loads(text)
        return messages
    return [{"role": "user", "content": text}]


def as_text(messages: list[dict[str, str]]) -> str:
    """Return messages as the text of a row."""
    return json.dumps(messages, ensure_ascii=False)


def last_prompt(text: str, *, chat: bool) -> str:
    """Return what the user said last in a row's text."""
    return as_messages(text, chat=chat)[-1]["content"]


def _messages(cell: str, where: str) -> list[dict[str, str]]:
    try:
        found: Any = json.loads(cell)
    except (ValueError, RecursionError):
        raise DataError(f"{where} must be a list of messages, but it is {shown(cell)}", _SHAPE) from None
    if not isinstance(found, list) or not found:
        raise DataError(f"{where} must be a list of messages, but it is {shown(found)}", _SHAPE)
    messages = [_message(each, f"{where}, message {at}") for at, each in enumerate(found, start=1)]
    turns = [message["role"] for message in messages]
    spoken = turns[1:] if turns[0] == "system" else turns
    for at, role in enumerate(spoken):
        due = "user" if at % 2 == 0 else "assistant"
        if role != due:
            place = at + 1 + len(turns) - len(spoken)
            raise DataError(
                f"{where}, message {place}: roles are out of order: after a leading system message user and assistant"
                f" take turns, so {due!r} is due, but it is {role!r}",
                "put the messages in order, or join those of one speaker",
            )
    if turns[-1] != "assistant":
        raise DataError(
            f"{where}: the last message must be the assistant's, which is learned, but it is of role {turns[-1]!r}",
            "add the answer, or remove the row",
        )
    return messages


def _message(message: Any, where: str) -> dict[str, str]:
    if not isinstance(message, dict) or "role" not in message or "content" not in message:
        raise DataError(f"{where} must have a role and a content, but it is {shown(message)}", _SHAPE)
    role, content = message["role"], message["content"]
    if role not in ROLES:
        raise DataError(f"{where}: role must be one of {listed(ROLES)}, but it is {shown(role)}", "rename or remove it")
    if not isinstance(content, str):
        raise DataError(f"{where}: content must be one text, but it is {shown(content)}", "join or flatten it first")
    if any("\ud800" <= character <= "\udfff" for character in content):
        raise DataError(f"{where} holds half of a character (a lone surrogate)", "remove it or write it in full")
    return {"role": role, "content": content}
