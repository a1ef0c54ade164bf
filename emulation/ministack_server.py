"""Runs MiniStack as this project needs it: ``python -m emulation.ministack_server``."""

from ministack import app  # type: ignore[import-untyped]  # MiniStack ships no types

from emulation import patches


def main() -> None:
    """Serve until a signal ends the process."""
    patches.apply()
    app.main()


if __name__ == "__main__":
    main()
