"""Several scenarios, each on the running lab where that fits, or on a lab of its own."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from lab.api import Lab
from lab.errors import LabError, Terminated
from lab.scenario import labs
from lab.scenario.context import Context
from lab.scenario.player import Audience, play
from lab.scenario.scenario import Result, Scenario, Variant, not_played
from lab.topology import DEFAULT_NATS


@dataclass
class Plays:
    """How they are played: `jobs` at a time, each told to an audience of its own. `lab` is the running one, whose name
    begins the names of the others; with `own_lab`, or a server version `nats`, it is left alone."""

    lab: Lab
    audience: Callable[[], Audience]
    own_lab: bool = False
    jobs: int = 1
    nats: str | None = None
    reserved: set[int] = field(default_factory=set)

    async def all(self, scenarios: Sequence[Scenario]) -> tuple[Result, ...]:
        """Every variant of each. Ends in good order on SIGTERM, as on Ctrl-C; raises `Terminated` then."""
        task, terminated = asyncio.current_task(), False
        assert task is not None

        def end() -> None:
            nonlocal terminated
            if not terminated:  # more of them do not interrupt what is being removed
                terminated = True
                task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        pairs = [(scenario, variant) for scenario in scenarios for variant in scenario.variants]
        gate = asyncio.Semaphore(self.jobs)

        async def one(scenario: Scenario, variant: Variant) -> Result:
            async with gate:
                return await self._one(scenario, variant)

        def turn(index: int) -> int:
            """The longest first, when there are several at a time: else one of them would be alone at the end."""
            return -len(pairs[index][0].steps) if self.jobs > 1 else index

        begun = {index: asyncio.create_task(one(*pairs[index])) for index in sorted(range(len(pairs)), key=turn)}
        try:
            return tuple(await asyncio.gather(*(begun[index] for index in range(len(pairs)))))
        except asyncio.CancelledError:
            if terminated:
                raise Terminated("terminated; every lab was healed or removed") from None
            raise
        finally:  # each heals its lab, or removes it, before it ends
            for started in begun.values():
                if not started.cancelling():
                    started.cancel()
            await asyncio.gather(*begun.values(), return_exceptions=True)

    async def _one(self, scenario: Scenario, variant: Variant) -> Result:
        lab, audience = self.lab, self.audience()
        lacking = await asyncio.to_thread(labs.lacking, lab, scenario)
        if lacking:
            nothing = not_played(scenario, variant, lacking)
            await audience.closes(nothing)
            return nothing
        alone = self.own_lab or self.jobs > 1 or self.nats
        observation = None
        if not alone:
            observation = await asyncio.to_thread(labs.running, lab.engine, lab.name, variant, scenario.layouts)
        if observation:
            return await play(scenario, variant, Context(lab, observation.topology, observation), audience)
        wanted = variant.topology
        if self.nats and wanted.nats == DEFAULT_NATS:
            wanted = replace(wanted, nats=self.nats)
        try:
            topology = await asyncio.to_thread(
                labs.free_topology, lab.engine, wanted, lab.name, scenario.name, variant.name, self.reserved
            )
            async with labs.own(lab.engine, lab.root, topology, lab.say) as context:
                return await play(scenario, variant, context, audience, keep=False)
        except LabError as error:
            nothing = Result(
                scenario.name, variant.name, "none", (), scenario.length, (), 0, error.message, scenario.title
            )
            await audience.closes(nothing)
            return nothing
