"""`lab probe`, `lab rtt`."""

import time
from typing import Annotated

import typer

from lab.cli.app import PANEL_USE, AsJson, Name, app, attached, print_json, show, time_of

WATCH_S = 2


@app.command(rich_help_panel=PANEL_USE)
def probe(
    name: Name = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Repeat every two seconds until Ctrl-C.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, callback=time_of, help="Seconds to wait for each answer.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Show what works right now: one real request for each region and operation, with latency and error code.

    Publishes three messages below `foo.probe` in each region, and leaves a durable consumer `lab-probe` there:
    `existing-consumer` needs one that was made before a fault.
    """
    lab = attached(name)
    while True:
        matrix = lab.probe(timeout)
        if as_json:
            print_json(matrix, indent=None if watch else 2)
        else:
            from lab import view

            if watch:
                typer.echo("\x1b[2J\x1b[H", nl=False)
            show(view.availability(matrix))
        if not watch:
            return
        time.sleep(WATCH_S)


@app.command(rich_help_panel=PANEL_USE)
def rtt(
    nodes: Annotated[bool, typer.Option("--nodes", help="Show every pair of nodes, not only of regions.")] = False,
    count: Annotated[int, typer.Option(min=1, max=5000, help="Number of datagrams for each pair and direction.")] = 20,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Measure round trips and loss between all nodes, beside what is in force and what the servers' gateways report.

    What is not as it should be is marked with `!`.
    """
    found = attached(name).rtt(count)
    if as_json:
        print_json(found)
        return
    from lab import view

    show(view.round_trips(found, nodes))
