"""Seeds for one purpose each, from one seed."""

import hashlib


def derive_seed(seed: int, name: str, step: int = 0) -> int:
    """A seed for one purpose at one step."""
    key = hashlib.sha256(f"{seed} {name} {step}".encode()).digest()
    return int.from_bytes(key[:8], "big") >> 1
