"""What replaces functions of MiniStack, by service; ``emulation.patches`` says which, and why."""
