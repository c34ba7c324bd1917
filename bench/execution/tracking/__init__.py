"""Copies run records to MLflow. The copy can be made again from them, so it may fail."""

from bench.execution.tracking.tracker import Tracker

__all__ = ["Tracker"]
