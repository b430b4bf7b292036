"""The errors a user may see. Each carries its exit code and is printed as one line.

Any module may raise these; `fsrvos_cli.main` is the only place that turns them into
text on stderr and an exit status. A message says what is wrong, where, and what to do.
"""


class FsrvosError(Exception):
    """The work failed for a reason that the message states."""

    exit_code = 1


class UsageError(FsrvosError):
    """Wrong arguments: an unknown configuration key or fold, a device that is not there."""

    exit_code = 2


class CacheIntegrityError(FsrvosError):
    """Something in the feature cache is not what was written."""

    exit_code = 3


class MissingError(FsrvosError):
    """Data, weights or a run that the command needs are not there."""

    exit_code = 4


class PartialError(FsrvosError):
    """What could be done is done and lies where it should; the message says what could not."""

    exit_code = 5


class DataError(FsrvosError):
    """A dataset, a video or a support folder is malformed."""
