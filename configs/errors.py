"""The errors a user may see. Each carries its exit code and is printed as one line.

Any module may raise these; `fsrvos_cli.main` is the only place that turns them into
text on stderr and an exit status. A message says what is wrong, where, and what to do; a command
in it (`command`) does so when it is pasted into a shell.
"""

import shlex


def command(*words: object) -> str:
    """A command line for a message, with its words quoted where a shell needs it."""
    return shlex.join(map(str, words))


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


class Interrupted(KeyboardInterrupt):
    """Ctrl-C; the message says what is kept, and how it goes on."""


class AbsentFeaturesError(MissingError):
    """The cache lacks what a stage reads; the stage names the command that puts it there."""


class DataError(FsrvosError):
    """A dataset, a video or a support folder is malformed."""
