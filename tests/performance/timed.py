"""Times one way of doing some work: ``python -m tests.performance.timed MODULE:FUNCTION OPTIONS``.

The function takes the options (a JSON object) and returns what is to be timed, without arguments.
The last line printed is its seconds.
"""

import json
import sys
import time
from importlib import import_module


def main(work: str, options: str) -> None:
    module, _, name = work.partition(":")
    given = json.loads(options)
    warm = given.pop("warm")
    action = getattr(import_module(module), name)(**given)
    for _ in range(warm):
        action()
    since = time.perf_counter()
    action()
    print(time.perf_counter() - since)


if __name__ == "__main__":
    main(*sys.argv[1:])
