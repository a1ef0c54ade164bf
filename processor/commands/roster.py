"""What the commands about the roster share: their statements."""

from processor import statements

SQL = statements.load(statements.FOLDER / "roster.sql")
