from .base import Completion as Completion
from .base import Executor as Executor
from .create import create_executor as create_executor
