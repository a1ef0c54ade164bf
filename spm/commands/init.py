"""``spm init``: prepares a project of one's own."""

import os
from pathlib import Path
from typing import Annotated

import typer

from spm.errors import InputError
from spm.scaffold import node, pipeline
from spm.terminal import console


def command(
    name: Annotated[
        str | None,
        typer.Argument(help="The pipeline's name. Default: the project's name.", show_default=False),
    ] = None,
) -> None:
    """Make this folder a project with a pipeline of its own, and install the CDK command line into it.

    If the project already has its pipelines, only the command line is installed, for example after a clone or
    an upgrade. Nothing that exists is overwritten.

    Example: spm init
    Example: spm init library-loans
    """
    project = Path.cwd()
    if pipeline.has_pipelines(project):
        if name:
            raise InputError(
                f"{pipeline.PROJECT} has a table [tool.spm] already: add the pipeline's module to its list"
            )
        where = None
    else:
        where = pipeline.place(project, name)
        for file in pipeline.write(project, where):
            console.err.print(f"wrote {file.relative_to(project)}")
        console.err.print(f"named {where.module} in {pipeline.PROJECT}, [tool.spm]")
    if not node.is_installed(project):
        with console.step("Installing the CDK command line"):
            node.install(project)
    spm = "uv run spm" if "UV_RUN_RECURSION_DEPTH" in os.environ else "spm"
    if where is None:
        console.err.print(f"ready: {spm} local runs it on this machine")
        return
    console.err.print(
        f"\nready. Next:\n  {spm} pipeline check {where.module} --sample sample.jsonl\n  {spm} local"
        f"\nand, in another terminal:\n  {spm} publish sample.jsonl\n  {spm} query students"
    )
