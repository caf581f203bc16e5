"""Where the rows of a task come from, and which columns matter: checked, and completed. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from autolora.checks import check_one_of, check_text, check_whole
from autolora.errors import RequestError
from autolora.records import ProblemType
from autolora.values import listed, shown

PROBLEMS: tuple[ProblemType, ...] = get_args(ProblemType)


@dataclass(frozen=True, kw_only=True)
class DataRequest:
    """Where the rows come from, and which columns matter."""

    path: str | None = None
    """A file, or a folder saved with ``datasets.save_to_disk``."""
    hub: str | None = None
    """A dataset id on the hub, in place of ``path``."""
    text: str | None = None
    """Column of the texts."""
    label: str | None = None
    """Column of the labels."""
    prompt: str | None = None
    """Column of the prompts, in place of texts, where an answer is to be written."""
    completion: str | None = None
    """Column of the answers to them."""
    messages: str | None = None
    """Column of conversations, in place of prompts and answers: lists of messages, of which the last is the answer."""
    template: str | None = None
    """How a prompt is put to the base: ``chat`` (its tokenizer's template), ``plain``, or a text with {prompt} in it;
    None takes ``chat`` where the tokenizer has one."""
    test: str | None = None
    """A second file (or saved folder) with the rows to test on."""
    rows: int | None = None
    """Rows to use at most; None means all."""
    problem: ProblemType | None = None
    """What a label is; None takes several classes where cells hold lists or a separator is given, else one class."""
    label_separator: str | None = None
    """What stands between the classes of a cell that may name several."""
    encoding: str | None = None
    """Of text files that are not UTF-8 and whose encoding cannot be found."""
    split_by: str | None = None
    """Column whose equal cells stay on one side of the splits: a customer, say."""
    split_by_time: str | None = None
    """Column of times: the latest rows are tested on, those before them validated on."""
    slices: tuple[str, ...] = ()
    """Columns by whose values reports tell test rows apart."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            RequestError: If a value breaks its rule.
        """
        columns = ("text", "label", "prompt", "completion", "messages")
        for name in (*columns, "path", "hub", "test", "encoding", "split_by", "split_by_time", "template"):
            if getattr(self, name) is not None:
                check_text(name, getattr(self, name))
        self._check_columns({name for name in columns if getattr(self, name) is not None})
        if (self.path is None) == (self.hub is None):
            raise RequestError(
                f"exactly one of path and hub must be given, but got path={self.path!r} and hub={self.hub!r}",
                "name a file or a hub dataset",
            )
        if self.split_by is not None and self.split_by_time is not None:
            raise RequestError(
                f"at most one of split_by and split_by_time may be given, but got {self.split_by!r} and"
                f" {self.split_by_time!r}",
                "leave one out",
            )
        self._check_slices()
        if self.rows is not None:
            check_whole("rows", self.rows, least=1)
        if self.label_separator is not None:
            # A blank or a line break may stand between labels too, so it may be blank text.
            if not isinstance(self.label_separator, str) or not self.label_separator:
                check_text("label_separator", self.label_separator)
            if self.problem is None:
                object.__setattr__(self, "problem", "multi_label")
        if self.problem is not None:
            check_one_of("problem", self.problem, PROBLEMS)
            if self.label_separator is not None and self.problem != "multi_label":
                raise RequestError(
                    f"label_separator is for labels of problem multi_label, but problem is {self.problem}",
                    "leave one of the two out",
                )

    @property
    def inputs(self) -> str:
        """The column that a model reads."""
        return self.text or self.prompt or self.messages or ""

    @property
    def targets(self) -> str:
        """The column of what it is to say; conversations hold both."""
        return self.label or self.completion or self.messages or ""

    def _check_slices(self) -> None:
        """Check that slices are columns that are not looked at already, each named once."""
        if not isinstance(self.slices, list | tuple):
            raise RequestError(
                f"slices must be a list of columns, but got {shown(self.slices)}", "write, for example, [branch, month]"
            )
        for at, column in enumerate(self.slices):
            check_text("slices", column)
            if column in (self.inputs, self.targets):
                raise RequestError(
                    f"slices must be other columns than those of texts and labels, but got {column!r}",
                    "leave it out: reports slice by class and by length anyway",
                )
            if column in self.slices[:at]:
                raise RequestError(
                    f"slices must name every column once, but {column!r} is there twice", "leave one out"
                )
        object.__setattr__(self, "slices", tuple(self.slices))

    def _check_columns(self, named: set[str]) -> None:
        """Check that the columns are those of one kind of rows, and complete the problem from them."""
        kinds = ({"text", "label"}, {"prompt", "completion"}, {"messages"})
        if named not in kinds:
            kind = next((kind for kind in kinds if named < kind), None)
            missing = listed(sorted(kind - named)) if kind and named else ""
            raise RequestError(
                f"columns must be named as text and label, as prompt and completion, or as messages, but {missing} is"
                " missing"
                if missing
                else "columns must be named as text and label, as prompt and completion, or as messages, but got"
                f" {listed(sorted(named)) or 'none'}",
                f"name {missing}" if missing else "name one of the three",
            )
        if len(named) > 1 and self.inputs == self.targets:
            first, second = ("text", "label") if self.text else ("prompt", "completion")
            raise RequestError(
                f"{first} and {second} must be two columns, but both are {self.inputs!r}", f"name the {second} column"
            )
        writes = self.text is None
        if writes and self.problem is None:
            object.__setattr__(self, "problem", "generation")
        if (self.problem == "generation") != writes:
            raise RequestError(
                f"problem {self.problem} does not fit the columns {listed(sorted(named))}",
                "for generation name prompt and completion, or messages; for all else text and label",
            )
        if self.template is not None:
            if not writes:
                raise RequestError("template is for problem generation", "leave it out")
            if self.template not in ("chat", "plain") and self.template.count("{prompt}") != 1:
                raise RequestError(
                    "template must be chat, plain, or a text in which {prompt} stands once, but got"
                    f" {shown(self.template)}",
                    "write, for example, 'Question: {prompt}\\nAnswer:'",
                )
