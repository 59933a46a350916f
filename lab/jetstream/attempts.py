"""One publish, tried once, with an outcome for a history: ok, fail (surely not stored), info (who knows)."""

import asyncio
import json
from dataclasses import dataclass
from typing import Literal

from nats.errors import Error as ClientError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as ClientTimeout

from lab.jetstream.session import Session


@dataclass(frozen=True, slots=True)
class Outcome:
    """`stream` and `sequence` come with an acknowledgement; `error` is one of few short texts, to be counted."""

    outcome: Literal["ok", "fail", "info"]
    stream: str = ""
    sequence: int = 0
    duplicate: bool = False
    error: str = ""


async def attempt(
    session: Session, subject: str, body: bytes, timeout: float, headers: dict[str, str] | None = None
) -> Outcome:
    """Publish once and wait `timeout` seconds for the acknowledgement; never raises for what a server or network does.

    | what comes | outcome |
    |---|---|
    | an acknowledgement | ok |
    | not connected, before anything is written | fail |
    | 503 no responders; an error of JetStream, such as 10008 | fail |
    | no answer in time; the connection breaks; anything else | info: it may have been stored, or be stored later |
    """
    client = session.client
    if not client.is_connected:
        return Outcome("fail", error="not connected")
    try:
        answer = json.loads((await client.request(subject, body, timeout, headers=headers)).data)
        if "error" in answer:
            return Outcome("fail", error=f"JetStream {answer['error'].get('err_code', answer['error'].get('code', 0))}")
        return Outcome("ok", answer["stream"], answer["seq"], answer.get("duplicate", False))
    except NoRespondersError:
        return Outcome("fail", error="no responders")
    except (ClientTimeout, TimeoutError):
        return Outcome("info", error="timeout")
    except asyncio.CancelledError:
        raise
    except (ClientError, OSError, ValueError, KeyError) as error:
        return Outcome("info", error=type(error).__name__)
