"""The message about a failed deployment tells its cause, and not what followed from it."""

from emulation.cdk import why

OUTPUT = """
StudentPerformance-misfit | 6:05:40 PM | CREATE_COMPLETE      | AWS::Lambda::Function  | Operations (Ops1)
StudentPerformance-misfit | 6:05:41 PM | CREATE_FAILED | Custom::DatabaseMigration | Migration/Resource (M1) \
MigrationFailed: the pipeline attendance does not fit:
examples/attendance/__init__.py:19: the event's presence is not a column of the table attendance
examples/attendance/migrations/0001_attendance.sql:3: the table attendance requires status
StudentPerformance-misfit | 6:05:42 PM | CREATE_FAILED        | AWS::Lambda::Function  | Other (O1) cancelled

❌  StudentPerformance-misfit failed to deploy
‣ DeploymentError: Resource updates failed:
     CloudTrail delivery can lag up to 15 minutes behind the failure
"""


def test_only_the_message_of_the_first_failed_resource_is_shown() -> None:
    assert why(OUTPUT).splitlines() == [
        "  MigrationFailed: the pipeline attendance does not fit:",
        "  examples/attendance/__init__.py:19: the event's presence is not a column of the table attendance",
        "  examples/attendance/migrations/0001_attendance.sql:3: the table attendance requires status",
    ]


def test_if_no_resource_failed_the_last_lines_are_shown() -> None:
    assert (
        why("Traceback (most recent call last):\n\n  context target: wrong\n") == "    context target: wrong"
    )
