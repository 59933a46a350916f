"""The expectations of a scenario, as values that judge evidence; pure. `str()` is the sentence that people read."""

from lab.scenario.expectations.contents import (
    Agree,
    Duplicated,
    Lost,
    NothingDuplicated,
    NothingLost,
    NotVisible,
    OrderDiffers,
    OrderKept,
    Visible,
)
from lab.scenario.expectations.outcomes import Answered, Delivered, Published, TrafficKept
from lab.scenario.expectations.phrases import Quantity, Timed
from lab.scenario.expectations.servers import Fails, Healthy, Holds, Leader, Operation, Stored, Version, Works

__all__ = [
    "EXPECTATIONS",
    "Agree",
    "Answered",
    "Delivered",
    "Duplicated",
    "Expectation",
    "Fails",
    "Healthy",
    "Holds",
    "Leader",
    "Lost",
    "NotVisible",
    "NothingDuplicated",
    "NothingLost",
    "Operation",
    "OrderDiffers",
    "OrderKept",
    "Published",
    "Quantity",
    "Stored",
    "Timed",
    "TrafficKept",
    "Version",
    "Visible",
    "Works",
]

Expectation = (
    Published
    | Works
    | Fails
    | Visible
    | NotVisible
    | NothingLost
    | Lost
    | NothingDuplicated
    | Duplicated
    | Agree
    | OrderKept
    | OrderDiffers
    | Stored
    | Holds
    | Leader
    | Healthy
    | Answered
    | Delivered
    | Version
    | TrafficKept
)
EXPECTATIONS: dict[str, type] = {
    "published": Published,
    "works": Works,
    "fails": Fails,
    "visible": Visible,
    "not_visible": NotVisible,
    "nothing_lost": NothingLost,
    "lost": Lost,
    "nothing_duplicated": NothingDuplicated,
    "duplicated": Duplicated,
    "agree": Agree,
    "order_kept": OrderKept,
    "order_differs": OrderDiffers,
    "stored": Stored,
    "holds": Holds,
    "leader": Leader,
    "healthy": Healthy,
    "answered": Answered,
    "delivered": Delivered,
    "version": Version,
    "traffic_kept": TrafficKept,
}
