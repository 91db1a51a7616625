"""
A partner as a real HTTP server: its connector file and payload schemas in, calls
answered.

Reading order: partner, templates, annotations, schemas, answers, errors, shapes,
documents, routes, store, rules, paging, search, records, named_by_us,
named_by_partner, auth, headers, budget, faults, special, simulation, app, control,
server.
"""

from tools.simulator.server import Simulator

__all__ = ["Simulator"]
