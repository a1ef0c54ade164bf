from scripts.class_names import classes

TEXT = """
class Table:
    class Row: ...

class _Own: ...

class TestTable: ...

def function():
    class Local: ...
"""


def test_classes_are_found_but_for_private_ones_and_groups_of_tests() -> None:
    assert list(classes(TEXT)) == [(2, "Table")]
