"""Commands that refuse an option given twice; click would keep the last value without a word."""

from __future__ import annotations

from collections import Counter

import click


class Command(click.Command):
    """A command whose options, but for those that may be repeated, count once.

    Raises click.UsageError for an option that is given again.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's own, after a look at how often each option stands on the line."""
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        for parameter, times in Counter(given).items():
            if isinstance(parameter, click.Option) and times > 1 and not _repeats(parameter):
                name = max(parameter.opts, key=len)
                raise click.UsageError(f"{name} is given {times} times; give it once", ctx)
        return super().parse_args(ctx, args)


class Group(Command, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type


def _repeats(option: click.Option) -> bool:
    return option.multiple or option.count
