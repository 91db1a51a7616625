"""Time as the connector layer sees it, so that tests need not wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """`steady` seconds never go back, `epoch` seconds may; `sleep` waits."""

    steady: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
