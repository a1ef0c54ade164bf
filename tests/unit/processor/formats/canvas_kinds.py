"""A body in the shape of each kind of event that Canvas documents, and what becomes of it.

The shapes are those of instructure/canvas-lms, doc/api/data_services/json/canvas/event-types; what stands in
them is made up.
"""

from typing import Any, NamedTuple

NO_CONTEXT: dict[str, Any] = {"context_type": None, "context_id": None, "context_role": None, "user_id": None}
STUDENT = "21070000000000048"
TEACHER = {"user_id": "21070000000000987", "user_sis_id": "T-45", "context_role": "TeacherEnrollment"}
AT = "2026-09-01T08:00:00Z"


class DocumentedKind(NamedTuple):
    """``becomes`` has the event's columns. It is None if the event is rejected because it has no student."""

    body: dict[str, Any]
    becomes: dict[str, Any] | None = None
    metadata: dict[str, Any] = TEACHER


def _event(event_type: str, **members: Any) -> dict[str, Any]:
    return {"event_type": event_type, "student_id": "48", "score": None, **members}


_SUBMISSION: dict[str, Any] = {
    "submission_id": "21070000012345567",
    "assignment_id": "21070000000000355",
    "user_id": STUDENT,
    "submitted_at": AT,
    "graded_at": AT,
    "score": 99.5,
    "grade": "Missing",
    "attempt": 12,
    "late": False,
    "submission_type": "online_text_entry",
    "body": "text",
    "workflow_state": "submitted",
}
_ENTRY: dict[str, Any] = {
    "user_id": "48",
    "created_at": AT,
    "discussion_entry_id": "92",
    "discussion_topic_id": "189",
    "text": "<p>text</p>",
    "parent_discussion_entry_id": "59",
}
_ENROLMENT: dict[str, Any] = {
    "enrollment_id": "21070000000046825",
    "course_id": "21070000000000565",
    "user_id": STUDENT,
    "user_name": "A Student",
    "type": "StudentEnrollment",
    "course_section_id": "21070000000004811",
    "workflow_state": "invited",
}
_PROGRESS: dict[str, Any] = {
    "progress": {"requirement_count": 6, "requirement_completed_count": 5, "completed_at": None},
    "user": {"id": "48", "name": "A Student", "email": "s@example.org"},
    "course": {"id": "565", "name": "Algebra", "account_id": "79", "sis_source_id": None},
}
_GRADE: dict[str, Any] = {
    "submission_id": "21070000000011086",
    "assignment_id": "21070000000000355",
    "grade": "5",
    "old_grade": "4",
    "score": 5,
    "old_score": 4,
    "points_possible": 1,
    "old_points_possible": 1,
    "grader_id": "21070000000000987",
    "student_id": STUDENT,
    "student_sis_id": "S-48",
    "user_id": STUDENT,
    "grading_complete": True,
    "muted": False,
}
_COURSE_SCORES: dict[str, Any] = {
    "user_id": "48",
    "course_id": "565",
    "workflow_state": "active",
    "current_score": 17.31,
    "final_score": 12.5,
    "old_current_score": 13.46,
    "unposted_current_score": 17.31,
}
_STATUS: dict[str, Any] = {"user_id": "48", "course_id": "565", "updated_at": AT}

EVENTS: dict[str, DocumentedKind] = {
    "grade_change": DocumentedKind(
        _GRADE, _event("grade", score=5, max_score=1, course="565", assessment="355")
    ),
    "course_grade_change": DocumentedKind(
        _COURSE_SCORES, _event("course_grade", score=17.31, max_score=100, course="565")
    ),
    "grade_override": DocumentedKind(
        {
            "score_id": "43",
            "enrollment_id": "44",
            "user_id": "48",
            "course_id": "565",
            "grading_period_id": "47",
            "override_score": 90,
            "old_override_score": 85,
        },
        _event("course_grade", score=90, max_score=100, course="565"),
    ),
    "submission_custom_grade_status": DocumentedKind(
        {**_STATUS, "assignment_id": "355", "submission_id": "100", "submission_status": "Completed"},
        _event("submission_custom_grade_status", course="565", assessment="355"),
    ),
    "final_grade_custom_status": DocumentedKind(
        {**_STATUS, "score_id": "12345", "enrollment_id": "67890", "override_status": "Incomplete"},
        _event("final_grade_custom_status", course="565"),
    ),
    "submission_created": DocumentedKind(
        _SUBMISSION, _event("submission", assessment="355", course=None), NO_CONTEXT
    ),
    "submission_updated": DocumentedKind(_SUBMISSION, _event("submission_updated", assessment="355")),
    "plagiarism_resubmit": DocumentedKind(_SUBMISSION, _event("plagiarism_resubmit", assessment="355")),
    "submission_comment_created": DocumentedKind(
        {"submission_comment_id": "19", "submission_id": "99", "user_id": "48", "attachment_ids": []},
        _event("submission_comment"),
        {},
    ),
    "discussion_entry_created": DocumentedKind(_ENTRY, _event("discussion_entry", course="565"), {}),
    "discussion_entry_submitted": DocumentedKind(
        {**_ENTRY, "assignment_id": "649", "submission_id": "567"},
        _event("discussion_entry", assessment="649"),
        {},
    ),
    "enrollment_created": DocumentedKind(_ENROLMENT, _event("enrollment_created", course="565")),
    "enrollment_updated": DocumentedKind(_ENROLMENT, _event("enrollment_updated", course="565")),
    "course_progress": DocumentedKind(_PROGRESS, _event("course_progress", course="565"), NO_CONTEXT),
    "course_completed": DocumentedKind(_PROGRESS, _event("course_completed", course="565"), {}),
    "quiz_submitted": DocumentedKind(
        {"quiz_id": "21070000002223333", "submission_id": "21070000013995723"},
        _event("quiz_submitted", item="2223333", assessment=None, course="565"),
        {},
    ),
    "asset_accessed": DocumentedKind(
        {
            "asset_type": "course",
            "asset_id": "21070000000000144",
            "asset_subtype": "assignments",
            "asset_name": "Algebra",
            "category": "assignments",
            "role": "StudentEnrollment",
            "level": None,
        },
        _event("asset_accessed", course="565", assessment=None),
        {},
    ),
    "logged_in": DocumentedKind(
        {"redirect_url": "https://lms.example/"},
        _event("logged_in", course=None),
        {**NO_CONTEXT, "user_id": STUDENT},
    ),
    "logged_out": DocumentedKind({}, _event("logged_out", course=None), {**NO_CONTEXT, "user_id": STUDENT}),
}

