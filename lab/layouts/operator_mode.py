"""A layout in operator mode: its one account is the operator's, and whoever connects needs a file of credentials."""

from dataclasses import replace

from lab.layouts.layout import Layout

ACCOUNT = "APP"
# Roles, each with a file of credentials: all that the account may do, what applications need, the system account.
ADMIN, APPLICATION, SYSTEM = "admin", "app", "system"
FOLDER = "credentials"


def with_credentials(layout: Layout) -> Layout:
    """The account is `APP` then, as its claims call it. The lab itself logs in as the `admin` of it."""
    (account,) = layout.accounts
    place = f"{layout.topology.folder}/{FOLDER}"
    return replace(
        layout,
        streams=tuple(replace(stream, account=ACCOUNT) for stream in layout.streams),
        clients={region: replace(client, account=ACCOUNT) for region, client in layout.clients.items()},
        accounts=(replace(account, name=ACCOUNT, file=f"{place}/{ADMIN}.creds"),),
        system=replace(layout.system, user="", password="", file=f"{place}/{SYSTEM}.creds"),
    )
