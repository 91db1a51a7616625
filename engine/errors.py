"""The run-time errors: the class says what the run does next.

FeldwerkError
├── RecordError          skip this record, go on with the others
└── StopError            end the run; carries the exit code
    ├── SpecError        2  wrong use, or a wrong spec, activation or source file
    ├── BrakeError       3  a decision of a person is needed first
    ├── CredentialsError 4  the partner does not let us in
    ├── UnreachableError 4  the partner or the source cannot be reached
    ├── FencedError      4  another process has taken the activation over
    └── BudgetError      4  the partner allows no more calls for now
"""

from collections.abc import Sequence

from engine.problems import Problem


class FeldwerkError(Exception):
    """The root of everything that Feldwerk raises on purpose."""


class RecordError(FeldwerkError):
    """One record cannot go on; `code` is an entry of the problem catalogue."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StopError(FeldwerkError):
    """The run ends here; `problems` say why, one by one."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class SpecError(StopError):
    """A spec, an activation, a source file or a command is wrong."""

    exit_code = 2


class BrakeError(StopError):
    """The run would do something that only a person may decide."""

    exit_code = 3


class CredentialsError(StopError):
    """The partner refuses the credentials of the activation."""

    exit_code = 4


class UnreachableError(StopError):
    """The partner or the source does not answer."""

    exit_code = 4


class FencedError(StopError):
    """Another process has taken the activation over; this one sends nothing more."""

    exit_code = 4


class BudgetError(StopError):
    """What the partner allows is used up; the next run goes on where this one ends."""

    exit_code = 4
