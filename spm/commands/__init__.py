"""The commands of ``spm``, in the order of its help. None is imported before it is used."""

from typing import Final, NamedTuple


class Registered(NamedTuple):
    """A command or a group of commands: ``where`` it is below this package, and how its help begins.

    ``passes_on``: options that it does not know are another program's.
    """

    where: str
    help: str
    passes_on: bool = False


COMMANDS: Final = {
    "demo": Registered(
        "demo:command",
        "Run the whole pipeline on this machine and show that every figure adds up, and who is at risk.",
    ),
    "init": Registered(
        "init:command",
        "Make this folder a project with a pipeline of its own, and install the CDK command line into it.",
    ),
    "local": Registered(
        "local:command",
        "Run the whole pipeline on this machine until Ctrl-C. The other commands find it by themselves.",
    ),
    "deploy": Registered(
        "deploy:command",
        "Deploy the project's pipelines to AWS or to LocalStack with the CDK, which shows its progress.",
        passes_on=True,
    ),
    "generate": Registered(
        "generate:command",
        "Make plausible events of a term that has just ended, as JSON lines in a file or in the stream.",
    ),
    "publish": Registered(
        "publish:command",
        "Publish events from a file. The processor's own decoder checks every line first.",
    ),
    "dashboard": Registered(
        "dashboard:command", "Show courses and students in a browser on this machine, until Ctrl-C."
    ),
    "status": Registered(
        "status:command", "Show how the stack is doing. The exit code is 1 when something needs attention."
    ),
    "tail": Registered("tail:command", "Show events as they are stored, one line each."),
    "logs": Registered("logs:command", "Show the logs of the stack's functions, oldest lines first."),
    "trace": Registered(
        "trace:command",
        "Show where an event is and was: its row or rejection, the stream, failed records, and the attempts.",
    ),
    "course": Registered(
        "course:command",
        "Show one course: students who need attention, scores of each piece of work, activity by hour.",
    ),
    "student": Registered(
        "query:student",
        "Show a student's newest events, and a small plot of the scores.",
    ),
    "query": Registered("query:query", "Run a ready-made, read-only report over the stored events."),
    "rejected": Registered("rejected:app", "List, show, redrive, dismiss and export rejected records."),
    "replay": Registered(
        "replay:app", "Send records through the processor again, under their own identities."
    ),
    "roster": Registered("roster:app", "Import and look at courses, due work and people."),
    "risk": Registered("risk:app", "Show who is at risk in which course, and why."),
    "alerts": Registered(
        "alerts:app", "See who was told about a risk, test the channels, and mute a course."
    ),
    "followup": Registered(
        "followup:app", "Note who talked to a student at risk, and see how often somebody does."
    ),
    "access-log": Registered(
        "access_log:command",
        "Show who saw which student or course, when, and by which command or page, newest first.",
    ),
    "export": Registered(
        "export:command",
        "Write every projection, risk with its history, and the event log by month into a folder.",
    ),
    "export-student": Registered(
        "export_student:command",
        "Write everything about one student into a folder or zip file, in words that this person can read.",
    ),
    "erase": Registered(
        "erase:command",
        "Erase students permanently: everything about them, and whatever is sent about them later.",
    ),
    "pipeline": Registered("pipeline:app", "Inspect or try a pipeline before it is deployed."),
    "schema": Registered("schema:app", "Tell producers what a pipeline accepts."),
    "senders": Registered("senders:app", "Manage who may send events over HTTP."),
    "retention": Registered(
        "maintain:retention",
        "Permanently drop what is from before a month, after showing it and asking.",
    ),
    "rebuild": Registered(
        "maintain:rebuild",
        "Make a projection again from the event log, month by month, while events are stored.",
    ),
    "migrate": Registered(
        "maintain:migrate", "Bring the database's schema up to date. Deployments do this by themselves."
    ),
}
"""The commands by name. A new command is a module here and one line in this list."""
