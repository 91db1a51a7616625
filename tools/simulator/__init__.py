"""
A partner as a real HTTP server: its connector file and payload schemas in, calls
answered.

Reading order: partner, templates, schemas, answers, store, paging, records, auth,
faults, routes, app, control, server.
"""

from tools.simulator.server import Simulator

__all__ = ["Simulator"]
