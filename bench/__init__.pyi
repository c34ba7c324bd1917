from . import collections as collections
from . import generators as generators
from . import losses as losses
from . import samplers as samplers
from . import students as students
from . import teachers as teachers
from .losses.signals import Embeddings as Embeddings
from .losses.signals import Signals as Signals
from .results import Results as Results
from .results import load_results as load_results

__version__: str
