"""Why a call to a worker failed."""

from __future__ import annotations

from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.retry import Failure

LONGEST_LINE = 200


def cause_of(error: RayError, node_is_there: bool) -> tuple[Failure, str]:
    """Tell the kinds of failure apart.

    Parameters
    ----------
    error : RayError
        What the call raised.
    node_is_there : bool
        Whether the worker's node is still one of the cluster's.

    Returns
    -------
    tuple of Failure and str
        The kind, and the error in one line.
    """
    if isinstance(error, RayTaskError):
        cause = error.cause
        storage = isinstance(cause, OSError | InputError)
        return (Failure.STORAGE if storage else Failure.ERROR), line_of(cause)
    # a worker that cannot be reached: Ray may not know yet that its node is gone
    gone = isinstance(error, ActorUnavailableError) or not node_is_there
    return (Failure.NODE if gone else Failure.LOST), line_of(error)


def line_of(error: BaseException) -> str:
    """An error in one line: the first of its message; for a dead worker the last, which gives the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    line = lines[-1] if isinstance(error, RayActorError) else lines[0]
    if len(line) > LONGEST_LINE:  # keep both ends: the reason may come after a long path
        line = f"{line[: LONGEST_LINE // 2]} ... {line[-LONGEST_LINE // 2 :]}"
    return f"{type(error).__name__}: {line}"
