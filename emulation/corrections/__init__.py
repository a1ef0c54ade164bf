"""Replacements of MiniStack's functions, by service. ``emulation.patches`` says which, and why."""
