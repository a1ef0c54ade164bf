"""The commands of ``spm``, in the order in which its help lists them. None is imported before it is used."""

from typing import Final, NamedTuple


class Registered(NamedTuple):
    """A command or a group of them: ``where`` it is, below this package, and what its help begins with."""

    where: str
    help: str


COMMANDS: Final = {
    "demo": Registered(
        "demo:command",
        "Run the whole pipeline on this machine and show that every figure adds up, and who is at risk.",
    ),
    "local": Registered(
        "local:command",
        "Run the whole pipeline on this machine until Ctrl-C; the other commands find it by themselves.",
    ),
    "generate": Registered(
        "generate:command",
        "Make plausible events of a term that has just ended: JSON lines to a file, or to the stream.",
    ),
    "publish": Registered(
        "publish:command",
        "Publish events from a file; every line is checked first by the processor's own decoder.",
    ),
    "dashboard": Registered(
        "dashboard:command", "Show courses and students in a browser on this machine, until Ctrl-C."
    ),
    "status": Registered(
        "status:command", "Show how the stack is doing; exits with 1 when something needs attention."
    ),
    "tail": Registered("tail:command", "Show events as they are stored, one line each."),
    "logs": Registered(
        "logs:command", "Show what the stack's functions write into their logs, oldest first."
    ),
    "course": Registered(
        "course:command",
        "Show one course: students who need attention, scores of each piece of work, activity by hour.",
    ),
    "student": Registered(
        "query:student",
        "Show a student's newest events, and their scores, if they have some, as a small plot.",
    ),
    "query": Registered("query:query", "Run a ready-made, read-only report over the stored events."),
    "rejected": Registered("rejected:app", "List, show, redrive, dismiss and export rejected records."),
    "replay": Registered("replay:app", "Bring records to the processor again, under their own identities."),
    "roster": Registered("roster:app", "Import and look at courses, due work and people."),
    "risk": Registered("risk:app", "Who is at risk in which course, and why."),
    "alerts": Registered(
        "alerts:app", "See who was told of a risk, try whether telling works, mute a course."
    ),
    "followup": Registered(
        "followup:app", "Note who talked to a student at risk, and see whether it is done."
    ),
    "access-log": Registered(
        "access_log:command",
        "Show who saw which student or course, when, and by which command or page; the newest first.",
    ),
    "export": Registered(
        "export:command",
        "Write every projection, risk with its history, and the event log by month into a folder.",
    ),
    "export-student": Registered(
        "export_student:command",
        "Write everything about one student into a folder or a zip file that this person can read.",
    ),
    "pipeline": Registered("pipeline:app", "Look at a pipeline, or try it, before it is deployed."),
    "senders": Registered("senders:app", "Say who may send events over HTTP."),
    "retention": Registered(
        "maintain:retention",
        "Drop the months of the event log before a month, for good; shows them and asks first.",
    ),
    "rebuild": Registered(
        "maintain:rebuild",
        "Make a projection again from the event log, month by month, while events are stored.",
    ),
    "migrate": Registered(
        "maintain:migrate", "Bring the database's schema up to date; deployments do it by themselves."
    ),
}
"""By name. A new command is a module here, and one line of this list."""
