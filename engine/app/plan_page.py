"""A plan as one HTML page: a plan's JSON in, a page out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def render(plan: Mapping[str, Any], made_at: datetime) -> str:
    """Return the page."""
    raise ValueError((plan, made_at))
