"""What can become of a submission: one name for each, and all but the first are 0 points."""

from enum import StrEnum


class Status(StrEnum):
    """The status column of `grades.csv`."""

    GRADED = "graded"
    MISSING = "missing"
    NOT_A_FILE = "not-a-file"
    UNSAFE_ARCHIVE = "unsafe-archive"
    EMPTY = "empty"
    TOO_LARGE = "too-large"
    NOT_ACCEPTED = "not-accepted"
    TOO_MANY = "too-many-attempts"
    PICKLE = "pickle-refused"
    CODE_REFUSED = "code-refused"
    NOT_ISOLATED = "not-isolated"
    BAD_ENCODING = "bad-encoding"
    BAD_FORMAT = "bad-format"
    BAD_IDS = "bad-ids"
    NOT_FINITE = "not-finite"
    BAD_WEIGHTS = "bad-weights"
    BAD_MODEL = "bad-model"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    TOO_MUCH_OUTPUT = "too-much-output"
    CRASHED = "crashed"
    INTERNAL = "grader-error"


class SubmissionError(Exception):
    """A submission cannot be graded: its status, and one line for the student.

    `again` says that another try may end otherwise, so that this is not kept.
    """

    def __init__(self, status: Status, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.again = again
