"""``spm risk rules``: the weights and thresholds of risk."""

from typing import Annotated

import typer

from processor.commands.risk_rules import ListedRule, RiskRules, RiskRuleSet
from spm.aws.target import connect
from spm.commands.query import Form, print_rows
from spm.terminal import console
from spm.terminal.options import JsonOption, SuffixOption, TargetOption

CourseRuleOption = Annotated[
    str | None, typer.Option("--course", help="Show the rules of this course.", show_default=False)
]
EVERY_COURSE = "every course"

app = typer.Typer(help="Show and set weights and thresholds of risk.", no_args_is_help=True)


@app.command()
def show(
    *,
    course: CourseRuleOption = None,
    form: Annotated[Form, typer.Option("--format", help="How to print the rules.")] = Form.TABLE,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the rules for every course, or for one. docs/risk.md says what each does.

    Example: spm risk rules show --course MATH-101
    """
    rules = connect(target, suffix).commands.run(RiskRules(course=course)).rules
    rows = [[rule.name, rule.value, rule.course] for rule in rules]
    if as_json or form is not Form.TABLE:
        print_rows(["name", "value", "course"], rows, Form.JSON if as_json else form)
        return
    console.print_table(
        ["rule", "value", "of"],
        ([rule.name, console.exact(rule.value), rule.course or EVERY_COURSE] for rule in rules),
    )


@app.command(name="set")
def set_(
    name: Annotated[str, typer.Argument(help="The rule, such as high_at.")],
    value: Annotated[
        float | None, typer.Argument(help="The new value; not with --reset.", show_default=False)
    ] = None,
    *,
    course: CourseRuleOption = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="With --course, follow the general rule again.")
    ] = False,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a rule for every course, or for one. Levels change when courses are next evaluated.

    Example: spm risk rules set high_at 2 --course MATH-101
    Example: spm risk rules set high_at --reset --course MATH-101
    """
    if reset == (value is not None):
        raise typer.BadParameter("give a value, or --reset")
    wanted = RiskRuleSet(name=name, value=value, course=course)
    answer = connect(target, suffix).commands.run(wanted)
    if as_json:
        console.print_json(answer)
        return
    console.out.print(f"{name}: {_told(answer.before)} before, now {_told(answer.rule)}")
    if answer.rule == answer.before:
        console.out.print("nothing changes")
        return
    them = "It is" if answer.courses == 1 else "They are"
    console.out.print(
        f"{console.counted(answer.courses, 'course')} of the roster go{'es' if answer.courses == 1 else ''} "
        f"by it. {them} evaluated again within a minute; `spm risk history` shows whose level changes."
    )


def _told(rule: ListedRule) -> str:
    return f"{console.exact(rule.value)} (of {rule.course or EVERY_COURSE})"
