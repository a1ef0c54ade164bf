"""Reading a table takes the same memory, however long the table is."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from spm.publishing.files import read
from spm.publishing.prepare import prepare
from spm.reading.source import opened

with opened(Path(sys.argv[1])) as source:
    count = sum(1 for _ in prepare(read(source).records, print))
# Not getrusage: it tells the most that the program which started this one had, if that was more.
status = Path("/proc/self/status").read_text()
print(count, int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def peak_mib(file: Path, rows: int) -> int:
    lines = (f"s-{n},quiz,{n % 100},2026-01-01T00:00:{n % 60:02d}Z,MATH-101,{n}\n" for n in range(rows))
    with file.open("w") as output:
        output.write("student_id,event_type,score,timestamp,course,note\n")
        output.writelines(lines)
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, file], check=True, capture_output=True, text=True
    ).stdout
    count, mib = map(int, answer.split())
    assert count == rows
    return mib


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads how much memory was used as Linux tells it")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    assert peak_mib(tmp_path / "long.csv", 300_000) <= peak_mib(tmp_path / "short.csv", 3_000) + 8
