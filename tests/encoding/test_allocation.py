"""Memory that a tensor has freed is there for the next one."""

import platform
import subprocess
import sys
from textwrap import dedent

import pytest


def faults(before: str) -> int:
    """How often a process waits for memory while it makes a tensor twenty times."""
    code = f"""
        from resource import RUSAGE_SELF, getrusage

        import torch

        {before}
        for _ in range(20):
            torch.ones(10**7)
        start = getrusage(RUSAGE_SELF).ru_minflt
        for _ in range(20):
            torch.ones(10**7)
        print(getrusage(RUSAGE_SELF).ru_minflt - start)
    """
    return int(subprocess.check_output([sys.executable, "-c", dedent(code)]))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_memory_is_kept():
    kept = faults("from bench.encoding.device import choose; choose('float32')")
    assert kept < faults("") / 20
