"""Which files of a pipeline's package are deployed."""

import pytest

from processor.errors import ConfigurationError
from processor.project import files


def test_a_package_has_its_code_and_its_sql() -> None:
    found = files(["examples.attendance"])
    assert {"examples/__init__.py", "examples/attendance/__init__.py"} <= found.keys()
    assert "examples/attendance/migrations/0001_attendance.sql" in found
    assert all(path.exists() and path.as_posix().endswith(name) for name, path in found.items())


@pytest.mark.parametrize("module", ["not_there", "not_there.inside", "examples.not_there"])
def test_a_module_without_a_file_is_a_wrong_setting(module: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the pipeline's module {module} has no file of its own"):
        files([module])
