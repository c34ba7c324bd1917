from .fine_print import depth_notes as depth_notes
from .fine_print import grade_notes as grade_notes
from .measured import measure_run as measure_run
from .measures import deepest as deepest
from .measures import parse_all as parse_all
from .measures import per_query as per_query
from .ranking import write_trec as write_trec
from .search import search as search
