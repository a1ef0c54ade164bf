"""A group that imports a command only when it is run, asked for help, or completed."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from spm.commands import COMMANDS

if TYPE_CHECKING:
    from typer._click.core import Command, Context


class LazyGroup(TyperGroup):
    """Lists ``COMMANDS`` by name and help alone. Resolving a command imports it."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as Typer gives them
        super().__init__(**options)
        for name, listed in COMMANDS.items():
            self.add_command(TyperCommand(name, short_help=listed.help))

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> tuple[str | None, "Command | None", list[str]]:
        """Import and return the command with which the arguments begin."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else command, rest


def load(name: str) -> "Command":
    """Import a command of ``COMMANDS``, or a group of them."""
    listed = COMMANDS[name]
    module, _, attribute = listed.where.partition(":")
    found = getattr(import_module(f"spm.commands.{module}"), attribute)
    parent = typer.Typer()
    if isinstance(found, typer.Typer):
        parent.add_typer(found, name=name)
    else:
        parent.command(name=name, context_settings={"ignore_unknown_options": listed.passes_on})(found)
    return get_group(parent).commands[name]