_ASSIGNMENT: dict[str, Any] = {
    "assignment_id": "21070000000000355",
    "context_id": "21070000000000565",
    "context_type": "Course",
    "title": "Quiz 1",
    "due_at": AT,
    "points_possible": 10,
    "workflow_state": "published",
}
_OVERRIDE = {"assignment_override_id": "1", "assignment_id": "355", "due_at": AT, "type": "CourseSection"}
_ATTACHMENT = {"attachment_id": "632", "user_id": STUDENT, "context_type": "Course", "context_id": "565"}
_CONVERSATION = {"conversation_id": "7", "updated_at": AT}
_COURSE = {"course_id": "565", "account_id": "79", "name": "Algebra", "workflow_state": "available"}
_MEMBERSHIP = {"group_membership_id": "1", "user_id": STUDENT, "group_id": "51", "workflow_state": "accepted"}
_OUTCOME = {"learning_outcome_id": "1", "context_type": "Course", "context_id": "565", "title": "Fractions"}
_RESULT = {**_OUTCOME, "user_uuid": "elXw", "score": 5, "possible": 5, "percent": 1, "mastery": True}
_USER = {"user_id": STUDENT, "uuid": "kDfq", "name": "A Student", "workflow_state": "registered"}
_STATE = {"enrollment_id": "21070000000000143", "state": "active", "restricted_access": False}
_QUIZ = {"quiz_id": "9", "context_type": "Course", "context_id": "565", "title": "Quiz 1"}
_RUBRIC = {"id": "20", "artifact_id": "77", "artifact_type": "Submission", "assessment_type": "grading"}
_PAGE = {"wiki_page_id": "9", "title": "Page", "body": "<p>text</p>"}

_NO_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("account_created account_updated", {"account_id": "79", "name": "School"}),
    ("account_notification_created", {"account_notification_id": "1", "subject": "Holidays"}),
    ("assignment_created assignment_updated", _ASSIGNMENT),
    ("assignment_group_created assignment_group_updated", {"assignment_group_id": "3", "name": "Tests"}),
    ("assignment_override_created assignment_override_updated", _OVERRIDE),
    ("attachment_created attachment_updated attachment_deleted", _ATTACHMENT),
    (
        "content_migration_started content_migration_completed master_migration_started",
        {"content_migration_id": "4", "context_type": "Course", "context_id": "565"},
    ),
    ("conversation_created conversation_forwarded", _CONVERSATION),
    ("conversation_message_created", {**_CONVERSATION, "author_id": "48", "message_id": "8"}),
    ("course_created course_updated", _COURSE),
    ("course_section_created course_section_updated", {"course_section_id": "7", "course_id": "565"}),
    ("syllabus_updated", {"course_id": "565", "syllabus_body": "new", "old_syllabus_body": "old"}),
    ("discussion_topic_created discussion_topic_updated", {"discussion_topic_id": "1", "title": "Hi"}),
    ("enrollment_state_created enrollment_state_updated", _STATE),
    ("group_category_created group_category_updated", {"group_category_id": "4"}),
    ("group_created group_updated", {"group_id": "51", "group_name": "Group 1"}),
    ("group_membership_created group_membership_updated", _MEMBERSHIP),
    ("learning_outcome_created learning_outcome_updated", _OUTCOME),
    ("learning_outcome_group_created learning_outcome_group_updated", {"learning_outcome_group_id": "2"}),
    ("learning_outcome_link_created learning_outcome_link_updated", {"learning_outcome_link_id": "5"}),
    ("learning_outcome_result_created learning_outcome_result_updated", _RESULT),
    ("lti_resource_link_created lti_resource_link_updated", {"resource_link_uuid": "u", "title": "Tool"}),
    ("module_created module_updated", {"module_id": "5", "name": "Week 1"}),
    ("module_item_created module_item_updated", {"module_item_id": "6", "module_id": "5"}),
    (
        "outcome_calculation_method_created outcome_calculation_method_updated",
        {"outcome_calculation_method_id": "1", "calculation_method": "latest"},
    ),
    ("outcome_proficiency_created outcome_proficiency_updated", {"outcome_proficiency_id": "1"}),
    ("outcomes.retry_outcome_alignment_clone", {"new_course_uuid": "n", "original_course_uuid": "o"}),
    ("quiz_created quiz_updated", _QUIZ),
    ("rubric_assessed", _RUBRIC),
    ("sis_batch_created sis_batch_updated", {"sis_batch_id": "1"}),
    ("user_account_association_created", {"user_id": STUDENT, "account_id": "79", "is_admin": False}),
    ("user_created user_updated", _USER),
    ("wiki_page_created wiki_page_updated wiki_page_deleted", _PAGE),
]

KINDS: dict[str, DocumentedKind] = EVENTS | {
    name: DocumentedKind(body) for names, body in _NO_EVENTS for name in names.split()
}
