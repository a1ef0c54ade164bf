"""``python -m bench.risk`` on a small made-up folder in OULAD's format, with the handler and PostgreSQL."""

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

HEADS = {
    "courses": "code_module,code_presentation,module_presentation_length",
    "assessments": "code_module,code_presentation,id_assessment,assessment_type,date,weight",
    "studentInfo": "code_module,code_presentation,id_student,gender,region,highest_education,imd_band,"
    "age_band,num_of_prev_attempts,studied_credits,disability,final_result",
    "studentRegistration": "code_module,code_presentation,id_student,date_registration,date_unregistration",
    "studentAssessment": "id_student,id_assessment,date_submitted,is_banked,score",
}
PRESENTATIONS = ("2013B", "2013J")
STUDENTS = 24


def made_up() -> dict[str, list[str]]:
    """Return two presentations. Low numbers do worse: students 0 and 1 hand in nothing, and 2 leaves."""
    lines: dict[str, list[str]] = {name: [head] for name, head in HEADS.items()}
    for place, presentation in enumerate(PRESENTATIONS):
        lines["courses"].append(f"AAA,{presentation},240")
        first, second, exam = (100 * place + number for number in (1, 2, 3))
        lines["assessments"] += [
            f"AAA,{presentation},{first},TMA,19,20",
            f"AAA,{presentation},{second},CMA,54,20",
            f"AAA,{presentation},{exam},Exam,?,100",
        ]
        for student in range(STUDENTS):
            result = "Fail" if student < 8 else "Pass"
            left = "40" if student == 2 else "?"
            band = "10-20" if student % 2 else "90-100%"
            lines["studentInfo"].append(
                f"AAA,{presentation},{student},{'MF'[student % 2]},Wales,A Level,{band},35-55,0,60,N,{result}"
            )
            lines["studentRegistration"].append(f"AAA,{presentation},{student},-20,{left}")
            if student == 0:
                lines["studentAssessment"].append(f"{student},{first},18,1,80")  # banked, not handed in
            if student > 1:
                lines["studentAssessment"].append(f"{student},{first},18,0,{40 + student}")
            if student > 4:
                lines["studentAssessment"].append(
                    f"{student},{second},53,0,{'?' if student == 5 else student}"
                )
                lines["studentAssessment"].append(f"{student},{exam},57,0,50")  # after the last day
    return lines


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.risk", "--data", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])


@pytest.mark.parametrize("packed", [False, True])
def test_every_enrolled_student_gets_a_score_with_reasons_and_the_figures_are_told(
    tmp_path: Path, packed: bool
) -> None:
    for name, lines in made_up().items():
        data = ("\n".join(lines) + "\n").encode()
        if packed:
            (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(data))
        else:
            (tmp_path / f"{name}.csv").write_bytes(data)
    done = run(tmp_path, "--day", "56", "--out", str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    found = {
        (row["course"], row["student"]): row
        for row in csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text()))
    }
    assert set(found) == {
        (f"AAA-{presentation}", str(student))
        for presentation in PRESENTATIONS
        for student in range(STUDENTS)
        if student != 2  # student 2 had left
    }
    scores = {student: found["AAA-2013B", str(student)] for student in (0, 1, 3, 5, 23)}
    assert [row["score"] for row in scores.values()] == ["3.50", "3.50", "1.91", "0.82", "0.00"]
    assert [row["level"] for row in scores.values()] == ["high", "high", "high", "none", "none"]
    assert {row["day"] for row in found.values()} == {"56"}
    reasons = json.loads(scores[3]["reasons"])
    assert [reason["rule"] for reason in reasons] == ["missing", "rank", "silent"]
    assert reasons[0]["numbers"]["titles"] == ["CMA 2"]
    figures = [line.split() for line in done.stdout.splitlines()]
    assert ["students", "23", "23", "46"] in figures
    assert [line[-1] for line in figures if line[:1] == ["AUC"]] == ["1.000"]
    assert ["high:", "precision", "1.000", "1.000", "1.000"] in figures
    assert any(line[:2] == ["gender", "F"] for line in figures)
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_a_folder_without_a_file_is_told_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 2
    assert "/courses.csvisnotthere,norisitwith.gz:" in "".join(done.stderr.split())  # wrapped anywhere
