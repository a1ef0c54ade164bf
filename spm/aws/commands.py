"""Ask the stack's functions: the only way in which people reach the database (docs/design.md)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from processor.commands.command import Command, Function, answer_of, name_of
from processor.commands.query import Query, QueryAnswer
from spm.errors import OperationRefusedError

if TYPE_CHECKING:
    from spm.aws.stack import Aws

MOST_OF_A_PAGE: Final = 1_000


class PagedAnswer(Protocol):
    """An answer that holds some rows. ``next`` says where the remaining rows begin, if there are any."""

    @property
    def next(self) -> Any: ...  # noqa: ANN401, D102 - each command has a kind of place of its own


A = TypeVar("A")
P = TypeVar("P", bound=PagedAnswer)


class Commands:
    """Asks the functions of one stack."""

    def __init__(self, aws: "Aws", function_names: Mapping[Function, str]) -> None:
        self._aws = aws
        self._function_names = function_names

    def run(self, command: Command[A]) -> A:
        """Return the answer; raise OperationRefusedError with the function's words."""
        name = name_of(type(command))
        if command.about():
            command = msgspec.structs.replace(command, who=self._aws.identity)
        answer = self._aws.functions.invoke(
            FunctionName=self._function_names[command.function], Payload=msgspec.json.encode(command)
        )
        result = msgspec.json.decode(answer["Payload"].read())
        if "FunctionError" in answer:
            raise OperationRefusedError(f"{name}: {result.get('errorMessage', result)}")
        if "refused" in result:
            raise OperationRefusedError(f"{name}: {result['refused']}")
        try:
            return msgspec.convert(result, answer_of(type(command)))
        except msgspec.ValidationError as error:
            raise OperationRefusedError(
                f"{name}: the answer comes from another version ({error}): use the checkout that was deployed"
            ) from error

    def pages(
        self, wanted: Command[P], limit: int, rows: Callable[[P], Sequence[object]], *, by: str = "offset"
    ) -> Iterator[P]:
        """Yield answers, page by page, until they hold ``limit`` rows or there are no more.

        ``rows`` returns the rows of an answer. ``by`` is the command's parameter that takes an answer's
        ``next``.
        """
        left, place = limit, dict[str, Any]()
        while left > 0:
            answer = self.run(msgspec.structs.replace(wanted, limit=min(MOST_OF_A_PAGE, left), **place))
            yield answer
            if answer.next is None:
                return
            left, place = left - len(rows(answer)), {by: answer.next}

    def report(self, query: Query) -> QueryAnswer:
        """Return a report's rows up to its limit, answer by answer."""
        answer = self.run(query)
        rows = answer.rows
        while answer.next is not None:
            left = query.limit - len(rows)
            answer = self.run(msgspec.structs.replace(query, offset=answer.next, limit=left))
            rows += answer.rows
        return QueryAnswer(answer.columns, rows, None, answer.waiting)
