"""A figure: final runs as dots."""

from dataclasses import dataclass

import matplotlib.figure
import pandas as pd

from reports import figures
from reports.figures import Figure


@figures.register("toy-dots")
@dataclass(frozen=True)
class ToyDots(Figure):
    """Examples of every final run."""

    def data(self, results) -> pd.DataFrame:
        summary = results.summary
        return summary[summary["role"] == "final"][["arm", "seed", "examples"]]

    def draw(self, results, data: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = matplotlib.figure.Figure()
        figure.subplots().plot(data["examples"].to_numpy(), "o")
        return figure
