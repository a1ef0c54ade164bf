"""Parquet with its optional extra, which set-up does not install, in an environment on top of this one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.long
def test_parquet_is_written_where_the_extra_is_installed() -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    with_extra = [uv, "run", "--quiet", "--frozen", "--no-sync", "--with", "pyarrow>=21"]
    tests = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/spm/test_exporting.py"]
    done = subprocess.run([*with_extra, *tests], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
