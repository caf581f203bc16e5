"""The errors that a caller may catch. Each carries a message (the rule and the value) and a hint (the way out).

AutoloraError
├── InputError                what the user gave cannot be used
│   ├── RequestError          task file or command-line values
│   ├── SpaceError            a search space
│   ├── DataError             a dataset: names file, row and column
│   ├── BaseModelError        the base model: absent, unsafe, or without what was asked of it
│   └── RunFolderError        the run folder: another run, locked, damaged, or cannot be written
├── TrialError                one trial failed; the search goes on
│   ├── TrialDiverged         its loss was no longer a finite number
│   ├── TrialOutOfMemory      it does not fit on the device, even alone
│   └── TrialTimedOut         it took longer than it was allowed to
├── TaskCancelled             one task of a batch was given up; the others go on
├── EngineError               the engine was asked for something that it cannot do
│   ├── EngineLost            its process ended, broke down or hangs: what it did must go on elsewhere
│   └── StaleLease            a call came from a lease that no longer owns the slot
└── BundleError               an adapter folder fails its own test

Rules for adding one: only when a caller would act differently on it; under the branch that says who must act;
one sentence on when it is raised; picklable (Ray carries errors between processes).
"""

from __future__ import annotations


class AutoloraError(Exception):
    """Base of every error that autolora raises on purpose."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InputError(AutoloraError):
    """What the user gave cannot be used; nothing was started or written, unless the disk failed on the way."""


class RequestError(InputError):
    """A task file or a command-line value is wrong."""


class SpaceError(InputError):
    """A search space is malformed or names what the model does not have."""


class DataError(InputError):
    """A dataset cannot be read, or cannot be learned from."""

    def __init__(self, message: str, hint: str = "", *, code: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        """What kind of fault it is, where others say it in their own words; as the codes of findings."""


class BaseModelError(InputError):
    """The base model is absent, unreadable or unsafe, or lacks the modules or layers asked for."""


class RunFolderError(InputError):
    """The run folder belongs to another run, is owned by another process, is damaged, or cannot be written."""


class TrialError(AutoloraError):
    """One trial failed; recorded as its result, never the end of a search."""


class TrialDiverged(TrialError):
    """The loss or a gradient of the trial was no longer a finite number."""


class TrialOutOfMemory(TrialError):
    """The trial does not fit on the device, even alone."""


class TrialTimedOut(TrialError):
    """The trial took longer than it was allowed to."""


class TaskCancelled(AutoloraError):
    """Somebody asked for one task of a batch to be given up; what it has found is kept."""


class EngineError(AutoloraError):
    """The engine was asked for something that it cannot do."""


class EngineLost(EngineError):
    """An engine's process ended, broke down or hangs: what it did must go on elsewhere."""

    def __init__(self, message: str, hint: str = "", hanging: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.hanging = hanging
        """The slots of the step that does not end, where one hangs."""


class StaleLease(EngineError):
    """A call came from a lease that no longer owns its slot."""


class BundleError(AutoloraError):
    """An adapter folder is incomplete, was changed, or does not reproduce its score."""
