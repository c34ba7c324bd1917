"""Carries out a study file without drawing its report: FILE OUT ARTIFACTS."""

import sys
from pathlib import Path

from bench.execution.coordinator import Coordinator
from bench.study.file import load_study

if __name__ == "__main__":  # worker processes import this module too
    file, out, artifacts = sys.argv[1:]
    Coordinator(load_study(file), Path(out), Path(artifacts), None).run()
