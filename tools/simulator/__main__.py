"""
The command `python -m tools.simulator PARTNER`: a name in, a serving partner out.
"""

import argparse
import signal
import threading
from pathlib import Path
from typing import Any

import orjson

from tools.simulator.faults import NAMES
from tools.simulator.partner import REPOSITORY
from tools.simulator.server import Simulator


def main() -> None:
    arguments = _parser().parse_args()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    try:
        simulator = Simulator(
            arguments.partner,
            arguments.root,
            port=arguments.port,
            faults=dict(arguments.fault),
            settings=dict(arguments.setting),
            seed=arguments.seed,
            token_lifetime=arguments.token_lifetime,
            store=arguments.store,
            quiet=arguments.quiet,
        )
    except (OSError, TypeError, ValueError) as error:
        raise SystemExit(f"simulator: {error}") from None
    with simulator:
        print(orjson.dumps(_facts(simulator)).decode(), flush=True)
        done.wait()


def _facts(simulator: Simulator) -> dict[str, Any]:
    return {
        "partner": simulator.partner,
        "base_url": simulator.base_url,
        "control": simulator.control_url,
        "credentials": simulator.credentials,
        "settings": simulator.settings,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.simulator", description="Serve a simulated partner."
    )
    parser.add_argument("partner", help="its name, as in connectors/partners/")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="its files")
    parser.add_argument(
        "--fault",
        type=_pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a rate of {', '.join(NAMES)}; or a setting such as latency_seconds",
    )
    parser.add_argument(
        "--setting",
        type=_pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of the use case, for the templates of the connector file",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--token-lifetime", type=float, help="seconds")
    parser.add_argument("--store", type=Path, help="keeps the records between runs")
    parser.add_argument("--quiet", action="store_true", help="no line for each call")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    main()
