from .evaluator import Evaluator as Evaluator
from .replay import Comparison as Comparison
from .replay import respecify as respecify
from .run import Run as Run
