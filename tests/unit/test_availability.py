"""What a probe makes of the answers that a session gives."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lab.errors import NatsError, NoAnswer
from lab.jetstream.session import Ack, ApiError
from lab.observe import availability, operations
from lab.observe.availability import probe
from lab.observe.operations import Cell
from lab.topology import Topology

TOPOLOGY = Topology()


class FakeSession:
    """Answers what the test says; `asked` has every request's subject or call."""

    region = "west"
    server = "west-1"

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def publish(self, subject: str, body: bytes, headers: Any = None, timeout: float = 1) -> Any:
        return await self._say(subject, Ack("foo-write-west", 7, False))

    async def api(self, call: str, body: Any = None, timeout: float = 1) -> Any:
        return await self._say(call, {})

    async def direct_get(self, stream: str, request: Any, timeout: float = 1) -> Any:
        return await self._say(f"DIRECT.GET.{stream}", None)

    async def _say(self, what: str, otherwise: Any) -> Any:
        self.asked.append(what)
        said = self.answer(what)
        if isinstance(said, BaseException):
            raise said
        if said == "hang":
            await asyncio.sleep(60)
        return otherwise if said is None else said


def ask(operation: str, answer: Callable[[str], Any]) -> tuple[Cell, FakeSession]:
    session = FakeSession(answer)
    return asyncio.run(probe(session, operation, TOPOLOGY, 0.1)), session  # type: ignore[arg-type]


def test_a_publish_is_marked_by_its_subject_and_reports_where_it_was_stored() -> None:
    cell, session = ask(operations.PUBLISH, lambda _: None)
    assert (cell.state, cell.detail) == ("works", "foo-write-west 7")
    assert session.asked[0].startswith("foo.probe.west.publish.")


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (ApiError("no meta leader", 10008), "fails", 10008),
        (ApiError("nobody", 503), "fails", 503),
        (NoAnswer("nothing came"), "silent", None),
        (NatsError("broken pipe"), "fails", None),
        ("hang", "silent", None),
    ],
)
@pytest.mark.parametrize("operation", [o for o in operations.OPERATIONS if o != operations.META_LEADER])
def test_every_operation_tells_an_error_from_silence(operation: str, error: Any, state: str, code: int | None) -> None:
    cell, _ = ask(operation, lambda _: error)
    assert (cell.state, cell.code) == (state, code)
    assert cell.seconds < 2


def test_an_empty_stream_answers_get_as_well_as_a_full_one() -> None:
    cell, _ = ask(operations.GET, lambda _: ApiError("no message found", 10037))
    assert (cell.state, cell.detail) == ("works", "the stream is empty")


def test_a_message_that_never_reaches_the_read_stream_fails() -> None:
    cell, _ = ask(operations.SEE_OWN_PUBLISH, lambda call: {"state": {}} if call.startswith("STREAM.INFO") else None)
    assert cell.state == "fails"
    assert "not in foo-read-west" in cell.detail


def test_what_the_probe_makes_is_deleted_again_and_ends_by_itself_when_it_cannot_be() -> None:
    for operation, made in ((operations.NEW_CONSUMER, "CONSUMER"), (operations.NEW_STREAM, "STREAM")):
        cell, session = ask(operation, lambda call: NoAnswer("") if ".DELETE." in call else None)
        assert cell.state == "works"
        assert [call.split(".")[:2] for call in session.asked] == [[made, "CREATE"], [made, "DELETE"]]


def test_a_durable_that_was_never_made_tells_nothing() -> None:
    silent = Cell("west", operations.EXISTING_CONSUMER, "fails", 0.1, 503, "nobody")
    assert availability._never_made(silent).state == "unknown"
    works = Cell("west", operations.EXISTING_CONSUMER, "works", 0.1)
    assert availability._never_made(works) == works
    other = Cell("west", operations.GET, "fails", 0.1, 10008)
    assert availability._never_made(other) == other
