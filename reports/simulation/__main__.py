"""``python -m reports.simulation`` writes coverage.csv anew: four minutes' work on one core."""

import pandas as pd

from reports.analysis.interval_calibration import FILE
from reports.simulation.curves import simulate_curves
from reports.simulation.formulas import simulate

WHOLE = ("seeds", "baseline seeds", "queries", "points", "factor")

rows = pd.concat([simulate(), simulate_curves()], ignore_index=True)
rows.round(4).astype(dict.fromkeys(WHOLE, "Int64")).to_csv(FILE, index=False)
